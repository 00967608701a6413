"""The smallest margin between the student's best class and the next (Scheffer et al., 2001)."""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates, lowest
from amkd.core import devices
from amkd.models import uncertainty


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the k mixes with the smallest margin."""
    probabilities = candidates.predictions().probabilities
    return lowest(devices.each(uncertainty.margin, probabilities), k)


ACQUISITION = Acquisition(choose)
