"""Coverage of the feature space: greedy k-center, or core-set (Sener and Savarese, 2018)."""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates import coverage
from amkd.candidates.candidate_set import Candidates


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes, k times, the candidate that is farthest from all queried and chosen images, by the
    student's features.
    """
    points, centers = candidates.predictions().features, candidates.queried().features
    return np.asarray(coverage.k_center(points, centers, k))


ACQUISITION = Acquisition(choose)
