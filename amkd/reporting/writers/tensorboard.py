"""TensorBoard event files."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from amkd.core import console

_OURS = "amkd-events"  # before a path: tensorboardX opens the file with _Files


class EventFiles:
    """Writes event files to a folder."""

    def __init__(self, folder: Path) -> None:
        """Opens the next file in a folder."""
        from tensorboardX import SummaryWriter
        from tensorboardX.record_writer import register_writer_factory

        logging.getLogger("tensorboardX").setLevel(logging.ERROR)
        self._files = _Files()
        register_writer_factory(_OURS, self._files)
        self._events = SummaryWriter(f"{_OURS}:{folder}")

    def scalars(self, values: Mapping[str, float], *, axis: str, step: int) -> None:
        """See :class:`amkd.reporting.writers.base.Writer`.

        Raises:
          OSError: the file cannot be written, as on a full disk.
        """
        for name, value in values.items():
            self._events.add_scalar(name, value, step)
        self._events.flush()
        if self._files.fault:
            raise self._files.fault

    def close(self, *, finished: bool) -> None:
        """See :class:`amkd.reporting.writers.base.Writer`; reports a file that is not whole."""
        self._events.close()
        if self._files.fault:
            console.say(
                f"the curves for TensorBoard are not complete ({self._files.fault}); metrics.jsonl"
                " contains all values that were written",
                error=True,
            )


class _Files:
    """Opens files that keep their first error in ``fault``, and are silent after it.

    An error in a file of tensorboardX would end its thread: the next values would wait for ever,
    and it would write to the file again when the process ends, which prints a stack trace.
    """

    fault: OSError | None = None

    def directory_check(self, path: str) -> None:
        """Creates the folder that is named ``path``."""
        os.makedirs(path.removeprefix(f"{_OURS}:"), exist_ok=True)

    def open(self, path: str) -> "_File":
        """Opens the file that is named ``path``."""
        return _File(path.removeprefix(f"{_OURS}:"), self)


class _File:
    """A file without a buffer: nothing is left to be written when it is closed."""

    def __init__(self, path: str, files: _Files) -> None:
        self._path, self._files = path, files
        self._raw = open(path, "wb", buffering=0)  # noqa: SIM115  (closed by tensorboardX)
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Takes bytes; they are written by :meth:`flush`."""
        self._waiting += data

    def flush(self) -> None:
        """Writes the bytes to the disk, unless that has failed before."""
        try:
            while self._waiting and not self._files.fault:
                del self._waiting[: self._raw.write(self._waiting)]
            if not self._files.fault:
                os.fsync(self._raw.fileno())
        except OSError as error:
            self._files.fault = OSError(error.errno, error.strerror, self._path)
        if self._files.fault:
            self._waiting.clear()

    def close(self) -> None:
        """Closes the file."""
        self.flush()
        self._raw.close()
