"""Ports for servers of tests that are told where to listen."""

import random
import socket
from contextlib import suppress

_ASSIGNED = 32_768  # from here on the system hands ports out itself, to any program that asks


def free_port() -> int:
    """Returns a port that nothing listens on. The system will not hand it out meanwhile."""
    for port in random.SystemRandom().sample(range(20_000, _ASSIGNED), 100):
        with suppress(OSError), socket.socket() as free:
            free.bind(("localhost", port))
            return port
    raise AssertionError("no port is free")
