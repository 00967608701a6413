"""Uncertainty by distillation, with reverse nearest neighbours for diversity (Peng et al., ICCV
2021), for classifiers.

Three models: a student of the answers' best classes alone, the distilled student, and a teacher. A
  black box's own
answers would cost a query for every candidate, so that a committee of further distilled students,
``search.committee`` less the student itself, stands in for it (ours). Where the answers are labels,
distilled and plain students learn the same at temperature 1, and the gap between them is that of
two random seeds. Where the two gaps differ most, the student may still learn from the teacher. Also
ours, as the paper's text leaves
them open: total variation as the gap, both terms scaled to [0, 1], 10 neighbours by the distilled
  student's features,
equal weights.
"""

import numpy as np

from amkd.candidates import programs
from amkd.candidates.candidate_set import Candidates

_NEIGHBOURS = 10


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Greedily the most ``Uncr + Div`` (Algorithm 1)."""
    own, *others = candidates.committee()
    plain = candidates.trained_on_best_classes()
    teacher = np.mean([seen.probabilities for seen in others], axis=0)
    worth = programs.contrasts(plain.probabilities, own.probabilities, teacher)
    near = min(_NEIGHBOURS, len(candidates) - 1)
    return programs.greedy(_scaled(worth), own.features, near, 1.0 / max(near, 1), k)


def _scaled(values: np.ndarray) -> np.ndarray:
    """To [0, 1], evenly."""
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, np.finfo(np.float32).tiny)


ACQUISITION = choose


def students(committee: int) -> int:
    """All but the student itself, and the plain one."""
    return committee


STUDENTS = students
