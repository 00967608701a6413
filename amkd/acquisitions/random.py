"""Any of the candidates: what an acquisition must beat."""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates
from amkd.core import keys


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Draws k of them uniformly, without replacement."""
    return keys.rng(*candidates.task.stream, keys.Purpose.ACQUISITION).choice(
        len(candidates), k, replace=False
    )


ACQUISITION = Acquisition(choose)
