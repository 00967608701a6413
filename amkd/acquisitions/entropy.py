"""The largest entropy of the student's probabilities (Shannon, 1948; Settles, 2009)."""

import numpy as np

from amkd.candidates.candidate_set import Candidates, first
from amkd.core import devices
from amkd.models import uncertainty


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """The k largest entropies of the mixes as they are asked about."""
    return first(-devices.each(uncertainty.entropy, candidates.seen().probabilities), k)


ACQUISITION = choose
