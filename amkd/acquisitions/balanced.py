"""Coverage of the classes: the lowest C2 of each class that the student names, the same number of
each.
"""

import numpy as np

from amkd.candidates.candidate_set import Candidates, filled


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Of every class in turn its lowest C2 left; classes that run out are passed over."""
    probabilities = candidates.seen().probabilities
    return dealt(probabilities.argmax(-1), probabilities.shape[-1], k)


def dealt(named: np.ndarray, classes: int, k: int) -> np.ndarray:
    """The first k places when the classes take turns.

    Args:
      named: ``int64[M]``, the class of each candidate, in the order of C2.
      classes: number of classes Y.
      k: how many places.
    """
    turn = np.empty(len(named), np.int64)  # of each candidate within its class
    for one in range(classes):
        own = np.flatnonzero(named == one)
        turn[own] = np.arange(len(own))
    order = np.lexsort((np.arange(len(named)), turn))
    return filled(order[:k], len(named), k)


ACQUISITION = choose
