"""BADGE: uncertain and diverse by k-means++ on gradient embeddings (Ash et al., 2020); see
`candidates.gradients`.
"""

import numpy as np

from amkd.candidates import programs
from amkd.candidates.candidate_set import Candidates
from amkd.core import keys


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """k seeds among the candidates; what was asked about before is no seed, as in the released
    code.
    """
    seen = candidates.seen()
    key = keys.key(*candidates.of.stream, keys.Purpose.ACQUISITION)
    return programs.spread(seen.probabilities, seen.features, k, key)


ACQUISITION = choose
