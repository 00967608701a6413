"""Coverage of the classes: the lowest C2 within each class that the student predicts, and the same
number of mixes from each class.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates, fill_up


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the lowest remaining C2 of each class in turn, and skips classes without any left."""
    probabilities = candidates.predictions().probabilities
    return take_turns(probabilities.argmax(-1), probabilities.shape[-1], k)


def take_turns(predicted: np.ndarray, classes: int, k: int) -> np.ndarray:
    """Returns the first k places in an order in which the classes take turns.

    Args:
      predicted: ``int64[M]``, the class of each candidate, in the order of C2.
      classes: number of classes Y.
      k: number of places.
    """
    turn = np.empty(len(predicted), np.int64)  # the rank of each candidate within its class
    for one in range(classes):
        own = np.flatnonzero(predicted == one)
        turn[own] = np.arange(len(own))
    order = np.lexsort((np.arange(len(predicted)), turn))
    return fill_up(order[:k], len(predicted), k)


ACQUISITION = Acquisition(choose)
