"""Random candidates: the baseline for acquisitions."""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates
from amkd.core import keys


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Draws k candidates uniformly, without replacement."""
    return keys.rng(*candidates.inputs.stream, keys.Purpose.ACQUISITION).choice(
        len(candidates), k, replace=False
    )


ACQUISITION = Acquisition(choose)
