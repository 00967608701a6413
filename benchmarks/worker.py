"""An object in a separate process, which works when it is called and otherwise sleeps.

The two sides of a comparison must not share a process: each library has its own pool of threads,
its own allocator and its own peak of memory. The child process starts as a new interpreter and
receives calls over a pipe.
"""

import importlib
import multiprocessing
import subprocess
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any


class Failed(RuntimeError):
    """The call raised an exception in the worker; its traceback is the message."""


class Worker:
    """One object in a child process; a context manager that ends the child.

    Args of the constructor:
      target: ``module:class`` of the object.
      args: the arguments of its constructor.
    """

    def __init__(self, target: str, *args: Any) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        command = [sys.executable, "-m", "benchmarks.worker", str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        self._ask(target, *args)

    def call(self, method: str, *args: Any, **named: Any) -> Any:
        """Calls ``method(*args, **named)`` of the object.

        Raises:
          Failed: the call raised an exception.
        """
        return self._ask(method, *args, **named)

    def _ask(self, name: str, /, *args: Any, **named: Any) -> Any:
        self._pipe.send((name, args, named))
        try:
            fine, answer = self._pipe.recv()
        except EOFError:
            raise Failed(f"the worker ended with exit status {self._process.wait()}") from None
        if not fine:
            raise Failed(answer)
        return answer

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.wait()


def serve(pipe: Connection) -> None:
    """Makes the object, then answers calls from the pipe until it is closed."""
    subject: Any = None
    while True:
        try:
            name, args, named = pipe.recv()
        except EOFError:
            return
        try:
            if subject is None:
                module, _, kind = name.partition(":")
                subject = getattr(importlib.import_module(module), kind)(*args, **named)
                answer = None
            else:
                answer = getattr(subject, name)(*args, **named)
            pipe.send((True, answer))
        except Exception:
            pipe.send((False, traceback.format_exc()))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
