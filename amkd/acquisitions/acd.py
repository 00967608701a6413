"""Spatial disagreement, for students whose answers say where objects are, such as lanes (Aghdam et
al., 2019: "active learning for deep detection").

Where a place is likely to hold an object and its neighbours are not, the student contradicts
itself. Ours: the map is that of the answer's rows and columns, in which a lane is about one column
wide, so the window is 3 x 3 places and a cell 4 x 4; the paper's maps are many times larger.
"""

import functools

import jax
import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates, lowest
from amkd.core import devices
from amkd.dense_outputs import scores
from amkd.tasks import LaneTask

_WINDOW, _CELL = (3, 3), 4


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the k images of the largest score."""
    kind = candidates.task.kind
    assert isinstance(kind, LaneTask)  # validated
    score = functools.partial(_score, kind)
    return lowest(-devices.each(score, candidates.predictions().probabilities), k)


def _score(kind: LaneTask, answer: jax.Array) -> jax.Array:
    return scores.acd(kind.objectness(answer)[None], _WINDOW, _CELL)


ACQUISITION = Acquisition(choose)
