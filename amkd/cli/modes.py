"""What ``launch.py`` can do: one function per ``--mode``."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd import export, validation
from amkd.config import settings
from amkd.core import devices
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.export import predictions
from amkd.models.saved_network import SavedNetwork, load_network
from amkd.planning import report as plans
from amkd.reporting import metrics, report
from amkd.reporting.bars import bars
from amkd.run import experiment
from amkd.teachers import local

_CHECKED = 64  # real images on which an exported file must answer like the student


class Order(NamedTuple):
    """The command line.

    Attributes:
      config: the configuration.
      workdir: ``--workdir``.
      network: ``--network``, a saved network.
      images: ``--images``, a folder of pictures.
      output: ``--output``.
      stop: whether the process was asked to stop.
    """

    config: settings.Settings
    workdir: Path | None
    network: Path | None
    images: Path | None
    output: Path | None
    stop: StopSignal

    @property
    def cache(self) -> Path:
        """Folder of decoded data and trained teachers."""
        return Path(self.config.cache_dir).expanduser()

    def saved(self) -> tuple[Path, SavedNetwork]:
        """The saved network that is meant, and its folder."""
        folder = self.network or (self.workdir / "student" if self.workdir else None)
        if folder is None:
            raise UserError(
                "--network is missing: the folder of a saved student or teacher (or --workdir"
                " of a run)"
            )
        return folder, load_network(folder)


def distill_mode(order: Order) -> None:
    """The whole run; prints its table."""
    if order.workdir is None:
        raise UserError("--workdir is missing: the folder for this run's state and results")
    print(report.table(experiment.run(order.config, order.workdir, order.stop)))


def plan_mode(order: Order) -> None:
    """What a run will ask, cost and need; asks nothing."""
    print(plans.report(order.config, order.workdir, order.stop))


def train_teacher(order: Order) -> None:
    """Trains the local teacher, or finds it in the cache; prints its accuracy and its place."""
    config = order.config
    if config.teacher.kind != "flax":
        raise UserError(
            f"config.teacher.kind={config.teacher.kind!r}: only a flax teacher can be trained"
        )
    validation.check_devices(config, devices.count())
    data = experiment.load_data(config)
    validation.check_data(config, data)
    bar = bars(config.report.progress)
    saved = local.load_or_train(
        config.teacher,
        data,
        cache_dir=order.cache,
        bar=bar,
        stop=order.stop,
        save_seconds=config.checkpoint.seconds,
    )
    print(f"teacher              {local.place(config.teacher, data, order.cache)}")
    print(f"validation accuracy  {report.percent(saved.card['validation_accuracy'])}")
    accuracy = metrics.accuracy(saved.predict(data.test_images), data.test_labels)
    print(f"test accuracy        {report.percent(accuracy)}")


def evaluate(order: Order) -> None:
    """Accuracy of a saved network on the configuration's test images."""
    folder, saved = order.saved()
    data = _data_for(order, folder, saved)
    if data.test_labels is None and order.config.data.judge == "train":
        raise UserError(
            "config.data.judge='train': images of the training set have no labels here; set it"
            " to test"
        )
    if data.test_labels is None:
        raise UserError(
            "config.data.test_folder='': without labeled test pictures no accuracy can be measured"
        )
    answers = saved.predict(data.test_images)
    print(f"{saved.card['role']} {saved.card['model']} in {folder}")
    print(f"test accuracy        {report.percent(metrics.accuracy(answers, data.test_labels))}")


def predict(order: Order) -> None:
    """A folder of pictures through a saved network, to a CSV file."""
    if order.images is None:
        raise UserError("--images is missing: the folder of pictures to predict")
    output = order.output or (
        order.workdir / "predictions.csv" if order.workdir else Path("predictions.csv")
    )
    _, saved = order.saved()
    written = predictions.write(saved, order.images, output, order.config.data.resize, order.cache)
    print(f"{output}: {written.pictures} pictures, {len(written.broken)} broken and left out")


def export_mode(order: Order) -> None:
    """A saved student as files that need no amkd, with a model card."""
    folder, saved = order.saved()
    output = order.output or folder.parent / "export"
    data = _data_for(order, folder, saved)
    sample = np.asarray(
        data.test_images[:_CHECKED] if len(data.test_images) else data.pool_images[:_CHECKED]
    )
    formats = tuple(order.config.export.formats.split(","))
    made = export.write(saved, output, sample, formats, order.config.export.license)
    for name in formats:
        told = made[name]
        print(
            f"{name:<20} {told['path']}: {told['bytes']:,} bytes, within"
            f" {told['max_difference']:.1e} of the student"
        )
    print(f"{'model card':<20} {made['card']}")


def _data_for(order: Order, folder: Path, saved: SavedNetwork) -> DataSet:
    """The configuration's data set, if it is of the kind that a network was made for."""
    data = experiment.load_data(order.config)
    if list(data.shape) != saved.card["shape"] or data.classes != saved.card["classes"]:
        raise UserError(
            f"{folder} was made for images {saved.card['shape']} of {saved.card['classes']}"
            " classes, and"
            f" config.dataset={order.config.dataset!r} has {list(data.shape)} of {data.classes};"
            " give the flags of the"
            " run that made it (WORKDIR/config.json has them), such as --config.data.size and"
            " --config.data.mode"
        )
    return data


STOPPABLE = ("distill", "train_teacher")  # save when asked to stop; the others just end

MODES: dict[str, Callable[[Order], None]] = {
    "distill": distill_mode,
    "plan": plan_mode,
    "train_teacher": train_teacher,
    "evaluate": evaluate,
    "predict": predict,
    "export": export_mode,
}
