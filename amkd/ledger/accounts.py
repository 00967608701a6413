"""Sums over a ledger: its runs, its teachers, and what was spent. All functions only read."""

import collections
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

# Purposes. Only the first counts against the budget.
DISTILL, EVALUATE, SENTINEL, SET_ASIDE = "distill", "evaluate", "sentinel", "set aside"
PROBE = "probe"  # images of --mode=probe, before a run
IMPORTED = "imported"  # answers that were paid for elsewhere
INCOMPLETE = 0.0  # in place of the time of an import: a rescue may have lost some of its answers
SERVE = "serve"  # images that a served student passes on to the teacher


class Money(NamedTuple):
    """An amount in one currency."""

    amount: float
    currency: str


class Uses(NamedTuple):
    """Counts of the answers that a run uses for one purpose: paid for by this run, or found."""

    paid: int = 0
    found: int = 0


class RunAccount(NamedTuple):
    """What one run queried, used and spent.

    Attributes:
      run: identity of the run.
      about: what the run does; empty if that is not recorded (as in a ledger of version 1).
      place: workdir of the run.
      begun: seconds since 1970, or None.
      distill: answers used for distillation.
      evaluate: answers used for evaluation.
      spent: what the run may have been billed, by currency; empty if that is not recorded.
      lost: images without an answer, lost or still in flight, that may have been billed.
      others: answers used for other purposes: a probe, a served student, sentinels.
    """

    run: str
    about: str
    place: str
    begun: float | None
    distill: Uses
    evaluate: Uses
    spent: tuple[Money, ...]
    lost: int
    others: Uses = Uses()


class TeacherAccount(NamedTuple):
    """The number of answers that a teacher gave, and the numbers of classes they have."""

    number: int
    identity: str
    answers: int
    classes: tuple[int, ...]


class Spending(NamedTuple):
    """What became of the images that were sent, and what they cost.

    Attributes:
      key: the run; or the run, purpose and round; or the day.
      currency: currency of the cost.
      batches: number of batches sent.
      sent: images in these batches.
      answered: images whose answers are kept.
      unusable: images with an unusable answer, in batches that also brought usable answers.
      refused: images of batches that the service refused without charging.
      lost: images of batches that brought no answer and may have been billed.
      in_flight: images of batches whose end is not recorded yet.
      cost: cost of all images except the refused ones; None if it is not recorded.
    """

    key: tuple[str, ...]
    currency: str
    batches: int
    sent: int
    answered: int
    unusable: int
    refused: int
    lost: int
    in_flight: int
    cost: float | None


class CountMismatch(NamedTuple):
    """A round of a run whose uses and batches count different numbers of paid answers."""

    run: str
    purpose: str
    teacher: int
    round: int
    paid: int
    answered: int


def runs(db: sqlite3.Connection) -> list[RunAccount]:
    """Returns every run of the ledger, in the order in which they began."""
    uses = {(run, purpose): Uses(*counts) for run, purpose, *counts in db.execute(_USES)}
    noted = {run: row for run, *row in db.execute("SELECT run, about, place, begun FROM run")}
    lost = dict(
        db.execute(
            "SELECT run, sum(images) FROM batch WHERE state IN ('lost', 'sent') GROUP BY run"
        )
    )
    spent: dict[str, list[Money]] = {}
    for run, *money in db.execute(_SPENT):
        spent.setdefault(run, []).append(Money(*money))
    found = []
    for run in {run for run, _ in uses} | noted.keys() | spent.keys():
        about, place, begun = noted.get(run, ("", "", None))
        distill, evaluate = (uses.get((run, purpose), Uses()) for purpose in (DISTILL, EVALUATE))
        others = [uses.get((run, purpose), Uses()) for purpose in (PROBE, SERVE, SENTINEL)]
        found.append(
            RunAccount(
                *(run, about, place, begun, distill, evaluate, tuple(spent.get(run, ()))),
                lost=lost.get(run, 0),
                others=Uses(*map(sum, zip(*others, strict=True))),
            )
        )
    return sorted(found, key=lambda account: (account.begun or 0.0, account.run))


_USES = "SELECT run, purpose, sum(paid), sum(1 - paid) FROM use GROUP BY run, purpose"
_SPENT = """
SELECT run, total(iif(state = 'refused', 0, images * price)), currency
FROM batch GROUP BY run, currency ORDER BY run, currency
"""


def teachers(db: sqlite3.Connection) -> list[TeacherAccount]:
    """Returns every teacher of the ledger, by number."""
    held: dict[int, dict[int, int]] = {}
    for teacher, classes, answers in db.execute(
        "SELECT teacher, length(scores) / 4, count(*) FROM answer GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        held.setdefault(teacher, {})[classes] = answers
    return [
        TeacherAccount(
            number, identity, sum(held.get(number, {}).values()), tuple(held.get(number, ()))
        )
        for number, identity in db.execute("SELECT id, identity FROM teacher ORDER BY id")
    ]


def imported(db: sqlite3.Connection) -> int:
    """Counts the answers that were paid for elsewhere and imported."""
    return db.execute("SELECT count(*) FROM use WHERE purpose = ?", (IMPORTED,)).fetchone()[0]


_KEYS = {
    "run": ("run",),
    "round": ("run", "purpose", "round"),
    "day": ("coalesce(date({}, 'unixepoch'), 'no date')",),
}


def spending(db: sqlite3.Connection, run: str | None = None, by: str = "run") -> list[Spending]:
    """Sums up what was sent and what it cost: by run, by round, or by the day of sending (UTC).

    A ledger of version 1 has no batches. Answers that were paid for and belong to no batch get rows
    of their own: counted from the uses, without a cost, on the day of the answer.

    Args:
      db: the open ledger.
      run: only this run; None for all.
      by: ``run``, ``round`` or ``day``.
    """
    keys, only = _KEYS[by], "" if run is None else "WHERE run = :run"
    columns = ", ".join(keys).format("sent")
    query = f"SELECT {columns}, {_SUMS} FROM batch {only} GROUP BY {columns}, currency"
    found = [
        Spending(tuple(map(str, row[: len(keys)])), *row[len(keys) :])
        for row in db.execute(query, {"run": run})
    ]
    return sorted(
        found + _unrecorded(db, run, by),
        key=lambda row: (_order(row.key), row.cost is None, row.currency),
    )


_SUMS = """
currency, count(*), sum(images), sum(answered),
sum(iif(state = 'answered', images - answered, 0)),
sum(iif(state = 'refused', images, 0)),
sum(iif(state = 'lost', images, 0)),
sum(iif(state = 'sent', images, 0)),
total(iif(state = 'refused', 0, images * price))
"""


def _order(key: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Returns a sort key that puts round 2 before round 10."""
    return tuple((int(part) if part.isdigit() else 0, part) for part in key)


def _unrecorded(db: sqlite3.Connection, run: str | None, by: str) -> list[Spending]:
    """Counts paid answers that belong to no batch; assumes that they are a round's earliest."""
    counts: collections.Counter[tuple[str, ...]] = collections.Counter()
    for group in mismatches(db, run):
        missing = group.paid - group.answered
        if missing > 0 and by == "day":
            counts.update(
                {(day,): count for day, count in db.execute(_DAYS, (*group[:4], missing))}
            )
        elif missing > 0:
            counts[
                (group.run,) if by == "run" else (group.run, group.purpose, str(group.round))
            ] += missing
    return [Spending(key, "", 0, count, count, 0, 0, 0, 0, None) for key, count in counts.items()]


_DAYS = f"""
SELECT {_KEYS["day"][0].format("answered")} AS day, count(*) FROM (
  SELECT answered FROM use LEFT JOIN answer USING (teacher, image)
  WHERE run = ? AND purpose = ? AND use.teacher = ? AND round = ? AND paid
  ORDER BY answered LIMIT ?)
GROUP BY day
"""


def mismatches(db: sqlite3.Connection, run: str | None = None) -> list[CountMismatch]:
    """Returns the rounds, of one run or of all, whose uses and batches do not agree."""
    only = "" if run is None else "AND run = :run"
    query = f"""
      SELECT run, purpose, teacher, round, sum(paid) AS paid, sum(answered) AS answered FROM (
        SELECT run, purpose, teacher, round, count(*) AS paid, 0 AS answered
        FROM use WHERE paid {only} GROUP BY 1, 2, 3, 4
        UNION ALL SELECT run, purpose, teacher, round, 0, answered FROM batch WHERE answered {only})
      GROUP BY 1, 2, 3, 4 HAVING sum(paid) != sum(answered) ORDER BY 1, 2, 3, 4
    """
    return [CountMismatch(*row) for row in db.execute(query, {"run": run})]


def held(db: sqlite3.Connection, identity: str, images: Iterable[bytes]) -> int:
    """Counts the images, given by digest, that a teacher has answered."""
    query = (
        "SELECT 1 FROM answer JOIN teacher ON teacher.id = answer.teacher"
        " WHERE identity = ? AND image = ?"
    )
    return sum(db.execute(query, (identity, image)).fetchone() is not None for image in images)


def used(db: sqlite3.Connection, run: str, purpose: str, *, identity: str) -> set[bytes]:
    """Returns the digests of the images whose answers by this teacher a run uses for a purpose."""
    query = (
        "SELECT image FROM use JOIN teacher ON teacher.id = use.teacher"
        " WHERE run = ? AND purpose = ? AND identity = ?"
    )
    return {row[0] for row in db.execute(query, (run, purpose, identity))}


def answered(db: sqlite3.Connection, run: str, purpose: str) -> int:
    """Counts the images that a run has sent for a purpose and that were answered."""
    query = "SELECT coalesce(sum(answered), 0) FROM batch WHERE run = ? AND purpose = ?"
    return int(db.execute(query, (run, purpose)).fetchone()[0])


def spent(db: sqlite3.Connection, run: str) -> float:
    """Returns what a run may have been billed: the cost of all batches that were not refused."""
    query = "SELECT total(images * price) FROM batch WHERE run = ? AND state != 'refused'"
    # A sum of many prices is off in its last digits: 1.0800000000000003 for 1.08.
    return round(db.execute(query, (run,)).fetchone()[0], 12)
