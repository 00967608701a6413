"""Reads the body of a reply, up to a limit for its size as received and unpacked."""

import zlib
from collections.abc import Iterable

ENCODINGS = "gzip"  # what requests accept
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class TooLarge(Exception):
    """Raised for a body above the limit."""


class Undecodable(Exception):
    """Raised for a body that is complete but cannot be unpacked."""


def read(parts: Iterable[bytes], *, encoding: str, length: str, limit: int) -> bytes:
    """Returns the unpacked body.

    Args:
      parts: the bytes of the body, as they are received.
      encoding: the header ``Content-Encoding``; empty for none.
      length: the header ``Content-Length``; empty for none.
      limit: maximum number of bytes, both as received and unpacked.

    Raises:
      TooLarge: it has more bytes.
      Undecodable: it is packed in a way that was not requested, or is damaged.
    """
    if length.isdecimal() and int(length) > limit:
        raise TooLarge
    unpack = _unpacker(encoding)
    received, body = 0, bytearray()
    for part in parts:
        received += len(part)
        if received > limit:
            raise TooLarge
        body += unpack.more(part, limit - len(body))
    unpack.end()
    return bytes(body)


class _Plain:
    """A body that is not packed."""

    def more(self, part: bytes, room: int) -> bytes:
        """Returns the content of a part, at most ``room`` bytes."""
        if len(part) > room:
            raise TooLarge
        return part

    def end(self) -> None:
        """Checks that the body is complete."""


class _Packed(_Plain):
    """A body in one or several pieces of gzip or zlib."""

    def __init__(self) -> None:
        self._piece, self._begun = zlib.decompressobj(_GZIP_OR_ZLIB), False

    def more(self, part: bytes, room: int) -> bytes:
        """Unpacks a part, to at most ``room`` bytes."""
        found = bytearray()
        while part:
            if self._piece.eof:
                self._piece = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                found += self._piece.decompress(part, room - len(found) + 1)
            except zlib.error as error:
                raise Undecodable(f"it is not gzip ({error})") from None
            if len(found) > room:
                raise TooLarge
            self._begun = True
            part = self._piece.unconsumed_tail or self._piece.unused_data
        return bytes(found)

    def end(self) -> None:
        """See above."""
        if self._begun and not self._piece.eof:
            raise Undecodable("its gzip is truncated")


def _unpacker(encoding: str) -> _Plain:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _Plain()
    if name in ("gzip", "x-gzip", "deflate"):
        return _Packed()
    raise Undecodable(f"it is packed as {name[:40]!r}, which was not requested")
