"""Acquisitions and methods that break their contract."""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.data import mixing
from amkd.data.records import Records
from amkd.methods.base import ImageSelector, Method, PairSelector
from amkd.search import pairs
from amkd.search.selection import Selection

FLOATS = Acquisition(lambda candidates, k: np.arange(k) / 2)
MASK = Acquisition(lambda candidates, k: np.arange(len(candidates)) < k)
NEGATIVE = Acquisition(lambda candidates, k: np.arange(k) - 1)
TOO_HIGH = Acquisition(lambda candidates, k: len(candidates) - np.arange(k))
TOO_MANY = Acquisition(lambda candidates, k: np.arange(len(candidates)))
TWICE = Acquisition(lambda candidates, k: np.zeros(k, int))


def _first_pairs(more, again):
    """Selects the first pairs of the pool: ``more`` than k, in each round the same if ``again``."""

    def select(inputs):
        ranks = np.arange(inputs.pool.size) if again else _left(inputs)
        i, j = pairs.pair_of(ranks[: inputs.k + more], inputs.pool.n)
        records = Records(i, j, np.full(len(i), mixing.ONE // 2, np.int32))
        return Selection(records, np.full(len(i), np.nan, np.float32), {})

    return Method(selector=PairSelector(select))


def _left(inputs):
    return np.setdiff1d(np.arange(inputs.pool.size), inputs.chosen)


OF_IMAGES = Method(selector=ImageSelector(lambda inputs: None))
ONE_TOO_MANY = _first_pairs(1, False)
THE_SAME_AGAIN = _first_pairs(0, True)
