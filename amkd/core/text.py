"""Text that people type and read: one form for what looks the same, and amounts of money."""

import unicodedata


def comparable(text: str) -> str:
    """Returns a text in Unicode's composed form (NFC).

    An é is one character or two, by the keyboard or the file system that it came from. Names are
    compared in this form, and shown as they were written.
    """
    return unicodedata.normalize("NFC", text)


def money(amount: float) -> str:
    """Formats an amount of money: two decimals, and more below 10 where two are not exact."""
    text = f"{amount:,.2f}"
    return text if amount >= 10 or float(text) == round(amount, 6) else f"{amount:,.4g}"
