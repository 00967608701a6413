"""Formats what was found in a ledger as aligned text for the command line."""

import datetime
import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from amkd.core.text import plain
from amkd.ledger import accounts
from amkd.ledger.merge import Merged
from amkd.ledger.recount import Recount
from amkd.ledger.rescue import Rescued
from amkd.ledger.verify import Check

_SHORT = 8  # characters of a run's identity that are shown, if that is not ambiguous


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligns columns; a head that begins with ``>`` aligns its column to the right."""
    cells = [
        [head.lstrip(">") for head in heads],
        *([_cell(value) for value in row] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    signs = [">" if head.startswith(">") else "<" for head in heads]
    lines = (
        "  ".join(
            f"{cell:{sign}{width}}" for cell, sign, width in zip(row, signs, widths, strict=True)
        )
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def money(amounts: Iterable[accounts.Money]) -> str:
    """Formats amounts of money, such as ``3 EUR + 1.5 USD``."""
    return (
        " + ".join(f"{plain(amount)} {currency}".strip() for amount, currency in amounts if amount)
        or "0"
    )


def overview(db: sqlite3.Connection, path: Path) -> str:
    """Lists the runs, the teachers and the totals of a ledger."""
    runs, teachers = accounts.runs(db), accounts.teachers(db)
    answers, lost = sum(teacher.answers for teacher in teachers), sum(run.lost for run in runs)
    imported = accounts.imported(db)
    return "\n".join(
        [
            f"ledger {path}: {answers:,} answers, {path.stat().st_size / 1024:,.0f} KiB",
            "",
            _runs(runs) if runs else "no runs",
            "",
            _teachers(teachers) if teachers else "no teachers",
            "",
            f"spent in total: {money(_total(run.spent for run in runs))}",
            *([f"imported: {imported:,} answers, paid for elsewhere"] if imported else []),
            f"no answer: {lost:,} images, lost or still in flight, that may have been billed",
        ]
    )


def _runs(runs: Sequence[accounts.RunAccount]) -> str:
    names = short_names([run.run for run in runs])
    purposes = ["distill", "evaluate", *(["other"] if any(sum(run.others) for run in runs) else [])]
    counted = [head for purpose in purposes for head in (f">{purpose}", ">paid", ">found")]
    rows = []
    for run in runs:
        uses = (run.distill, run.evaluate, run.others)
        counts = [count for one in uses[: len(purposes)] for count in (sum(one), *one)]
        recorded = run.spent or not any(one.paid for one in uses)
        spent = money(run.spent) if recorded else "not recorded"
        about = (run.about or "-", run.place or "-")
        rows.append((names[run.run], _moment(run.begun or None), *counts, spent, run.lost, *about))
    heads = ["run", "begun (UTC)", *counted, ">spent", ">no answer", "about", "workdir"]
    return table(heads, rows)


def _teachers(teachers: Sequence[accounts.TeacherAccount]) -> str:
    heads = [">teacher", ">answers", ">classes", "identity"]
    return table(
        heads,
        [
            (one.number, one.answers, ", ".join(map(str, one.classes)), one.identity)
            for one in teachers
        ],
    )


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Shortens all names to the same length, at which they are still all different."""
    length = _SHORT
    while len({name[:length] for name in names}) < len(set(names)):
        length += 1
    return {name: name[:length] for name in names}


def _total(spent: Iterable[Iterable[accounts.Money]]) -> list[accounts.Money]:
    sums: dict[str, float] = {}
    for amount, currency in (part for parts in spent for part in parts):
        sums[currency] = sums.get(currency, 0.0) + amount
    return [accounts.Money(amount, currency) for currency, amount in sorted(sums.items())]


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return "not recorded"
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M}"


_SPEND_HEADS = {"run": ["run"], "round": ["run", "purpose", ">round"], "day": ["day (UTC)"]}


def spending(rows: Sequence[accounts.Spending], by: str) -> str:
    """Lists what was sent and what it cost, a line for each key, and the total."""
    if not rows:
        return "nothing was sent"
    names = (
        short_names([row.key[0] for row in rows])
        if by != "day"
        else {row.key[0]: row.key[0] for row in rows}
    )
    counts = [">batches", ">sent", ">answered", ">unusable", ">refused", ">lost", ">in flight"]
    lines = [(names[row.key[0]], *row.key[1:], *row[2:-1], _cost(row)) for row in rows]
    sums = [sum(column) for column in zip(*(row[2:-1] for row in rows), strict=True)]
    known = [row for row in rows if row.cost is not None]
    cost = money(_total([accounts.Money(row.cost or 0.0, row.currency)] for row in known))
    cost += ", the rest not recorded" if len(known) < len(rows) else ""
    total = ("total", *[""] * (len(_SPEND_HEADS[by]) - 1), *sums, cost)
    return (
        f"{table([*_SPEND_HEADS[by], *counts, '>cost'], [*lines, total])}\n\nimages; the cost is of"
        " all images except the refused ones: lost images and images in flight may have been billed"
    )


def _cost(row: accounts.Spending) -> str:
    return "not recorded" if row.cost is None else money([accounts.Money(row.cost, row.currency)])


def checks(path: Path, results: Sequence[Check]) -> str:
    """Lists what was checked, what is wrong, and the remedies."""
    width = max(len(check.subject) for check in results)
    lines = []
    for check in results:
        lines.append(f"{check.subject:<{width}}  {'FAULT' if check.faults else check.found}")
        lines += [f"{'':<{width}}  - {fault}" for fault in check.faults]
        lines += [f"{'':<{width}}  what to do: {check.remedy}"] if check.faults else []
    sound = not any(check.faults for check in results)
    return "\n".join([*lines, "", f"ledger {path} is {'sound' if sound else 'NOT sound'}"])


def recount(found: Recount) -> str:
    """Lists the counts of a run, and the differences from its summary."""
    rows: list[tuple[object, ...]] = []
    for purpose, counts in itertools.groupby(found.counts, lambda count: count.purpose):
        of_rounds = [(count.round, count.paid, count.found) for count in counts]
        rows += [
            (purpose, round_, paid + found_, paid, found_) for round_, paid, found_ in of_rounds
        ]
        _, paid, found_ = map(sum, zip(*of_rounds, strict=True))
        rows.append((purpose, "all", paid + found_, paid, found_))
    lines = [
        f"run {found.run}",
        "",
        table(["purpose", ">round", ">queries", ">paid", ">found"], rows),
        "",
    ]
    if found.missing:
        lines.append(
            f"{found.missing:,} more uses have no answer in this ledger and are not counted"
        )
    if found.summary is None:
        return "\n".join([*lines, "no summary.json to compare with"])
    if found.differences:
        return "\n".join(
            [*lines, f"{found.summary} DIFFERS:", *(f"  {line}" for line in found.differences)]
        )
    return "\n".join([*lines, f"{found.summary} has the same counts"])


def merged(target: Path, sources: Sequence[Merged]) -> str:
    """Lists what each source added."""
    heads = [">answers", ">conflicts", ">uses", ">batches", ">runs", "source"]
    lines = [table(heads, [(*source[1:], source.source) for source in sources]), ""]
    conflicts = sum(source.conflicts for source in sources)
    if conflicts:
        lines.append(
            f"{conflicts:,} answers differ between the ledgers: those stored first are kept"
        )
    return "\n".join([*lines, f"everything is now in {target}"])


def rescued(found: Rescued, damaged: Path, new: Path) -> str:
    """Lists what was saved and what is lost."""
    tables = table(["table", ">recovered", ">rejected"], [*found.tables])
    lines = [tables, "", f"{found.pages:,} pages read", *found.notes, *_losses(found)]
    lines.append(
        f"saved in {new}; {damaged} is unchanged. Check the new ledger with `python -m amkd.ledger"
        f" verify {new}`"
    )
    return "\n".join(lines)


def _losses(found: Rescued) -> Iterator[str]:
    if found.unreadable:
        yield f"{len(found.unreadable):,} pages cannot be read: {_few(found.unreadable)}"
    if found.missing:
        yield (
            f"{found.missing:,} more pages should exist according to the file's header: the end of"
            " the file is missing"
        )
    if found.broken:
        yield f"{found.broken:,} rows cannot be read; their table is not known"
    rejected = {name: count for name, _, count in found.tables if count}
    if "answer" in rejected:
        yield f"{rejected['answer']:,} answers have changed (wrong checksum) and were left out"
    for (run, purpose), count in found.unanswered.items():
        yield (
            f"{count:,} answers that run {run} uses to {purpose} are lost; if it needs them, they"
            " must be paid for again"
        )
    for number in found.unnamed:
        yield (
            f"the name of teacher {number} is lost: rescue again with --identity {number}=NAME (a"
            " workdir's config.json"
            ' has it as "teacher"); without it, no run finds its answers'
        )
    if not (
        found.unreadable
        or found.missing
        or found.broken
        or rejected
        or found.unanswered
        or found.unnamed
    ):
        yield "no losses were found"


def _few(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
