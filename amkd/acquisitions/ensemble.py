"""Disagreement of several students that differ in their first values and in the order of training
(query by committee).

The others are trained anew in every round: the price is training time, no query.
"""

import numpy as np

from amkd.candidates.candidate_set import Candidates, first
from amkd.core import devices
from amkd.models import uncertainty


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """The k mixes of most mutual information between class and member."""
    opinions = np.stack([seen.probabilities for seen in candidates.committee()], 1)
    return first(-devices.each(uncertainty.disagreement, opinions), k)


ACQUISITION = choose


def students(committee: int) -> int:
    """All but the student itself."""
    return committee - 1


STUDENTS = students
