"""Device-hours of the paper's tables, computed from the measured speed of a machine.

The work of a run is what its plan counts: evaluations of students in the searches, and images that
they are trained on. The training of the teachers is not counted. The speed of a model is the one
that ``benchmarks.accelerator`` measured on that machine. For a model that was not measured, the
time is the number of its operations divided by the rate of the largest measured model.

  python -m benchmarks.hours build/bench/accelerator.json
  python -m benchmarks.hours build/bench/accelerator.json --devices=8 --tables=table1,table2

Hours on several devices are the hours on one device divided by their number: the time in which they
wait for each other is not counted.
"""

import argparse
import dataclasses
import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from amkd import models
from amkd.config.settings import Settings
from amkd.run.facts import facts_of_run
from amkd.tables import sweep, table
from amkd.validation import real_images
from benchmarks import operations

TABLES = ("table1", "table2", "table4", "figure4")
# Images to draw from, their shape, and classes.
DATA_SETS = {
    "mnist": (60_000, (28, 28, 1), 10),
    "fashion_mnist": (60_000, (28, 28, 1), 10),
    "cifar10": (50_000, (32, 32, 3), 10),
    "places365_small": (1_803_460, (32, 32, 3), 365),
}


@dataclasses.dataclass
class Work:
    """The work of runs, added up.

    Attributes:
      runs: number of runs.
      evaluations: number of evaluations of students in searches.
      trained: images trained on.
      searched_flop: operations of the evaluations.
      trained_flop: operations of the training.
      searching: seconds of one device.
      training: seconds of one device.
    """

    runs: int = 0
    evaluations: int = 0
    trained: int = 0
    searched_flop: float = 0.0
    trained_flop: float = 0.0
    searching: float = 0.0
    training: float = 0.0


@dataclasses.dataclass(frozen=True)
class Speed:
    """The speed of one device.

    Attributes:
      measured: rows of ``benchmarks.accelerator``, by (name, model): figures per second.
      reached: operations per second, by name, of the measured model with the most operations.
    """

    measured: dict[tuple[str, str], float]
    reached: dict[str, float]

    def seconds(self, name: str, model: str, operations: float) -> float:
        """Returns the seconds of one evaluation (``search``) or of one image (``train``).

        Args:
          name: ``search`` or ``train``.
          model: name of the network.
          operations: the operations of one evaluation.
        """
        if (name, model) in self.measured:
            return 1 / self.measured[name, model]
        return operations / self.reached[name]


def main() -> None:
    """Prints a line for every table, and one for each of its rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="written by benchmarks.accelerator with --json")
    parser.add_argument("--devices", type=int, default=1, help="how many; default: %(default)s")
    parser.add_argument("--tables", default=",".join(TABLES), help="default: %(default)s")
    flags = parser.parse_args()
    speed = read(json.loads(flags.file.read_text()))
    print(render(flags.tables.split(","), speed, flags.devices))


def read(rows: Iterable[dict[str, Any]]) -> Speed:
    """Returns the speed of one device from the rows of a file."""
    measured, most, reached = {}, {"search": 0.0, "train": 0.0}, {}
    for row in rows:
        key = {"search": "mflop_after_stem", "train": "mflop_an_image"}.get(row["name"])
        if key:
            per_device = row["ours"] / row["machine"].get("devices", 1)
            measured[row["name"], row["model"]] = per_device
            operations = row["details"][key] * 1e6
            if operations > most[row["name"]]:
                most[row["name"]] = operations
                reached[row["name"]] = operations * per_device
    return Speed(measured, reached)


def render(tables: Iterable[str], speed: Speed, devices: int) -> str:
    """Returns the table in Markdown, with a sum for each of the paper's tables."""
    heads = (
        *("table", "row", "runs", "evaluations", "images trained on"),
        *("search, PFLOP", "training, PFLOP", "search, h", "training, h"),
    )
    lines = [heads, ("---",) * len(heads)]
    for name in tables:
        total = Work()
        rows = work_of(name, speed)
        for row, work in rows.items():
            lines.append(_line(name, row, work, devices))
            for field in dataclasses.fields(Work):
                setattr(total, field.name, getattr(total, field.name) + getattr(work, field.name))
        lines.append(_line(f"**{name}**", "all", total, devices))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(name: str, row: str, work: Work, devices: int) -> tuple[str, ...]:
    hours = (f"{seconds / 3600 / devices:,.1f}" for seconds in (work.searching, work.training))
    counts = f"{work.runs}", f"{work.evaluations / 1e6:,.0f} M", f"{work.trained / 1e6:,.0f} M"
    flop = (f"{count / 1e15:,.0f}" for count in (work.searched_flop, work.trained_flop))
    return (name, row, *counts, *flop, *hours)


def work_of(name: str, speed: Speed) -> dict[str, Work]:
    """Returns the work of a table's runs, row by row."""
    config = importlib.import_module(f"amkd.configs.tables.{name}").get_config()
    found: dict[str, Work] = {}
    for one in sweep.expand(table.from_config(config.to_dict())):
        add(found.setdefault(one.row, Work()), one.settings, speed)
    return found


def add(work: Work, settings: Settings, speed: Speed) -> None:
    """Adds a run to the work."""
    drawable, shape, classes = DATA_SETS[settings.dataset]
    settings = real_images.with_real_count(settings, drawable)
    facts = facts_of_run(settings, drawable=drawable, labelled=True)
    whole, stem = operations.of_network(models.build(settings.student, classes, shape), shape)
    student = settings.student
    work.runs += 1
    work.evaluations += facts.evaluations
    work.trained += facts.trained
    work.searched_flop += facts.evaluations * (whole - stem)
    work.trained_flop += facts.trained * 3 * whole
    work.searching += facts.evaluations * speed.seconds("search", student, whole - stem)
    work.training += facts.trained * speed.seconds("train", student, 3 * whole)


if __name__ == "__main__":
    main()
