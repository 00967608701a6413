"""What ``launch.py`` can do: one function per ``--mode``."""

from collections.abc import Callable
from pathlib import Path

from amkd import checkpoint, devices, distill, feasibility, metrics, report, settings
from amkd.errors import UserError
from amkd.stopping import StopSignal
from amkd.teachers import local

Mode = Callable[[settings.Settings, Path | None, Path | None, StopSignal], None]


def distill_mode(config: settings.Settings, workdir: Path | None, network: Path | None, stop: StopSignal) -> None:
    """The whole run; prints its table."""
    if workdir is None:
        raise UserError("--workdir is missing: the folder for this run's state and results")
    print(report.table(distill.run(config, workdir, stop)))


def train_teacher(config: settings.Settings, workdir: Path | None, network: Path | None, stop: StopSignal) -> None:
    """Trains the local teacher, or finds it in the cache; prints its accuracy and its place."""
    if config.teacher.kind != "flax":
        raise UserError(f"config.teacher.kind={config.teacher.kind!r}: only a flax teacher can be trained")
    feasibility.check_devices(config, devices.count())
    data = distill.load_data(config)
    cache = Path(config.cache_dir).expanduser()
    bar = report.bars(config.report.progress)
    saved = local.load_or_train(config.teacher, data, cache, bar, stop, config.checkpoint.seconds)
    print(f"teacher              {local.place(config.teacher, data, cache)}")
    print(f"validation accuracy  {report.percent(saved.card['validation_accuracy'])}")
    accuracy = metrics.accuracy(saved.predict(data.test_images), data.test_labels)
    print(f"test accuracy        {report.percent(accuracy)}")


def evaluate(config: settings.Settings, workdir: Path | None, network: Path | None, stop: StopSignal) -> None:
    """Accuracy of a saved network on the configuration's test images."""
    folder = network or (workdir / "student" if workdir else None)
    if folder is None:
        raise UserError("--network is missing: the folder of a saved student or teacher (or --workdir of a run)")
    saved = checkpoint.load_network(folder)
    data = distill.load_data(config)
    if list(data.shape) != saved.card["shape"] or data.classes != saved.card["classes"]:
        raise UserError(
            f"{folder} was made for images {saved.card['shape']} of {saved.card['classes']} classes, and"
            f" config.dataset={config.dataset!r} has {list(data.shape)} of {data.classes}"
        )
    answers = saved.predict(data.test_images)
    print(f"{saved.card['role']} {saved.card['model']} in {folder}")
    print(f"test accuracy        {report.percent(metrics.accuracy(answers, data.test_labels))}")


MODES: dict[str, Mode] = {"distill": distill_mode, "train_teacher": train_teacher, "evaluate": evaluate}
