"""What the teacher gave for the records of a run: what a student learns from."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Given:
    """What the teacher gave for records.

    Attributes:
      answers: ``float32[Q, Y]``.
      features: ``float32[Q, e]``, what a white-box teacher shows beside them; None if answers are
        enough.
      weights: ``float32[Q]``, how the records weigh in the loss; None for all the same.
    """

    answers: np.ndarray
    features: np.ndarray | None = None
    weights: np.ndarray | None = None

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns what there is, by name."""
        return {name: array for name, array in vars(self).items() if array is not None}
