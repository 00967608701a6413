"""Finding a secret in whatever spelling, in files and in output."""

import base64
import json
from pathlib import Path
from urllib.parse import quote


def spellings(secret: str) -> set[bytes]:
    """A secret as it may be found in a file: plain, quoted, escaped, in hexadecimal, in base64 at
    any place.
    """
    plain = secret.encode()
    found = {
        plain,
        quote(secret, safe="").encode(),
        json.dumps(secret)[1:-1].encode(),
        plain.hex().encode(),
    }
    for before in range(3):  # characters that also depend on what stands around are left out
        coded = base64.b64encode(b"\0" * before + plain)
        found.add(coded[-(-8 * before // 6) : len(coded) // 4 * 4 - 4])
    return found


def leaks(texts: dict[str, bytes], *secrets: str) -> list[str]:
    return [
        name
        for name, text in texts.items()
        for secret in secrets
        for form in spellings(secret)
        if form in text
    ]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
