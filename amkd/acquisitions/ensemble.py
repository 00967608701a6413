"""Disagreement of several students that differ in their initial weights and in the order of
training (query by committee; Seung et al., 1992).

The other students are trained again in every round: this costs training time, but no query.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates, lowest
from amkd.core import devices
from amkd.models import uncertainty


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the k mixes with the largest mutual information between class and member."""
    opinions = np.stack([member.probabilities for member in candidates.committee()], 1)
    return lowest(-devices.each(uncertainty.disagreement, opinions), k)


def _students(committee: int) -> int:
    """Returns the size of the committee without the student itself."""
    return committee - 1


ACQUISITION = Acquisition(choose, _students)
