"""Text that people type: one form for what looks the same."""

import unicodedata


def comparable(text: str) -> str:
    """Returns a text in Unicode's composed form (NFC).

    An é is one character or two, by the keyboard or the file system that it came from. Names are
    compared in this form, and shown as they were written.
    """
    return unicodedata.normalize("NFC", text)
