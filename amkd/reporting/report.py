"""What a person sees of a run: bars, one line per round, metrics.jsonl, TensorBoard, the final
table.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from amkd.reporting.bars import bars

Row = dict[str, Any]


class Report:
    """The open outputs of one run."""

    def __init__(self, workdir: Path, progress: bool, tensorboard: bool) -> None:
        """Outputs go under ``workdir``; ``progress`` shows bars, ``tensorboard`` writes event
        files.
        """
        self._path = workdir / "metrics.jsonl"
        self.bar = bars(progress)
        self._events = None
        if tensorboard:
            from tensorboardX import SummaryWriter

            logging.getLogger("tensorboardX").setLevel(logging.ERROR)
            self._events = SummaryWriter(str(workdir / "tensorboard"))

    def rewind(self, rounds: list[Row], round_: int, epoch: int) -> None:
        """Drops what metrics.jsonl holds beyond the restored point.

        Args:
          rounds: the finished rounds' rows.
          round_: the round that goes on.
          epoch: epochs of it that are done.
        """
        rows = self._path.read_text().splitlines() if self._path.exists() else []
        kept = []
        for line in rows:
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # the last line, cut off by a kill
                continue
            within = row["round"] < round_ or (
                row["round"] == round_ and row.get("epoch", epoch + 1) <= epoch
            )
            if row["kind"] == "epoch" and within:
                kept.append(row)
        kept += [{"kind": "round", **row} for row in rounds]
        kept.sort(key=lambda row: (row["round"], row["kind"] == "round"))
        scratch = self._path.with_suffix(".part")
        scratch.write_text("".join(json.dumps(row) + "\n" for row in kept))
        scratch.replace(self._path)

    def epoch(self, row: Row) -> None:
        """One epoch of training: to the files."""
        self._write({"kind": "epoch", **row})
        self._scalars({f"loss/round_{row['round']}": row["loss"]}, row["epoch"])

    def round(self, row: Row) -> None:
        """One finished round: a line for the person, and the files."""
        self._write({"kind": "round", **row})
        self._scalars(
            {f"round/{name}": row[name] for name in ("student_accuracy", "agreement", "loss")},
            row["queries"],
        )
        print(round_line(row), flush=True)

    def _write(self, row: Row) -> None:
        with self._path.open("a") as lines:
            lines.write(json.dumps(row) + "\n")

    def _scalars(self, values: Row, step: int) -> None:
        if self._events is not None:
            for name, value in values.items():
                if value is not None:
                    self._events.add_scalar(name, value, step)
            self._events.flush()

    def close(self) -> None:
        """Closes the event files."""
        if self._events is not None:
            self._events.close()


def percent(value: float | None) -> str:
    """A share for people; what was not measured shows as such."""
    return "not measured" if value is None else f"{100 * value:.2f}%"


def round_line(row: Row) -> str:
    """One clear line about a finished round."""
    seconds = row["seconds"]
    times = ", ".join(f"{name} {seconds[name]:.0f}s" for name in ("search", "query", "train"))
    lowest = (
        "" if row["c2_highest"] is None else f"  C2 {row['c2_lowest']:.3f}..{row['c2_highest']:.3f}"
    )
    if recall := row.get("search", {}).get("recall"):
        lowest += f"  found {percent(recall['low'])} or more of the k lowest"
    return (
        f"round {row['round']}: queries {row['queries']}  student"
        f" {percent(row['student_accuracy'])}"
        f"  agreement {percent(row['agreement'])}{lowest}  ({times})"
    )


def _money(summary: Row) -> Iterator[str]:
    """What was spent, and what may have been billed in vain, where there is something to tell (and
    to be found).
    """
    if summary.get("cost"):
        yield f"cost                 {summary['cost']:,.10g} {summary['currency']}"
    if summary.get("adrift"):
        yield (
            f"lost on the way      {summary['adrift']} images, which may have been billed"
            " without an answer"
        )


def table(summary: Row) -> str:
    """The closing table of a run."""
    lines = [
        "",
        f"{summary['method']} on {summary['dataset']}, seed {summary['seed']}:"
        f" {summary['teacher']} -> {summary['student']}",
        f"{'round':>7} {'queries':>9} {'student accuracy':>18} {'agreement':>14}",
    ]
    for row in summary["rounds"]:
        lines.append(
            f"{row['round']:>7} {row['queries']:>9} {percent(row['student_accuracy']):>18}"
            f" {percent(row['agreement']):>14}"
        )
    seconds = summary["seconds"]
    lines += [
        "",
        f"teacher accuracy     {percent(summary['teacher_accuracy'])}",
        f"student accuracy     {percent(summary['student_accuracy'])}",
        f"success rate         {percent(summary['success_rate'])}",
        f"agreement            {percent(summary['agreement'])}",
        f"queries              {summary['queries']} of {summary['budget']}"
        f" ({summary['queries_paid']} sent by this run, the rest found in the ledger)",
        f"evaluation queries   {summary['evaluation_queries']} (not in the budget)",
        *_money(summary),
        "seconds              "
        + ", ".join(f"{name} {value:.1f}" for name, value in seconds.items()),
        f"peak memory          {summary['peak_memory_mib']} MiB",
        "",
    ]
    lines += [f"{name:<20} {path}" for name, path in summary["paths"].items()]
    return "\n".join(lines)
