"""TensorBoard event files."""

import logging
from collections.abc import Mapping
from pathlib import Path


class EventFiles:
    """Writes event files to a folder."""

    def __init__(self, folder: Path) -> None:
        """Opens the next file in a folder."""
        from tensorboardX import SummaryWriter

        logging.getLogger("tensorboardX").setLevel(logging.ERROR)
        self._events = SummaryWriter(str(folder))

    def scalars(self, values: Mapping[str, float], *, axis: str, step: int) -> None:
        """See :class:`amkd.reporting.writers.base.Writer`."""
        for name, value in values.items():
            self._events.add_scalar(name, value, step)
        self._events.flush()

    def close(self, *, finished: bool) -> None:
        """See :class:`amkd.reporting.writers.base.Writer`."""
        self._events.close()
