"""The log of a run: ``metrics.jsonl``, writers of curves, and one line per round for a person."""

import datetime
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from amkd.core import console, files
from amkd.reporting import scalars
from amkd.reporting.progress import RunProgress
from amkd.reporting.summary_text import round_line
from amkd.reporting.writers.base import Writer

Entry = dict[str, Any]  # one line of metrics.jsonl, of an epoch or of a round, without its "kind"


class RunLog:
    """The open outputs of one run.

    Attributes:
      progress: records the progress of the run.
    """

    def __init__(
        self,
        workdir: Path,
        *,
        progress: RunProgress | None = None,
        writers: Sequence[Writer] = (),
    ) -> None:
        """Opens the outputs below ``workdir``.

        Args:
          workdir: the folder of the run.
          progress: records the progress of the run.
          writers: receive the curves.
        """
        self._path = workdir / "metrics.jsonl"
        self._writers = writers
        self.progress = progress or RunProgress()

    def bar(self, total: int, label: str, unit: str) -> AbstractContextManager[Callable[..., None]]:
        """Opens a progress bar."""
        return self.progress.bar(total, label, unit)

    def phase(self, name: str, round_: int | None = None) -> None:
        """Records that a phase begins, of a round if one is given."""
        self.progress.phase(name, round_)

    def rewind(self, rounds: list[Entry], round_: int, epoch: int) -> None:
        """Drops the lines of metrics.jsonl that are later than the restored point; the others keep
        their time.

        Args:
          rounds: the entries of the finished rounds.
          round_: the round that is resumed.
          epoch: how many of its epochs are done.
        """
        kept, written = [], {}
        for entry in self._entries():
            if entry["kind"] == "round":
                written[entry["round"]] = entry.get("time")  # version 0.1 wrote none
            done = entry["round"] < round_ or (
                entry["round"] == round_ and entry.get("epoch", epoch + 1) <= epoch
            )
            if entry["kind"] == "epoch" and done:
                kept.append(entry)
        for entry in rounds:
            time = written.get(entry["round"], _now())
            kept.append({"kind": "round", **({"time": time} if time else {}), **entry})
        kept.sort(key=lambda entry: (entry["round"], entry["kind"] == "round"))
        text = "".join(json.dumps(entry) + "\n" for entry in kept)
        if not self._path.exists() or self._path.read_bytes() != text.encode():
            files.write_text(self._path, text)

    def _entries(self) -> list[Entry]:
        """Returns the undamaged lines of metrics.jsonl; lines of rounds can be written again."""
        lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        found = [entry for line in lines if (entry := _parse(line))]
        if lines and len(found) < len(lines) - (_parse(lines[-1]) is None):  # cut off by a kill
            console.say(
                f"{self._path}: {len(lines) - len(found)} damaged line(s) are left out; lines of"
                " finished rounds are written again, lines of epochs are not",
            )
        return found

    def epoch(self, entry: Entry) -> None:
        """Writes one epoch of training to the files."""
        self._write("epoch", entry)
        self._scalars(scalars.of_epoch(entry), axis="epoch", step=entry["epoch"])

    def round(self, entry: Entry) -> None:
        """Writes one finished round to the files, and prints a line for the person."""
        self._write("round", entry)
        self._scalars(scalars.of_round(entry), axis="queries", step=entry["queries"])
        console.say(round_line(entry), event="round", **entry)

    def _write(self, kind: str, entry: Entry) -> None:
        with self._path.open("a") as lines:
            lines.write(json.dumps({"kind": kind, "time": _now(), **entry}) + "\n")

    def _scalars(self, values: dict[str, float], *, axis: str, step: int) -> None:
        for writer in self._writers:
            writer.scalars(values, axis=axis, step=step)

    def close(self, *, finished: bool = True) -> None:
        """Closes the writers; ``finished`` says whether the run is finished."""
        for writer in self._writers:
            writer.close(finished=finished)


def read_rounds(workdir: Path) -> list[Entry]:
    """Returns the finished rounds in a workdir's ``metrics.jsonl``, by round.

    Damaged lines are left out.
    """
    found = {entry["round"]: entry for entry in _read(workdir) if entry["kind"] == "round"}
    return [found[number] for number in sorted(found)]


def read_epochs(workdir: Path) -> list[Entry]:
    """Returns the epochs in a workdir's ``metrics.jsonl``, as they were written.

    Damaged lines are left out.
    """
    return [entry for entry in _read(workdir) if entry["kind"] == "epoch"]


def _read(workdir: Path) -> list[Entry]:
    path = workdir / "metrics.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [entry for line in lines if (entry := _parse(line))]


def _now() -> str:
    """Returns the time in UTC, such as ``2026-01-31T12:00:00.000+00:00``."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def _parse(line: bytes) -> Entry | None:
    """Returns a line's entry; None if the line is damaged."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    numbers = {"round": ("round",), "epoch": ("round", "epoch")}
    if not isinstance(entry, dict) or entry.get("kind") not in tuple(numbers):
        return None
    return entry if all(type(entry.get(name)) is int for name in numbers[entry["kind"]]) else None
