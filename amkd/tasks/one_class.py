"""Classification: an answer is one distribution over the classes."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import chex
import jax
import jax.numpy as jnp
import numpy as np

from amkd.reporting import metrics
from amkd.tasks.base import Task


def total_variation(p: jax.Array, q: jax.Array) -> jax.Array:
    """Returns ``1/2 sum_y |p_y - q_y|``, the gap between two classifiers' probabilities
    ``float32[Y]`` of one image.
    """
    chex.assert_equal_shape((p, q))
    return jnp.abs(p - q).sum() / 2


@dataclasses.dataclass(frozen=True)
class OneClass(Task):
    """One class of an image. Labels are class numbers, ``int32[M]``."""

    names_classes: ClassVar[bool] = True
    labels: ClassVar[str] = "classes"

    @property
    def groups(self) -> int:
        return 1

    def answers_of(self, labels: np.ndarray, length: int) -> np.ndarray:
        return np.eye(length, dtype=np.float32)[labels]

    def evaluated(self, answers: np.ndarray, labels: np.ndarray | None) -> dict[str, Any]:
        return {
            "student_accuracy": metrics.accuracy(answers, labels),
            "accuracy_images": len(answers) if labels is not None else 0,
        }

    def compared(self, student: np.ndarray, teacher: np.ndarray | None) -> dict[str, Any]:
        return {
            "agreement": metrics.agreement(student, teacher),
            "agreement_images": 0 if teacher is None else int(metrics.names_class(teacher).sum()),
            "divergence": metrics.divergence(student, teacher),
        }

    def calibrated(
        self, student: np.ndarray, labels: np.ndarray | None, teacher: np.ndarray | None
    ) -> dict[str, float | None]:
        return metrics.calibration(student, labels, teacher)

    def gap(self, one: jax.Array, other: jax.Array) -> jax.Array:
        return total_variation(one, other)

    def words(self, answer: np.ndarray, names: Sequence[str], most: int) -> str:
        likeliest = np.argsort(-answer, kind="stable")[:most]
        return ", ".join(f"{names[y]} {100 * answer[y]:.0f}%" for y in likeliest)


ONE_CLASS = OneClass()
