"""Spatial disagreement, for students whose answers give the positions of objects, such as lanes
(Aghdam et al., 2019: "active learning for deep detection").

Where a place probably contains an object and its neighbours probably do not, the student
contradicts itself. Ours: the map has the rows and columns of the answer. A lane is about one column
wide in it, so the window has 3 x 3 places and a cell has 4 x 4. The paper's maps are many times
larger.
"""

import functools
from collections.abc import Callable

import jax
import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates, lowest
from amkd.core import devices
from amkd.dense_outputs import scores
from amkd.tasks import LaneTask

_WINDOW, _CELL = (3, 3), 4


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the k images with the largest scores."""
    task = candidates.inputs.task
    assert isinstance(task, LaneTask)  # validated
    return lowest(-devices.each(_score_of(task), candidates.predictions().probabilities), k)


@functools.cache  # the same function in every round, so that it is compiled once
def _score_of(task: LaneTask) -> Callable[[jax.Array], jax.Array]:
    return functools.partial(_score, task)


def _score(task: LaneTask, answer: jax.Array) -> jax.Array:
    return scores.acd(task.objectness(answer)[None], _WINDOW, _CELL)


ACQUISITION = Acquisition(choose)
