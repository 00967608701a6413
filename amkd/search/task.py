"""A way to spend the queries of a run: what it is, what it may look at, and what it returns."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from amkd.config.search import SearchSettings
from amkd.data.records import Records
from amkd.models import Network
from amkd.models.layers import Variables
from amkd.search import pairs


class Task(NamedTuple):
    """All that a method may look at when it chooses.

    Attributes:
      images: ``uint8[N, H, W, C]``, the real images.
      pool: the pairs.
      chosen: ``int64[...]`` ascending ranks of the pairs that have left the pool.
      records: everything queried so far, the real images first.
      k: how many pairs to choose, K.
      stream: (seed, round).
      network: the student, in float32.
      variables: the last round's student.
      settings: the ``search.*`` group.
      progress: told the number of pairs scored after every chunk; may raise to stop.
      answers: those to the records, ``float32[Q, Y]``.
      another: trains one more student on what the last one was trained on, given its number, 1 or
        more, and whether it learns from the answers' best classes alone.
    """

    images: np.ndarray
    pool: pairs.Pool
    chosen: np.ndarray
    records: Records
    k: int
    stream: tuple[int, int]
    network: Network
    variables: Variables
    settings: SearchSettings
    progress: Callable[[int], None]
    answers: Callable[[], np.ndarray] | None = None
    another: Callable[[int, bool], Variables] | None = None


class Choice(NamedTuple):
    """The round's chosen mixes.

    Attributes:
      records: what to query, K of them.
      score: ``float32[K]``, their C2; NaN where the method does not score.
      told: what else there is to report of the choice, for JSON.
    """

    records: Records
    score: np.ndarray
    told: dict[str, Any]
