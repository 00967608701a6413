"""The smallest margin between the student's best class and the next (Scheffer et al., 2001)."""

import numpy as np

from amkd.candidates.candidate_set import Candidates, first
from amkd.core import devices
from amkd.models import uncertainty


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """The k smallest margins of the mixes as they are asked about."""
    return first(devices.each(uncertainty.margin, candidates.seen().probabilities), k)


ACQUISITION = choose
