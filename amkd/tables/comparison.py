"""Compares runs: their groups, the differences of their configurations, and paired tests."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from amkd.config.fields import flatten
from amkd.config.identity import differing, identifying
from amkd.core.errors import UserError
from amkd.reporting.svg_chart import MOST_CURVES
from amkd.run import stored_run
from amkd.run.stored_run import StoredRun
from amkd.tables import statistics
from amkd.tables.statistics import Paired

# The fields that determine the evaluation images, in addition to the data set and the seed.
_EVALUATION_FIELDS = ("evaluate_on", "test_images", "held_out", "size", "width", "resize")
MEASURES = {"agreement": "agreement_images", "student_accuracy": "accuracy_images"}


@dataclasses.dataclass(frozen=True)
class NamedRun:
    """A run with a name that no other run of the comparison has."""

    name: str
    stored: StoredRun

    @property
    def whole(self) -> bool:
        """Whether the run has ended, with all of its queries."""
        return self.stored.finished and not self.stored.ended_early

    def last(self, measure: str) -> float | None:
        """Returns a share after the last finished round; None where it was not measured."""
        value: float | None = self.stored.rounds[-1].get(measure)
        return value


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs whose configurations are the same except for their seeds.

    Attributes:
      name: the name of the group.
      runs: its runs, by seed.
    """

    name: str
    runs: dict[int, NamedRun]

    def percents(self, measure: str) -> dict[int, float]:
        """Returns a share after the last round of each whole run that has it, by seed, in percent.

        A run that is not finished is left out: after fewer queries, a student is worse for that
        reason alone.
        """
        shares = {seed: run.last(measure) for seed, run in self.runs.items() if run.whole}
        return {seed: 100 * share for seed, share in shares.items() if share is not None}


@dataclasses.dataclass(frozen=True)
class GroupTest:
    """Two groups compared on the seeds that both have.

    Attributes:
      measure: what is compared, one of ``MEASURES``.
      first: name of a group.
      second: name of another.
      paired: first minus second, in percentage points.
      holm: the p-value, adjusted for all comparisons of the page by this measure; None if there is
        no p-value.
    """

    measure: str
    first: str
    second: str
    paired: Paired
    holm: float | None


def read(folders: Sequence[Path]) -> list[NamedRun]:
    """Reads runs that have a finished round.

    Raises:
      UserError: too few or too many runs, one of them twice, one without a finished round, or a
        folder without a run.
    """
    places = [folder.expanduser() for folder in folders]
    if not 2 <= len(places) <= MOST_CURVES:
        raise UserError(
            f"{len(places)} workdirs are given; give from 2 to {MOST_CURVES} of them to compare"
        )
    resolved = [place.resolve() for place in places]
    for number, place in enumerate(resolved):
        if place in resolved[:number]:
            raise UserError(f"{places[number]} is given twice; give every workdir once")
    short = [place.name for place in resolved]
    names = short if len(set(short)) == len(short) else [str(place) for place in places]
    runs = [
        NamedRun(name, stored_run.read(place)) for name, place in zip(names, places, strict=True)
    ]
    for run in runs:
        if not run.stored.rounds:
            raise UserError(
                f"{run.stored.folder} has no finished round in metrics.jsonl; wait for round 0, or"
                " leave it out"
            )
    return runs


def groups(runs: Sequence[NamedRun]) -> list[Group]:
    """Returns the runs by configuration, teacher, images and initial weights, with any seeds.

    If two runs have the same configuration and seed, the second forms a separate group.
    """
    found: dict[tuple[str, int], dict[int, NamedRun]] = {}
    for run in runs:
        inputs = {name: getattr(run.stored, name) for name in ("teacher", "data", "weights")}
        values = {**identifying(run.stored.settings), "seed": None, **inputs}
        key, seed, copy = json.dumps(values, sort_keys=True, default=str), _seed(run), 0
        while seed in found.get((key, copy), {}):
            copy += 1
        found.setdefault((key, copy), {})[seed] = run
    return [
        Group(", ".join(run.name for run in own.values()), dict(sorted(own.items())))
        for own in found.values()
    ]


def group_tests(made: Sequence[Group]) -> Iterator[GroupTest]:
    """Yields every pair of groups that have a seed in common, by each measure."""
    for measure in MEASURES:
        pairs = [
            (first.name, second.name, paired)
            for number, first in enumerate(made)
            for second in made[number + 1 :]
            if (paired := statistics.paired(first.percents(measure), second.percents(measure)))
        ]
        adjusted = statistics.holm([paired.p for *_, paired in pairs])
        for (one, other, paired), holm in zip(pairs, adjusted, strict=True):
            yield GroupTest(measure, one, other, paired, holm)


def cautions(runs: Sequence[NamedRun]) -> Iterator[str]:
    """Yields the reasons why figures of the runs may not be compared; nothing if they may."""
    if len({(run.stored.settings.dataset, run.stored.data) for run in runs}) > 1:
        yield (
            "The runs have different data sets or images: their figures were not measured on the"
            " same images, and a difference between them says nothing about the methods."
        )
    elif len({_evaluation_fields(run) for run in runs}) > 1:
        yield (
            "The runs are evaluated on different images, or on images of different sizes: a part"
            " of the difference between their figures may come from that."
        )
    if len({run.stored.teacher for run in runs}) > 1:
        yield (
            "The runs have different teachers: agreement and divergence of each run are those with"
            " its own teacher."
        )

    if partial := [run.name for run in runs if not run.whole]:
        yield (
            f"Not finished, or ended early because the money was spent: {', '.join(partial)}."
            " The paired tests leave these runs out."
        )


def _evaluation_fields(run: NamedRun) -> tuple[Any, ...]:
    return tuple(getattr(run.stored.settings.data, name) for name in _EVALUATION_FIELDS)


def different_fields(runs: Sequence[NamedRun]) -> list[tuple[str, list[Any]]]:
    """Returns the fields in which the runs differ, each with its value in every run.

    Fields that do not change the run, such as folders on a machine, are left out. Prices are kept.
    """
    also = ("teacher.price", "teacher.currency")
    # Fields at their default in all runs cannot differ.
    names = dict.fromkeys(name for run in runs for name in differing(run.stored.settings, also))
    values = [flatten(run.stored.settings) for run in runs]
    rows = [(name, [own[name] for own in values]) for name in names]
    return [(name, row) for name, row in rows if any(value != row[0] for value in row)]


def _seed(run: NamedRun) -> int:
    return run.stored.settings.seed
