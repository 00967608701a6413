"""Excess doubt: the mixes about which the student is more unsure than the teacher will be.

Ours. If teacher and student are both unsure about a mix, the student learns little from it, because
its high entropy is correct. The teacher's entropy is predicted from the answers that were paid for.
No image is in more than ``search.max_per_image`` mixes of a round.
"""

import numpy as np

from amkd.acquisitions import capped
from amkd.acquisitions.base import Acquisition
from amkd.candidates import teacher_entropy
from amkd.candidates.candidate_set import Candidates, lowest


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the mixes with the largest entropy minus :func:`teacher_entropy.predicted_entropy`."""
    own = teacher_entropy.entropies(candidates.predictions().probabilities)
    excess = (own - teacher_entropy.predicted_entropy(candidates)).astype(np.float32)
    return capped.first_within_limit(candidates, lowest(-excess, len(candidates)), k)


ACQUISITION = Acquisition(choose)
