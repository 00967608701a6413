"""Trains a round's student or assistant on all processes, and saves it during the training."""

from collections.abc import Callable

from amkd.data.records import Records
from amkd.run import leading
from amkd.run.context import RunContext
from amkd.run.leading import TrainingStart
from amkd.run.targets import Targets
from amkd.training.periodic_saver import PeriodicSaver
from amkd.training.train import Leaves, Training, epochs_at_once, train_network
from amkd.training.train_state import TrainState


def _no_report(epoch: int, loss: float) -> None:
    del epoch, loss


def trained(
    context: RunContext,
    training: Training,
    records: Records,
    targets: Targets,
    start: TrainingStart,
    *,
    title: str,
    save: Callable[[int, Leaves], None],
    role: str = "student",
    on_epoch: Callable[[int, float], None] = _no_report,
) -> TrainState:
    """Trains on all processes.

    Args:
      context: the context of the run.
      training: what is trained.
      records: what it is trained on.
      targets: what is learned from them.
      start: where it starts.
      title: the title of the progress bar.
      save: takes the number of epochs done and the leaves of the state.
      role: what is trained, ``student`` or ``assistant``.
      on_epoch: is called with the number of epochs done and the mean loss.

    Returns:
      The state after the last epoch.

    Raises:
      Stopped: the process was asked to stop, and the state is saved.
    """

    def save_apart(epoch: int, leaves: Leaves) -> None:
        with leading.apart():
            save(epoch, leaves)

    stop = leading.EpochStop(context.stop, epochs_at_once(training))
    seconds, once = context.settings.checkpoint.seconds, training.images_per_epoch
    saver = PeriodicSaver(training, stop=stop, seconds=seconds, save=save_apart)
    with context.report.bar(training.epochs * once, title, "img") as advance:
        advance(start["first_epoch"] * once)

        def after_epoch(epoch: int, in_training: TrainState | None, loss: float) -> None:
            advance(once, loss=f"{loss:.4f}")
            on_epoch(epoch, loss)
            stop.after_epoch(epoch)
            saver.after_epoch(epoch, in_training)

        with leading.training(training, records, targets, start, role):
            return train_network(training, **start, on_epoch=after_epoch)
