"""Uncertainty by distillation, with reverse nearest neighbours for diversity (Peng et al., ICCV
2021).

The paper compares three models: a plain student, the distilled student, and the teacher. Where the
two gaps between them differ most, the student may still learn from the teacher. The gap between two
models depends on the task: the distance of lanes, or total variation for classes.

``search.gap_teacher=network`` does what the paper does: the answers are labels, the round's student
is the plain one, ``teacher.model`` is trained on the same images as the teacher, and one more
student learns its soft answers. This student begins with the initial weights of the plain one and
sees the images in the same order (ours), so that distillation is the only difference between them.

With ``search.gap_teacher=committee``, for a black box (ours):

- The round's student is the distilled one, and one more student learns the answers' best classes.
- A black box's own answers would cost a query for every candidate. So a committee of further
  distilled students, ``search.committee`` minus the student itself, replaces the teacher.
- Where the answers are hard labels, distilled and plain students learn the same at temperature 1,
  and the gap between them is the gap between two random seeds.

The paper does not give the scales and weights. Ours: neighbours are the 10 nearest by the
distilled student's features; the uncertainty is scaled to [0, 1]; the number of reverse neighbours
is divided by 10; both terms have the same weight.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates import coverage
from amkd.candidates.candidate_set import Candidates, Predictions
from amkd.core.compilation import compiled
from amkd.models import uncertainty

_NEIGHBOURS = 10

contrasts = compiled(static=("gap",), kept=1)(uncertainty.contrasts)


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes greedily the mixes with the largest ``Uncr + Div`` (Algorithm 1)."""
    compared = {"committee": _committee, "network": _network}
    plain, distilled, teacher = compared[candidates.inputs.settings.gap_teacher](candidates)
    gap = candidates.inputs.task.gap
    worth = np.asarray(contrasts(gap, plain, distilled.probabilities, teacher))
    count = min(_NEIGHBOURS, len(candidates) - 1)
    beta = np.float32(1.0 / max(count, 1))
    places = coverage.worthy_and_diverse(_scaled(worth), distilled.features, beta, count, k)
    return np.asarray(places)


# Answers of the plain student, predictions of the distilled one, and answers of the teacher.
_Compared = tuple[np.ndarray, Predictions, np.ndarray]


def _committee(candidates: Candidates) -> _Compared:
    own, *others = candidates.committee()
    plain = candidates.train_on_best_classes()
    teacher = np.mean([member.probabilities for member in others], axis=0)
    return plain.probabilities, own, teacher


def _network(candidates: Candidates) -> _Compared:
    distilled, teacher = candidates.train_larger_and_distilled()
    return candidates.predictions().probabilities, distilled, teacher.probabilities


def _scaled(values: np.ndarray) -> np.ndarray:
    """Scales linearly to [0, 1]."""
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, np.finfo(np.float32).tiny)


def _students(committee: int) -> int:
    """Returns the size of the committee without the student itself, plus 1 for the plain one."""
    return committee


ACQUISITION = Acquisition(choose, _students)
