"""Text that people type and read: one form for what looks the same, and amounts of money."""

import unicodedata
from decimal import Decimal


def comparable(text: str) -> str:
    """Returns a text in Unicode's composed form (NFC).

    An é is one character or two, by the keyboard or the file system that it came from. Names are
    compared in this form, and shown as they were written.
    """
    return unicodedata.normalize("NFC", text)


def money(amount: float) -> str:
    """Formats an amount of money: two decimals, and more below 10 where two are not exact."""
    text = f"{amount:,.2f}"
    return text if amount >= 10 or float(text) == round(amount, 6) else plain(amount, 4)


def plain(value: float, digits: int = 10) -> str:
    """Formats a number with at most so many significant digits, and never with an exponent."""
    return f"{Decimal(f'{value:.{digits}g}'):,f}"
