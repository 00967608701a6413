"""Coverage of the feature space: greedy k-center, or core-set (Sener and Savarese, 2018)."""

import numpy as np

from amkd.candidates import choosing
from amkd.candidates.acquisition import Candidates


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Again and again the candidate farthest from all that was asked about or chosen, by the student's features."""
    return choosing.farthest(candidates.seen().features, candidates.asked().features, k)


ACQUISITION = choose
