"""What ``amkd`` does with a run's configuration: one function per ``--mode``."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from amkd.cli import page_output, same_configuration
from amkd.config.origin import NOWHERE, Origin
from amkd.config.settings import Settings
from amkd.core import console, devices, files, processes
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import class_names, own_images
from amkd.data.dataset import DataSet, draw_real, with_not_drawn
from amkd.export import INT8, int8, predictions
from amkd.export import write as write_export
from amkd.export.int8 import Quantization
from amkd.models import saved_network
from amkd.models.saved_network import SavedNetwork, load_network
from amkd.planning import probe as probes
from amkd.planning import probe_page
from amkd.planning import report as plans
from amkd.planning.probe_lines import probe_lines
from amkd.reporting import summary_text
from amkd.reporting.bars import bars
from amkd.run import checks, experiment, following, inputs, output_folders
from amkd.run.workdir import PROBE_PAGE
from amkd.serving import serve as serving
from amkd.teachers import local
from amkd.validation import real_images

_COMPARED = 2000  # images on which an 8-bit file is compared with the student
# What a JSON log reports about a finished run.
_RESULT = (
    *("queries", "evaluation_queries", "cost", "currency"),
    *("teacher_accuracy", "student_accuracy", "agreement", "student_sha256"),
)
_CHECKED = 64  # images on which an exported file must answer like the student


@dataclass(frozen=True, kw_only=True)
class Command:
    """What the command line asks for.

    Attributes:
      config: the configuration.
      workdir: ``--workdir``, the folder of the run.
      network: ``--network``, a saved network.
      images: ``--images``, a folder of image files.
      output: ``--output``, a file or a folder.
      stop: whether the process was asked to stop.
      host: ``--host``, the address to serve at.
      port: ``--port``, the port to serve at.
      problems: what is wrong with the configuration; the plan looks for more.
      origin: where the configuration came from.
    """

    config: Settings
    workdir: Path | None
    network: Path | None
    images: Path | None
    output: Path | None
    stop: StopSignal
    problems: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8080
    origin: Origin = NOWHERE

    @property
    def cache(self) -> Path:
        """Folder of decoded data and trained teachers."""
        return Path(self.config.cache_dir).expanduser()

    def saved(self, *, of_classes: bool = True) -> tuple[Path, SavedNetwork]:
        """Returns the saved network that the flags name, and its folder.

        Args:
          of_classes: whether it must be a classifier.

        Raises:
          UserError: there is none, it belongs to a run with another configuration, or it is not a
            classifier.
        """
        if self.workdir and not self.network:
            same_configuration.check(self.config, self.workdir)
            _check_finished(self.workdir)
        folder = self.network or (self.workdir / "student" if self.workdir else None)
        if folder is None:
            raise UserError(
                "--network is missing: give the folder of a saved student or teacher (or --workdir"
                " of a run)"
            )
        saved = load_network(folder)
        if of_classes and saved.groups > 1:
            raise UserError(
                f"{folder} contains a network for lanes, which only --mode=evaluate supports; for"
                " its answers use amkd.load_student(FOLDER).predict in Python"
            )
        return folder, saved


def _check_finished(workdir: Path) -> None:
    """Refuses a run that has no student yet.

    Raises:
      UserError: it is not finished.
    """
    if not saved_network.is_in(workdir / "student") and not (workdir / "summary.json").exists():
        raise UserError(
            f"{workdir} has no student yet: the run is not finished. Run the same command without"
            " --mode first, or name a saved network with --network=FOLDER"
        )


def distill(command: Command) -> None:
    """Does the whole run and prints its table. A follower only computes for process 0."""
    if not processes.leads():
        following.follow(command.config)
    if command.workdir is None:
        raise UserError("--workdir is missing: give the folder for this run's state and results")
    summary = experiment.run(command.config, command.workdir, command.stop, origin=command.origin)
    # A summary that an earlier version wrote lacks some of these.
    result: dict[str, Any] = {name: summary.get(name) for name in _RESULT}
    table = summary_text.closing_table(summary, command.workdir)
    console.say(table, last=True, event="result", **result)


def plan(command: Command) -> None:
    """Prints what a run will query, cost and need; queries nothing."""
    console.say(plans.report(command.config, command.workdir, command.stop, command.problems))


def probe(command: Command) -> None:
    """Queries a few images before the real spending; prints and shows the answers."""
    if command.workdir is None:
        raise UserError("--workdir is missing: give the folder of the run whose teacher is probed")
    if command.output:  # before anything is paid for
        page_output.check(command.output)
    found = probes.probe(command.config, command.workdir, command.stop)
    page = command.output or command.workdir / PROBE_PAGE
    lines = list(probe_lines(found))
    console.say("\n".join(lines), last=True)
    files.write_text(page, probe_page.page(found, lines))
    console.say(f"{'contact sheet':<20} {page}", last=True)
    if found.problem:
        raise found.problem


def train_teacher(command: Command) -> None:
    """Trains the local teacher, or finds it in the cache; prints its accuracy and its folder."""
    config = command.config
    if config.teacher.kind != "flax":
        raise UserError(
            f"config.teacher.kind={config.teacher.kind!r}: only a flax teacher can be trained;"
            " set it to 'flax'"
        )
    output_folders.check(config, None)
    checks.check_devices(config, devices.count())
    data = inputs.load_data(config)
    checks.check_data(inputs.with_real_count(config, data), data)
    bar = bars(config.report.progress)
    saved = local.load_or_train(
        config.teacher,
        data,
        cache_dir=command.cache,
        bar=bar,
        stop=command.stop,
        save_seconds=config.checkpoint.seconds,
    )
    console.say(f"teacher              {local.place(config.teacher, data, command.cache)}")
    validated = summary_text.percent(saved.card["validation_accuracy"], config.teacher.validation)
    console.say(f"validation accuracy  {validated}", last=True)
    for line in _test_figures(data, saved):
        console.say(line, last=True)


def evaluate(command: Command) -> None:
    """Prints the accuracy of a saved network on the configuration's test images."""
    folder, saved = command.saved(of_classes=False)
    data = _data_for(command, folder, saved)
    if data.test_labels is None and command.config.data.evaluate_on == "train":
        raise UserError(
            "config.data.evaluate_on='train': the images of the training set have no"
            " ground-truth labels here; set it to 'test'"
        )
    if data.test_labels is None:
        raise UserError(
            "config.data.test_folder='': accuracy cannot be measured without labeled test images;"
            " set it to a folder with a subfolder for each class"
        )
    class_names.refuse_other_order(saved.card.get("class_names") or (), data.class_names)
    console.say(f"{saved.card['role']} {saved.card['model']} in {folder}")
    for line in _test_figures(data, saved):
        console.say(line)


def _test_figures(data: DataSet, saved: SavedNetwork) -> Iterator[str]:
    """Yields the figures of a network on the test images."""
    found = data.task.evaluated(saved.predict(data.test_images), data.test_labels)
    told = summary_text.percent(found["student_accuracy"], found["accuracy_images"])
    yield f"test accuracy        {told}"
    yield from summary_text.figures(found)


def predict(command: Command) -> None:
    """Writes a CSV file with the answers of a saved network to a folder of image files."""
    if command.images is None:
        raise UserError("--images is missing: give the folder of the image files to predict")
    output = command.output or (
        command.workdir / "predictions.csv" if command.workdir else Path("predictions.csv")
    )
    _, saved = command.saved()
    written = predictions.write(
        saved,
        command.images,
        output,
        resize=command.config.data.resize,
        plain=command.config.export.plain_csv,
    )
    console.say(f"{output}: {written.images} images, {len(written.broken)} broken and left out")


def export(command: Command) -> None:
    """Exports a saved student as files that do not need amkd, with a model card."""
    folder, saved = command.saved()
    output = command.output or folder.parent / "export"
    data = _data_for(command, folder, saved)
    if INT8 in command.config.export.formats.split(","):
        _check_same_images(data, folder, saved)
    tested = own_images.limit_test_images(data, _CHECKED).test_images
    sample = np.asarray(tested if len(tested) else data.pool_images[:_CHECKED])
    formats = tuple(command.config.export.formats.split(","))
    made = write_export(
        saved,
        output,
        sample,
        formats=formats,
        license=command.config.export.license,
        quantization=_quantization(command.config, data) if INT8 in formats else None,
    )
    for name in formats:
        file = made[name]
        console.say(
            f"{name:<20} {file['path']}: {file['bytes']:,} bytes, within"
            f" {file['max_difference']:.1e} of the student"
        )
        if file.get("warning"):
            console.say(f"{'warning':<20} {file['warning']}")
    console.say(f"{'model card':<20} {made['card']}")


def serve(command: Command) -> None:
    """Serves a run's student; its teacher answers unsure images where that is configured."""
    if command.workdir is None:
        raise UserError("--workdir is missing: give the folder of the run whose student is served")
    _, saved = command.saved()
    serving.serve(
        command.config,
        command.workdir,
        saved,
        host=command.host,
        port=command.port,
        stop=command.stop,
    )


def _check_same_images(data: DataSet, folder: Path, saved: SavedNetwork) -> None:
    """Refuses other images than those of the student's run: with them, it is not known which the
    student learned from.
    """
    if saved.card.get("data_key") not in (None, data.key):
        raise UserError(
            f"config.export.formats={INT8!r}: {folder} was made from other images than there are"
            " now; restore the images of the run, or leave this format out:"
            " --config.export.formats=stablehlo,onnx"
        )


def _quantization(config: Settings, data: DataSet) -> Quantization:
    """Returns the run's real images, or some if it has none, and images for a comparison.

    The latter are some of the evaluation images, drawn from the whole set, and so from all classes;
    if there are none, images that were never queried; if it is not known that there are such
    images, the real images again.
    """
    facts = inputs.facts_of(real_images.with_real_count(config, data.drawable_count), data)
    # A method that makes all its images draws no real ones, but the ranges need some.
    count = min(facts.real_count or int8.MOST_IMAGES, data.drawable_count)
    real = draw_real(data, count, config.seed)
    loss = config.export.int8_loss
    if len(data.test_images):
        held = own_images.limit_test_images(data, _COMPARED)
        return Quantization(real, np.asarray(held.test_images), held.test_labels, loss)
    rest = np.arange(count, min(data.drawable_count, count + _COMPARED))
    if not len(rest) or facts.method.selector.takes_images:
        return Quantization(real, real, None, loss, fresh=False)
    return Quantization(real, with_not_drawn(data, real, config.seed)[rest], None, loss)


def _data_for(command: Command, folder: Path, saved: SavedNetwork) -> DataSet:
    """Returns the configuration's data set, if it has the shape and classes of a network."""
    data = inputs.load_data(command.config)
    if list(data.shape) != saved.card["shape"] or data.classes != saved.card["classes"]:
        raise UserError(
            f"{folder} was made for images {saved.card['shape']} of {saved.card['classes']}"
            f" classes, but config.dataset={command.config.dataset!r} has {list(data.shape)} of"
            f" {data.classes}; give the flags of the run that made the network (they are in"
            " WORKDIR/config.json), such as --config.data.size and --config.data.mode"
        )
    return data


MODES: dict[str, Callable[[Command], None]] = {
    "distill": distill,
    "plan": plan,
    "probe": probe,
    "train_teacher": train_teacher,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "serve": serve,
}
