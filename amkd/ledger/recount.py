"""Counts the queries of a run again, from the ledger alone; compares them with its summary."""

import json
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from amkd.core.errors import UserError
from amkd.ledger.accounts import DISTILL, EVALUATE


class Count(NamedTuple):
    """Counts of the answers that a run uses for a purpose, by the round of their first use."""

    purpose: str
    round: int
    paid: int
    found: int


class Recount(NamedTuple):
    """The result of counting a run again.

    Attributes:
      run: identity of the run.
      counts: counts by purpose and round.
      missing: uses without an answer; they are not counted.
      summary: the summary to compare with; None if it does not exist.
      differences: counts that differ in the summary.
    """

    run: str
    counts: list[Count]
    missing: int
    summary: Path | None
    differences: list[str]


def recount(db: sqlite3.Connection, run: str) -> Recount:
    """Counts the queries of a run again.

    Args:
      db: the ledger.
      run: the run's identity, its first characters, or its workdir.

    Raises:
      UserError: there is no such run, or there are several, or a file of the workdir is damaged.
    """
    workdir = Path(run) if Path(run).is_dir() else None
    identity = find(db, _member(workdir / "config.json", "run") if workdir else run)
    counts = [Count(*row) for row in db.execute(_COUNTS, (identity,))]
    (uses,) = db.execute("SELECT count(*) FROM use WHERE run = ?", (identity,)).fetchone()
    missing = uses - sum(count.paid + count.found for count in counts)
    workdir = workdir or _workdir(db, identity)
    if workdir is None or not (workdir / "summary.json").is_file():
        return Recount(identity, counts, missing, None, [])
    summary = workdir / "summary.json"
    return Recount(identity, counts, missing, summary, _differences(counts, summary))


_COUNTS = """
SELECT purpose, use.round, sum(paid), sum(1 - paid) FROM use JOIN answer USING (teacher, image)
WHERE run = ? GROUP BY purpose, use.round ORDER BY purpose, use.round
"""


def find(db: sqlite3.Connection, name: str) -> str:
    """Returns the identity of the run whose identity begins with a name.

    Raises:
      UserError: there is none, or there are several.
    """
    query = """
      SELECT run FROM (SELECT run FROM run UNION SELECT run FROM use UNION SELECT run FROM batch)
      WHERE substr(run, 1, length(:name)) = :name ORDER BY run
    """
    found = [run for (run,) in db.execute(query, {"name": name})]
    if name in found:
        return name
    if len(found) != 1:
        problem = (
            f"fits {len(found)} runs ({', '.join(found[:5])})"
            if found
            else "is not a run of this ledger"
        )
        raise UserError(f"run {name!r} {problem}; `python -m amkd.ledger show` lists all runs")
    return found[0]


def _workdir(db: sqlite3.Connection, run: str) -> Path | None:
    """Returns the recorded workdir of a run, if it exists and still belongs to this run."""
    recorded = db.execute("SELECT place FROM run WHERE run = ?", (run,)).fetchone()
    workdir = Path(recorded[0]) if recorded else Path(run)
    try:
        return workdir if _member(workdir / "config.json", "run") == run else None
    except UserError:
        return None


def _member(path: Path, name: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read, or does not contain {name!r} ({error}): give a run's workdir"
        ) from error


def _differences(counts: list[Count], summary: Path) -> list[str]:
    def total(purpose: str) -> int:
        return sum(count.paid + count.found for count in counts if count.purpose == purpose)

    expected = {
        "queries": total(DISTILL),
        "queries_paid": sum(count.paid for count in counts if count.purpose == DISTILL),
        "evaluation_queries": total(EVALUATE),
    }
    found = {name: _member(summary, name) for name in expected}
    return [
        f"{name}: {expected[name]} in the ledger, but {found[name]} in the summary"
        for name in expected
        if expected[name] != found[name]
    ]
