"""What a student learns from the records of a run."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Targets:
    """Holds what a student learns from records: answers, teacher features, and weights in the loss.

    Attributes:
      answers: ``float32[Q, Y]``.
      features: ``float32[Q, e]``, features that a white-box teacher returns in addition to them;
        None if the answers are enough.
      weights: ``float32[Q]``, the weights of the records in the loss; None if all are equal.
    """

    answers: np.ndarray
    features: np.ndarray | None = None
    weights: np.ndarray | None = None

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays that are not None, by name."""
        return {name: array for name, array in vars(self).items() if array is not None}
