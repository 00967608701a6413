"""The selection of one round: what a method may look at when it selects, and what it returns."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from amkd.config.search import SearchSettings
from amkd.data.lazy_images import Images
from amkd.data.records import Records
from amkd.models import Network
from amkd.models.layers import Variables
from amkd.search import pairs
from amkd.tasks import ONE_CLASS, Task


class SelectionTask(NamedTuple):
    """Everything that a method may look at when it selects.

    Attributes:
      images: ``uint8[N, H, W, C]``, the real images, and all others that may be asked about. Where
        whole images are selected, they are lazy: index them, and convert none of them all.
      pool: the pairs.
      chosen: ``int64[...]``, ascending ranks of the pairs that have left the pool.
      records: everything queried so far, the real images first.
      k: how many mixes to select, K.
      stream: (seed, round), for random numbers.
      network: the student, in float32.
      variables: those of the last round's student.
      settings: the ``search.*`` group.
      progress: is called with the number of pairs scored after every chunk; may raise to stop.
      answers: returns the answers to the records, ``float32[Q, Y]``.
      train_further_student: trains one more student on what the last one was trained on. Its
        arguments: the number of the student, 1 or more, and whether it learns only the best class
        of each answer.
      predict_cached: what the student, with given variables, says of records: probabilities
        ``float32[Q, Y]`` and features ``float32[Q, d]``, from cached features; None where the whole
        network runs.
      real: how many of ``images``, the first ones, are real; the others are variants of them, or
        were made of them. None where all are real.
      kind: what an answer means: one class, or lanes.
      train_larger: trains the network ``teacher.model`` on what the last student was trained on;
        returns it and its variables.
      train_on: trains one more student, as the last one was trained, but on other answers to the
        records, ``float32[Q, Y]``.
    """

    images: Images
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
    train_further_student: Callable[[int, bool], Variables] | None = None
    predict_cached: Callable[[Variables, Records], tuple[np.ndarray, np.ndarray]] | None = None
    real: int | None = None
    kind: Task = ONE_CLASS
    train_larger: Callable[[], tuple[Network, Variables]] | None = None
    train_on: Callable[[np.ndarray], Variables] | None = None


class Selection(NamedTuple):
    """The mixes that a method selected.

    Attributes:
      records: what to query, K of them.
      score: ``float32[K]``, their C2, or C1 of single mixes and images; NaN where the method does
        not score.
      metrics: numbers to report of the selection, for JSON.
    """

    records: Records
    score: np.ndarray
    metrics: dict[str, Any]
