"""The contract of a task: everything that differs between tasks, and nothing else.

An answer is ``float32[Y]``: G groups of Y/G numbers, one after the other, each a distribution. A
classifier has one group. Sums over an answer are then sums over its groups: the entropy, the mutual
information of a committee and the Kullback-Leibler divergence of a classifier are those of G
independent decisions, without a change. So the ledger, the client, the training set and most
acquisitions need not know the task.
"""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import numpy as np


class Task(abc.ABC):
    """What answers mean, how they are evaluated, and how far two of them are from each other.

    A task is a value: equal tasks have equal hashes.

    Attributes:
      names_classes: whether an answer names one class, so that classes can be counted, shown, and
        corrected by a person.
      labels: what the labels are, in words.
      figures: names of what :meth:`evaluated` returns in addition to the accuracy.
      fits: the values that fields of a configuration may have, by dotted name; other fields may
        have any.
      modes: what the command line can do with such a run; None for everything.
      colours: the names of the colours in which :meth:`draw` draws answers, in their order;
        empty where they are not drawn.
    """

    names_classes: ClassVar[bool]
    labels: ClassVar[str]
    figures: ClassVar[tuple[str, ...]] = ()
    fits: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    modes: ClassVar[tuple[str, ...] | None] = None
    colours: ClassVar[tuple[str, ...]] = ()

    @property
    @abc.abstractmethod
    def groups(self) -> int:
        """Returns how many distributions an answer holds, G."""

    @abc.abstractmethod
    def answers_of(self, labels: np.ndarray, length: int) -> np.ndarray:
        """Returns the answers that correspond to labels: ``float32[M, Y]``.

        Args:
          labels: ``[M, ...]``, of the task's own form.
          length: the length of an answer, Y.
        """

    @abc.abstractmethod
    def evaluated(self, answers: np.ndarray, labels: np.ndarray | None) -> dict[str, Any]:
        """Returns ``student_accuracy``, ``accuracy_images`` and :attr:`figures`.

        Args:
          answers: ``float32[T, Y]``; a row of NaN is an image that was not queried.
          labels: ``[T, ...]``; None for none: then all figures are None.
        """

    @abc.abstractmethod
    def compared(self, student: np.ndarray, teacher: np.ndarray | None) -> dict[str, Any]:
        """Returns ``agreement``, ``agreement_images`` and ``divergence``.

        Args:
          student: ``float32[T, Y]``.
          teacher: ``float32[T, Y]``; a row of NaN is an image that was not queried; None if none
            was queried.
        """

    def calibrated(
        self, student: np.ndarray, labels: np.ndarray | None, teacher: np.ndarray | None
    ) -> dict[str, float | None]:
        """Returns ``calibration_error`` and ``brier_score``; None where the task has none.

        Args:
          student: ``float32[T, Y]``.
          labels: ``[T, ...]``; None for none.
          teacher: as in :meth:`compared`.
        """
        return {"calibration_error": None, "brier_score": None}

    @abc.abstractmethod
    def gap(self, one: jax.Array, other: jax.Array) -> jax.Array:
        """Returns how far two networks are from each other on one image, given the answers
        ``float32[Y]`` of both: ``float32[]``.
        """

    @abc.abstractmethod
    def words(self, answer: np.ndarray, names: Sequence[str], most: int) -> str:
        """Returns an answer ``float32[Y]`` in words.

        Args:
          answer: the answer to one image.
          names: the names of the classes; empty where the task has none.
          most: how many of the likeliest classes are named.
        """

    def draw(self, image: np.ndarray, *answers: np.ndarray) -> np.ndarray:
        """Returns an image with its answers drawn over it: ``uint8[H', W', C']``.

        Args:
          image: ``uint8[H, W, C]``.
          *answers: ``float32[Y]`` each, in the order of :attr:`colours`; NaN for none.
        """
        del answers
        return image

    def accuracy(self, answers: np.ndarray | None, labels: np.ndarray | None) -> float | None:
        """Returns the accuracy alone; None where there is nothing to compare."""
        if answers is None:
            return None
        found: float | None = self.evaluated(answers, labels)["student_accuracy"]
        return found
