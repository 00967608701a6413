"""The progress of a run as an immutable value, and its form on disk."""

import dataclasses
from typing import Any

import jax
import numpy as np

from amkd.core import checkpoint
from amkd.data.records import Records, real_records
from amkd.models.layers import Variables
from amkd.search.scans import Scan
from amkd.search.top_k import Scored

RoundReport = dict[str, Any]  # of one finished round, for JSON


@dataclasses.dataclass(frozen=True)
class Assisted:
    """The progress of a round's assistant.

    Attributes:
      epoch: epochs done of its training.
      training: leaves of its training state; None once it has answered.
      answers: ``float32[F, Y]``, its answers; None before.
      metrics: the facts to report about it.
    """

    epoch: int
    training: list[np.ndarray] | None = None
    answers: np.ndarray | None = None
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)


NO_SECONDS = {"search": 0.0, "query": 0.0, "train": 0.0, "evaluate": 0.0}


@dataclasses.dataclass(frozen=True)
class RoundState:
    """The progress of a run.

    Attributes:
      round: the round in progress, 0 first.
      epoch: epochs done of this round's training; -1 before its queries are answered.
      records: all images chosen so far; those from ``answered`` on have no answer yet.
      score: ``float32[Q]``, C2 or C1 at selection; NaN for images that were not scored.
      variables: the last round's student; None in round 0.
      training: leaves of this round's training state, if it was saved during the training; else
        None.
      seconds: time spent in this round so far, by phase.
      reports: one report for every finished round.
      answered: how many of the records the teacher has answered.
      metrics: the facts to report about this round's selection.
      assisted: the progress of the round's assistant; None without one, or before its training.
      scans: the scans of this round's search, if it was saved during the search.
    """

    round: int
    epoch: int
    records: Records
    score: np.ndarray
    variables: Variables | None
    training: list[np.ndarray] | None
    seconds: dict[str, float]
    reports: tuple[RoundReport, ...]
    answered: int = 0
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)
    assisted: Assisted | None = None
    scans: tuple[Scan, ...] = ()

    def spent(self, phase: str, seconds: float) -> dict[str, float]:
        """Returns the seconds by phase, after adding ``seconds`` to one phase."""
        return {**self.seconds, phase: self.seconds[phase] + seconds}


def initial() -> RoundState:
    """Returns the state before the first query."""
    return RoundState(0, -1, real_records(0), np.empty(0, np.float32), None, None, NO_SECONDS, ())


def save(checkpoints: checkpoint.Checkpoints, state: RoundState) -> None:
    """Writes a state that has records: at least those of the first images."""
    tree: dict[str, Any] = {**vars(state.records), "score": state.score}
    if state.variables is not None:
        tree["variables"] = state.variables
    if state.training is not None:
        tree["training"] = checkpoint.tree_of(state.training)
    meta = {
        name: getattr(state, name) for name in ("round", "epoch", "answered", "metrics", "seconds")
    }
    if (assisted := state.assisted) is not None:
        meta["assisted"] = {"epoch": assisted.epoch, "told": assisted.metrics}
        if assisted.training is not None:
            tree["assistant_training"] = checkpoint.tree_of(assisted.training)
        if assisted.answers is not None:
            tree["assistant_answers"] = assisted.answers
    if state.scans:
        tree["scans"] = {f"{place:04d}": vars(scan.found) for place, scan in enumerate(state.scans)}
        meta["scanned"] = [scan.done for scan in state.scans]
    checkpoints.save(tree, {**meta, "rows": list(state.reports)})


def restore(checkpoints: checkpoint.Checkpoints) -> RoundState:
    """Returns the newest saved state, or the initial one."""
    found = checkpoints.restore()
    if found is None:
        return initial()
    tree, meta = found
    training = tree.get("training")
    return RoundState(
        meta["round"],
        meta["epoch"],
        Records(*(np.asarray(tree[name]) for name in ("i", "j", "w"))),
        np.asarray(tree["score"]),
        jax.tree.map(np.asarray, tree["variables"]) if "variables" in tree else None,
        checkpoint.leaves_of(training) if training else None,
        meta["seconds"],
        tuple(meta["rows"]),
        meta["answered"],
        meta.get("metrics", meta.get("told", {})),  # "told" in version 0.1
        _assisted(tree, meta["assisted"]) if "assisted" in meta else None,
        _scans(tree.get("scans", {}), meta.get("scanned", [])),
    )


def _scans(tree: dict[str, Any], scanned: list[int]) -> tuple[Scan, ...]:
    return tuple(
        Scan(done, Scored(**jax.tree.map(np.asarray, tree[place])))
        for place, done in zip(sorted(tree), scanned, strict=True)
    )


def _assisted(tree: dict[str, Any], meta: dict[str, Any]) -> Assisted:
    training, answers = tree.get("assistant_training"), tree.get("assistant_answers")
    return Assisted(
        meta["epoch"],
        checkpoint.leaves_of(training) if training else None,
        np.asarray(answers) if answers is not None else None,
        meta["told"],
    )
