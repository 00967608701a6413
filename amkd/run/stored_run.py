"""Reads the run in a workdir: its settings, its rounds, and answers of its ledger.

No query is sent, and nothing is written.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amkd.config import run_record
from amkd.config.parsing import parse
from amkd.config.settings import Settings
from amkd.core import files
from amkd.core.errors import UserError
from amkd.ledger import lookup, reader
from amkd.reporting import run_log
from amkd.run import workdir
from amkd.teachers import answers


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class StoredRun:
    """A run in its workdir.

    Attributes:
      folder: the workdir.
      settings: its configuration.
      run: its identity in the ledger.
      teacher: the teacher's identity.
      data: identity of the images; empty where the data set's name identifies them.
      weights: SHA-256 of the initial weights of student and assistant; empty without any.
      rounds: the entries of its finished rounds, by round, as in ``metrics.jsonl``.
      finished: whether the run has ended.
      ended_early: whether its money was spent before it was done.
      method: the method that was used; with ``n_real=0`` it may differ from the configured one.
    """

    folder: Path
    settings: Settings
    run: str
    teacher: str
    data: str = ""
    weights: str = ""
    rounds: tuple[run_log.Entry, ...]
    finished: bool
    method: str
    ended_early: bool = False

    @property
    def ledger(self) -> Path:
        """The file of its ledger."""
        return workdir.ledger_path(self.settings, self.folder)

    def answers(self, images: Sequence[bytes], classes: int) -> dict[bytes, np.ndarray]:
        """Returns the teacher's answers in the ledger, by image digest: probabilities
        ``float32[Y]``, without the unanswered images.

        Args:
          images: image digests.
          classes: Y.

        Raises:
          UserError: there is no such ledger, or it is damaged, or has another number of classes.
        """
        with reader.open_read_only(self.ledger) as db:
            found = lookup.answers(db, self.teacher, images)
        if any(len(row) != classes for row in found.values()):
            raise UserError(
                f"ledger {self.ledger} has answers of {self.teacher} that do not have"
                f" {classes} classes"
            )
        rows = np.array(list(found.values()), np.float32).reshape(len(found), classes)
        form = self.settings.teacher.answers
        read = rows if self.teacher.startswith("labels:") else answers.probabilities(rows, form)
        return dict(zip(found, read, strict=True))


def read(folder: Path) -> StoredRun:
    """Reads the run of a workdir.

    Raises:
      UserError: there is no run in it, or one of its files is damaged.
    """
    if not run_record.is_in(folder):
        raise UserError(f"{folder} contains no run; give the --workdir of a run")
    record = run_record.read(folder)
    settings: Settings = parse(run_record.get_config(str(folder)).to_dict())
    summary = _summary(folder)
    return StoredRun(
        folder=folder,
        settings=settings,
        run=record["run"],
        teacher=record.get("teacher", ""),
        data=record.get("data", ""),
        weights=record.get("weights", ""),
        rounds=tuple(run_log.read_rounds(folder)),
        finished=(folder / "summary.json").exists(),
        method=str(summary.get("method", settings.method)),
        ended_early=bool(summary.get("ended_early")),
    )


def _summary(folder: Path) -> dict[str, Any]:
    """Returns the summary of a run; empty if there is none."""
    try:
        return files.read_object(folder / "summary.json", "")
    except UserError:
        return {}
