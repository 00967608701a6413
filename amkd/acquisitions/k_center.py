"""Coverage of the feature space: greedy k-center, or core-set (Sener and Savarese, 2018)."""

import numpy as np

from amkd.candidates import programs
from amkd.candidates.candidate_set import Candidates


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Again and again the candidate farthest from all that was asked about or chosen, by the
    student's features.
    """
    return programs.farthest(candidates.seen().features, candidates.asked().features, k)


ACQUISITION = choose
