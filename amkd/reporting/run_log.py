"""The log of a run: ``metrics.jsonl``, TensorBoard, and one line per round for a person."""

import json
import logging
from pathlib import Path
from typing import Any

from amkd.core import console
from amkd.reporting.bars import bars
from amkd.reporting.summary_text import round_line

Entry = dict[str, Any]  # one line of metrics.jsonl, of an epoch or of a round, without its "kind"


class RunLog:
    """The open outputs of one run.

    Attributes:
      bar: opens a progress bar.
    """

    def __init__(self, workdir: Path, *, progress: bool, tensorboard: bool) -> None:
        """Opens the outputs below ``workdir``.

        Args:
          workdir: the folder of the run.
          progress: whether to show bars.
          tensorboard: whether to write event files.
        """
        self._path = workdir / "metrics.jsonl"
        self.bar = bars(progress)
        self._events = None
        if tensorboard:
            from tensorboardX import SummaryWriter

            logging.getLogger("tensorboardX").setLevel(logging.ERROR)
            self._events = SummaryWriter(str(workdir / "tensorboard"))

    def rewind(self, rounds: list[Entry], round_: int, epoch: int) -> None:
        """Drops the lines of metrics.jsonl that are later than the restored point.

        Args:
          rounds: the entries of the finished rounds.
          round_: the round that goes on.
          epoch: how many of its epochs are done.
        """
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        kept = []
        for line in lines:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the last line, cut off by a kill
                continue
            done = entry["round"] < round_ or (
                entry["round"] == round_ and entry.get("epoch", epoch + 1) <= epoch
            )
            if entry["kind"] == "epoch" and done:
                kept.append(entry)
        kept += [{"kind": "round", **entry} for entry in rounds]
        kept.sort(key=lambda entry: (entry["round"], entry["kind"] == "round"))
        scratch = self._path.with_suffix(".part")
        scratch.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
        scratch.replace(self._path)

    def epoch(self, entry: Entry) -> None:
        """Writes one epoch of training to the files."""
        self._write({"kind": "epoch", **entry})
        self._scalars({f"loss/round_{entry['round']}": entry["loss"]}, entry["epoch"])

    def round(self, entry: Entry) -> None:
        """Writes one finished round to the files, and prints a line for the person."""
        self._write({"kind": "round", **entry})
        self._scalars(
            {f"round/{name}": entry[name] for name in ("student_accuracy", "agreement", "loss")},
            entry["queries"],
        )
        console.say(round_line(entry))

    def _write(self, entry: Entry) -> None:
        with self._path.open("a") as lines:
            lines.write(json.dumps(entry) + "\n")

    def _scalars(self, values: Entry, step: int) -> None:
        if self._events is not None:
            for name, value in values.items():
                if value is not None:
                    self._events.add_scalar(name, value, step)
            self._events.flush()

    def close(self) -> None:
        """Closes the event files."""
        if self._events is not None:
            self._events.close()
