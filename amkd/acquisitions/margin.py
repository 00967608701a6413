"""The smallest margin between the student's best class and the next (Scheffer et al., 2001)."""

import numpy as np

from amkd.candidates import choosing, uncertainty
from amkd.candidates.acquisition import Candidates, first


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """The k smallest margins of the mixes as they are asked about."""
    return first(choosing.each(uncertainty.margin, candidates.seen().probabilities), k)


ACQUISITION = choose
