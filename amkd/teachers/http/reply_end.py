"""Detects bytes on a connection that belong to no request: bytes after a complete reply."""

import h11


class ReplyEnd:
    """Follows the bytes of one reply to its end."""

    def __init__(self) -> None:
        self._parser = h11.Connection(h11.CLIENT)
        self._parser.send(h11.Request(method="POST", target="/", headers=[("Host", "-")]))
        self._parser.send(h11.EndOfMessage())
        self._broken = False

    def follow(self, received: bytes) -> None:
        """Takes the next bytes of the connection; bytes that are not HTTP end it anyway."""
        if self._broken:
            return
        try:
            self._parser.receive_data(received)
            while not isinstance(event := self._parser.next_event(), type):
                if isinstance(event, h11.ConnectionClosed):
                    return
        except (h11.RemoteProtocolError, RuntimeError):  # RuntimeError: bytes after closing
            self._broken = True

    @property
    def ended(self) -> bool:
        """Whether the reply is complete."""
        return self._parser.their_state not in (h11.SEND_RESPONSE, h11.SEND_BODY)

    @property
    def surplus(self) -> bool:
        """Whether bytes came after the end of the reply."""
        return self.ended and not self._broken and bool(self._parser.trailing_data[0])
