"""Choosing a round's pairs: the method's search of the pool, a chunk at a time."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from amkd import confidence, devices, keys, mixing, pairs, selection, training_set
from amkd.groups import SearchSettings
from amkd.models import Network
from amkd.student import Variables

_IN_FLIGHT = 2  # chunks queued on the devices, which never wait for the host


class Task(NamedTuple):
    """All that a method may look at when it chooses.

    Attributes:
      images: ``uint8[N, H, W, C]``, the real images.
      pool: the pairs.
      chosen: ``int64[...]`` ascending ranks of the pairs that have left the pool.
      k: how many pairs to choose, K.
      stream: (seed, round).
      network: the student, in float32.
      variables: the last round's student.
      settings: the ``search.*`` group.
      progress: told the number of pairs scored after every chunk; may raise to stop.
    """

    images: np.ndarray
    pool: pairs.Pool
    chosen: np.ndarray
    k: int
    stream: tuple[int, int]
    network: Network
    variables: Variables
    settings: SearchSettings
    progress: Callable[[int], None]


class Choice(NamedTuple):
    """The round's chosen mixes.

    Attributes:
      records: what to query, K of them.
      score: ``float32[K]``, their C2; NaN where the method does not score.
    """

    records: training_set.Records
    score: np.ndarray


def active_mixup(task: Task) -> Choice:
    """The k pairs of lowest C2, each at its arg-min lambda (paper, Algorithm 1)."""
    found = lowest(task, grid(task.settings))
    return Choice(training_set.Records(found.i, found.j, found.extra), found.score)


def random_mixup(task: Task) -> Choice:
    """k pairs uniformly at random at lambda .5: the baseline that every search must beat."""
    rng = keys.rng(*task.stream, keys.Purpose.RANDOM_PAIRS)
    places = pairs.sample_ranks(task.pool.size, min(task.k + len(task.chosen), task.pool.size), rng)
    left = np.setdiff1d(task.pool.ranks(places), task.chosen, assume_unique=True)
    i, j = pairs.pair_of(left[rng.choice(len(left), task.k, replace=False)], task.pool.n)
    half = np.full(task.k, mixing.ONE // 2, np.int32)
    task.progress(task.pool.size - len(task.chosen))
    return Choice(training_set.Records(i, j, half), np.full(task.k, np.nan, np.float32))


METHODS = {"active_mixup": active_mixup, "random_mixup": random_mixup}


def grid(settings: SearchSettings) -> confidence.Grid:
    """The configured grid of lambda."""
    weights = mixing.lambda_grid(settings.lam_low, settings.lam_high, settings.lam_count)
    return confidence.Grid(tuple(weights.tolist()))


def lowest(task: Task, minimiser: confidence.Minimiser) -> selection.Scored:
    """The k lowest of all pairs left, in order."""
    search = task.settings
    scorer = devices.Search(
        task.network,
        task.variables,
        task.images,
        minimiser,
        task.k,
        min(search.chunk, task.pool.size),
        search.tile,
        search.table_bytes,
    )
    in_flight: deque[Callable[[], int]] = deque()
    for ranks in task.pool.chunks(scorer.length, task.chosen):
        in_flight.append(scorer.add(*pairs.pair_of(ranks, task.pool.n)))
        if len(in_flight) > _IN_FLIGHT:
            task.progress(in_flight.popleft()())
    for wait in in_flight:
        task.progress(wait())
    return scorer.lowest()
