"""Saves a training while it runs."""

import time
from collections.abc import Callable

from amkd.core.stopping import StopSignal
from amkd.training.train import Leaves, Training, leaves_of
from amkd.training.train_state import TrainState


class PeriodicSaver:
    """Saves a training at intervals, and when the process is asked to stop."""

    def __init__(
        self,
        training: Training,
        *,
        stop: StopSignal,
        seconds: float,
        save: Callable[[int, Leaves], None],
    ) -> None:
        """Takes the ``seconds`` between two saves, and ``save``, which takes the number of finished
        epochs and the leaves of the state.
        """
        self._epochs, self._stop, self._seconds, self._save = training.epochs, stop, seconds, save
        self._last = time.monotonic()

    def after_epoch(self, epoch: int, state: TrainState | None) -> None:
        """Saves if a save is due and the state is known, but not after the last epoch, because then
        the caller saves the result.

        Raises:
          Stopped: the process was asked to stop, and the state is saved.
        """
        due = self._stop.requested or time.monotonic() - self._last >= self._seconds
        if due and state is not None and epoch < self._epochs:
            self._save(epoch, leaves_of(state))
            self._last = time.monotonic()
            self._stop.check()
