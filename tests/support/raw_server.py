"""A server of literal bytes, for replies that no HTTP library would send."""

import contextlib
import queue
import socket
import threading


class RawServer:
    """Answers each request on loopback by the next of ``replies``, and the last one for ever.

    A reply is bytes, or a list of bytes to be written one after the other until the client hangs
    up. ``asked`` lists what came: (number of the connection, head of the request, body). ``parts``
    gets an item after each part that was written.
    """

    def __init__(self, *replies):
        self.replies, self.asked, self._lock = list(replies), [], threading.Lock()
        self.connections, self.parts = 0, queue.SimpleQueue()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/x"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    @property
    def bodies(self):
        return [body for _, _, body in self.asked]

    def headers(self, name):
        """The values of one header, in the order of the requests; None where it is missing."""
        found = []
        for _, head, _ in self.asked:
            lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            found.append({key.lower(): value for key, value in lines.items()}.get(name.lower()))
        return found

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer = self._listener.accept()[0]
                self.connections += 1
                number = self.connections
                threading.Thread(target=self._serve, args=(peer, number), daemon=True).start()

    def _serve(self, peer, number):
        with peer, contextlib.suppress(OSError, ValueError):
            file = peer.makefile("rb")
            while head := b"".join(iter(lambda: file.readline().strip(b"\r\n") + b"\r\n", b"\r\n")):
                text = head.decode()
                size = next(
                    int(line.partition(":")[2])
                    for line in text.lower().split("\r\n")
                    if line.startswith("content-length")
                )
                body = file.read(size)
                with self._lock:
                    self.asked.append((number, text, body))
                    reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                for part in reply if isinstance(reply, list) else [reply]:
                    peer.sendall(part)
                    self.parts.put(len(part))


def http(body, *headers, status=200):
    """A whole reply."""
    lines = [f"HTTP/1.1 {status} So", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(body):
    """The same, in one chunk."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
