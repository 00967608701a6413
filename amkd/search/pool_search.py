"""Searching the pool for its lowest C2, a chunk at a time."""

from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from amkd.config.search import SearchSettings
from amkd.data import mixing
from amkd.search import confidence, pairs, refinement, top_k
from amkd.search.device_search import DeviceSearch
from amkd.search.task import Task

_IN_FLIGHT = 2  # chunks queued on the devices, which never wait for the host


def minimiser(settings: SearchSettings) -> confidence.Minimiser:
    """The configured way to minimise over lambda in the end; a screen decides which pairs it is
    spent on.
    """
    if settings.minimiser == "grid":
        weights = mixing.lambda_grid(settings.lam_low, settings.lam_high, settings.lam_count)
        return confidence.Grid(tuple(weights.tolist()))
    return refinement.Refined(lam_range(settings), settings.evaluations)


def lam_range(settings: SearchSettings) -> refinement.Range:
    """The configured range of lambda."""
    return refinement.Range(*mixing.lambda_grid(settings.lam_low, settings.lam_high, 2).tolist())


def left(task: Task) -> int:
    """Pairs that may still be chosen."""
    return task.pool.size - len(task.chosen)


def lowest(task: Task, way: confidence.Minimiser, k: int) -> top_k.Scored:
    """The k lowest of all pairs left, in order."""
    scorer = make(task, way, k)
    score(task, scorer, task.pool.chunks(scorer.length, task.chosen), task.progress)
    return scorer.lowest()


def make(task: Task, way: confidence.Minimiser, k: int) -> DeviceSearch:
    """A search under the task's student that has not scored anything yet."""
    plan = task.settings
    chunk = min(plan.chunk, task.pool.size)
    return DeviceSearch(
        task.network, task.variables, task.images, way, k, chunk, plan.tile, plan.table_bytes
    )


def score(
    task: Task, scorer: DeviceSearch, chunks: Iterable[np.ndarray], progress: Callable[[int], None]
) -> None:
    """Scores pairs, ``int64[...]`` ranks, each chunk of ``scorer.length`` at most."""
    in_flight: deque[Callable[[], int]] = deque()
    for ranks in chunks:
        in_flight.append(scorer.add(*pairs.pair_of(ranks, task.pool.n)))
        if len(in_flight) > _IN_FLIGHT:
            progress(in_flight.popleft()())
    for wait in in_flight:
        progress(wait())


def sample(task: Task, size: int, rng: np.random.Generator) -> np.ndarray:
    """A uniform sample of the pairs left, without replacement: ``int64[size]`` ranks, in no
    order.
    """
    places = pairs.sample_ranks(task.pool.size, min(size + len(task.chosen), task.pool.size), rng)
    found = np.setdiff1d(task.pool.ranks(places), task.chosen, assume_unique=True)
    return found[rng.choice(len(found), size, replace=False)]
