"""The largest entropy of the student's probabilities (Shannon, 1948; Settles, 2009)."""

import numpy as np

from amkd.candidates import choosing, uncertainty
from amkd.candidates.acquisition import Candidates, first


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """The k largest entropies of the mixes as they are asked about."""
    return first(-choosing.each(uncertainty.entropy, candidates.seen().probabilities), k)


ACQUISITION = choose
