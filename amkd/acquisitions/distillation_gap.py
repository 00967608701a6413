"""Uncertainty by distillation, with reverse nearest neighbours for diversity (Peng et al., ICCV
2021), for classifiers.

The paper compares three models: a student of the answers' best classes alone, the distilled
student, and the teacher. Where the two gaps between them differ most, the student may still learn
from the teacher. Ours:

- A black box's own answers would cost a query for every candidate. So a committee of further
  distilled students, ``search.committee`` less the student itself, stands in for the teacher.
- Where the answers are labels, distilled and plain students learn the same at temperature 1, and
  the gap between them is that of two random seeds.
- The paper's text leaves open: total variation as the gap, both terms scaled to [0, 1], 10
  neighbours by the distilled student's features, equal weights.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates import coverage
from amkd.candidates.candidate_set import Candidates
from amkd.core.compilation import compiled
from amkd.models import uncertainty

_NEIGHBOURS = 10

contrasts = compiled(kept=1)(uncertainty.contrasts)


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes greedily the most ``Uncr + Div`` (Algorithm 1)."""
    own, *others = candidates.committee()
    plain = candidates.trained_on_best_classes()
    teacher = np.mean([member.probabilities for member in others], axis=0)
    worth = np.asarray(contrasts(plain.probabilities, own.probabilities, teacher))
    count = min(_NEIGHBOURS, len(candidates) - 1)
    beta = np.float32(1.0 / max(count, 1))
    places = coverage.worthy_and_diverse(_scaled(worth), own.features, beta, count, k)
    return np.asarray(places)


def _scaled(values: np.ndarray) -> np.ndarray:
    """Scales linearly to [0, 1]."""
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, np.finfo(np.float32).tiny)


def _students(committee: int) -> int:
    """All of the committee but the student itself, and the plain one."""
    return committee


ACQUISITION = Acquisition(choose, _students)
