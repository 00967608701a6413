"""States of a run with awkward values, as checkpoints must keep them."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from amkd import models
from amkd.core import checkpoint
from amkd.data.records import Records
from amkd.models import prediction
from amkd.run import round_state
from amkd.run.round_state import Assisted, RoundState

SHAPE = (8, 8, 1)
# What the card of a student says at least.
CARD = {
    "role": "student",
    "model": "lenet5_half",
    "classes": 10,
    "shape": list(SHAPE),
    "queries": 123,
}


def network() -> models.Network:
    return models.build("lenet5_half", 10, SHAPE)


def student() -> Any:
    """The first variables of the network."""
    return jax.device_get(prediction.init(network(), SHAPE, jax.random.key(0)))


def row(round_: int) -> dict[str, Any]:
    return {
        "round": round_,
        "queries": 20,
        "loss": 0.1 + 0.2,
        "agreement": None,
        "seconds": {"train": 1.5},
    }


def state_of(
    round_: int, epoch: int, variables: Any, training: list[np.ndarray] | None
) -> RoundState:
    """A state with awkward values: NaN scores, subnormals, sums that JSON must keep."""
    rng = np.random.default_rng(round_)
    count = 20 + 10 * round_
    j = rng.integers(0, 20, count).astype(np.int32)
    records = Records(np.arange(count, dtype=np.int32), j, np.full(count, 65535, np.int32))
    score = rng.random(count).astype(np.float32)
    score[:20] = np.nan
    score[-1] = 1e-45
    seconds = {"search": 0.1 + 0.2, "query": 1 / 3, "train": 1e-9, "evaluate": 0.0}
    rows = tuple(row(number) for number in range(round_))
    return RoundState(round_, epoch, records, score, variables, training, seconds, rows)


def phases(variables: Any) -> dict[str, RoundState]:
    rng = np.random.default_rng(9)
    leaves: list[np.ndarray] = [
        np.array(77, np.int32),  # the step, which has no dimensions
        rng.normal(size=(5, 5, 1, 3)).astype(np.float32),
        np.array([np.nan, np.inf, -0.0, 1e-45], np.float32),
        *(np.full(2, place, np.float32) for place in range(20)),  # more than ten: order matters
    ]
    return {
        "no student yet": state_of(0, 0, None, None),
        "inside the first training": state_of(0, 3, None, leaves),
        "between rounds": state_of(1, -1, variables, None),
        "queried": state_of(2, 0, variables, None),
        "inside training": state_of(2, 41, variables, leaves),
        "inside an assistant's training": dataclasses.replace(
            state_of(2, 0, variables, None), assisted=Assisted(3, leaves)
        ),
        "an assistant has answered": dataclasses.replace(
            state_of(2, 0, variables, None),
            assisted=Assisted(9, answers=leaves[1][0, 0], metrics={"agreement": 0.1 + 0.2}),
        ),
    }


def arrays(state: RoundState) -> dict[str, Any]:
    assisted = state.assisted or Assisted(0)
    tree = (
        vars(state.records),
        state.score,
        state.variables,
        state.training,
        assisted.training,
        assisted.answers,
    )
    return {
        jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def told(assisted: Assisted | None) -> tuple[Any, ...] | None:
    if assisted is None:
        return None
    return assisted.epoch, assisted.metrics, assisted.training is None, assisted.answers is None


def same(a: RoundState, b: RoundState) -> bool:
    """Equal to the last bit, types included."""
    x, y = arrays(a), arrays(b)
    return (
        (a.round, a.epoch, a.seconds, a.reports) == (b.round, b.epoch, b.seconds, b.reports)
        and told(a.assisted) == told(b.assisted)
        and (a.variables is None, a.training is None) == (b.variables is None, b.training is None)
        and x.keys() == y.keys()
        and all(x[k].dtype == y[k].dtype and x[k].shape == y[k].shape for k in x)
        and all(np.asarray(x[k]).tobytes() == np.asarray(y[k]).tobytes() for k in x)
    )


def save_all(folder: Path, states: list[RoundState]) -> None:
    checkpoints = checkpoint.Checkpoints(folder)
    for state in states:
        round_state.save(checkpoints, state)


def load(folder: Path) -> RoundState:
    return round_state.restore(checkpoint.Checkpoints(folder))


# The state of a run.
