"""Planned comparisons: the comparisons for which a table was made, written down before its runs.

They are grouped in blocks. All comparisons of a block together are the family of Holm's method, and
a block is evaluated once all of its runs are done. results/protocol.md has the rules.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from amkd.core.errors import UserError
from amkd.tables import statistics
from amkd.tables.cells import Cell
from amkd.tables.markdown import rows
from amkd.tables.short_records import ShortRecord
from amkd.tables.statistics import Paired
from amkd.tables.table import PlannedComparison, Table

# In percentage points.
NO_DIFFERENCE = 0.3  # the whole interval is within this distance of 0
NEVER_BEHIND = 0.2  # the lower end of the interval is above minus this
SIGNIFICANT = 0.05  # Holm's p is below


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of a planned comparison.

    Attributes:
      block: its block.
      plan: the comparison.
      runs: how many runs of its block are done, and how many runs the block has.
      paired: the way minus its baseline, over the seeds; None before the block is done.
      holm: Holm's p over the block, where a comparison without a p counts as 1; None before the
        block is done.
    """

    block: str
    plan: PlannedComparison
    runs: tuple[int, int]
    paired: Paired | None = None
    holm: float | None = None

    @property
    def words(self) -> str:
        """The outcome in the words of the protocol."""
        if self.paired is None:
            return "not finished" if self.runs[0] else "not run"
        if self.holm is not None and self.holm < SIGNIFICANT:
            return "ahead" if self.paired.difference > 0 else "behind"
        low, high = self.paired.interval or (-float("inf"), float("inf"))
        if low > -NO_DIFFERENCE and high < NO_DIFFERENCE:
            return "no difference"
        return "never behind by more than .2" if low > -NEVER_BEHIND else "inconclusive"


def outcomes(table: Table, cells: Sequence[Cell]) -> Iterator[Outcome]:
    """Yields the outcome of every planned comparison, given the finished cells.

    Raises:
      UserError: the two ways of a comparison had different teachers, images or budgets.
    """
    by_name = {(cell.row, cell.way): cell for cell in cells}
    by_seed = {name: cell.accuracies for name, cell in by_name.items()}
    for name, plans in table.blocks.items():
        taken = _cells_of(plans)
        done = sum(len(by_seed.get(cell, {}).keys() & {*table.seeds}) for cell in taken)
        runs = (done, len(taken) * len(table.seeds))
        if done < runs[1]:
            yield from (Outcome(name, plan, runs) for plan in plans)
            continue
        for plan in plans:
            _check_conditions(plan, by_name)
        found = [_paired(by_seed, plan) for plan in plans]
        # A comparison without a p was also planned, so it counts.
        adjusted = statistics.holm([1.0 if one.p is None else one.p for one in found])
        for plan, paired, holm in zip(plans, found, adjusted, strict=True):
            yield Outcome(name, plan, runs, paired, holm)


def withheld(table: Table, outcomes: Sequence[Outcome]) -> set[tuple[str, str]]:
    """Returns the cells, as (row, way), whose figures are withheld until a block is finished.

    A cell is not withheld if a finished block also contains it, or if no block contains it.
    """
    open_ = {one.block for one in outcomes if one.paired is None}
    waiting: set[tuple[str, str]] = set()
    told: set[tuple[str, str]] = set()
    for name, plans in table.blocks.items():
        (waiting if name in open_ else told).update(_cells_of(plans))
    return waiting - told


def _cells_of(plans: Sequence[PlannedComparison]) -> set[tuple[str, str]]:
    return {(plan.row, way) for plan in plans for way in (plan.way, plan.baseline)}


def _check_conditions(plan: PlannedComparison, cells: Mapping[tuple[str, str], Cell]) -> None:
    """Refuses to compare two ways whose runs differ in more than the way."""
    own, theirs = (_conditions(cells[plan.row, way].runs[0]) for way in (plan.way, plan.baseline))
    if unlike := [name for name in {**own, **theirs} if own.get(name) != theirs.get(name)]:
        raise UserError(
            f"{plan.row}: {plan.way} and {plan.baseline} cannot be compared, because their runs"
            f" differ in {', '.join(unlike)}; run both with the same teacher (one cache_dir),"
            " images and budget"
        )


def _conditions(run: ShortRecord) -> dict[str, Any]:
    """Returns the facts that must be the same in the two runs of a pair."""
    facts = {name: run.get(name) for name in ("dataset", "data", "teacher", "n_real", "budget")}
    fields = {name: value for name, value in run["config"].items() if name.startswith("data.")}
    return {**facts, **fields}


def _paired(by_seed: dict[tuple[str, str], dict[int, float]], plan: PlannedComparison) -> Paired:
    found = statistics.paired(by_seed[plan.row, plan.way], by_seed[plan.row, plan.baseline])
    assert found is not None  # all seeds are there
    return found


def record(outcome: Outcome) -> dict[str, Any]:
    """Returns an outcome as it is in the table's files. Differences are in percentage points."""
    paired = outcome.paired
    low, high = (paired.interval if paired else None) or (None, None)
    return {
        "block": outcome.block,
        "row": outcome.plan.row,
        "way": outcome.plan.way,
        "baseline": outcome.plan.baseline,
        "runs": outcome.runs[0],
        "runs_planned": outcome.runs[1],
        "seeds": paired.seeds if paired else None,
        "difference": paired.difference if paired else None,
        "low": low,
        "high": high,
        "p": paired.p if paired else None,
        "holm": outcome.holm,
        "words": outcome.words,
    }


HEAD = ("row", "way", "baseline", "difference (95% interval)", "p", "Holm's p", "outcome")


def groups(
    records: Sequence[dict[str, Any]],
) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Yields the title, the heading and the lines of each block's table for people."""
    for block in dict.fromkeys(one["block"] for one in records):
        own = [one for one in records if one["block"] == block]
        title = f"{block} ({own[0]['runs']} of {own[0]['runs_planned']} runs)"
        yield title, HEAD, [_line(one) for one in own]


def markdown(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yields the title and the table of each block."""
    for title, head, lines in groups(records):
        yield f"\n**{title}**\n\n{rows(head, lines)}"


def _line(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        *(one[name] for name in ("row", "way", "baseline")),
        _difference(one),
        *(_p_value(one[name]) for name in ("p", "holm")),
        one["words"],
    )


def _p_value(p: float | None) -> str:
    if p is None:
        return "-"
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"


def _difference(one: dict[str, Any]) -> str:
    if one["difference"] is None:
        return "-"
    span = "" if one["low"] is None else f" ({one['low']:+.2f} to {one['high']:+.2f})"
    return f"{one['difference']:+.2f}{span}"
