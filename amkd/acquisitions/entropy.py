"""The largest entropy of the student's probabilities (Shannon, 1948; Settles, 2009)."""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates, lowest
from amkd.core import devices
from amkd.models import uncertainty


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the k mixes with the largest entropy."""
    probabilities = candidates.predictions().probabilities
    return lowest(-devices.each(uncertainty.entropy, probabilities), k)


ACQUISITION = Acquisition(choose)
