"""Searching the pool for its lowest C2, a chunk at a time."""

from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from amkd.config.search import SearchSettings
from amkd.data import mixing
from amkd.search import pairs, refinement, top_k
from amkd.search.confidence import Grid, Minimiser
from amkd.search.device_search import DeviceSearch
from amkd.search.selection import SelectionTask

_IN_FLIGHT = 2  # chunks queued on the devices, which never wait for the host


def configured_minimiser(settings: SearchSettings) -> Minimiser:
    """Returns the configured method to minimise over lambda.

    For ``screened``, it is the method for the pairs of the shortlist.
    """
    if settings.minimiser == "grid":
        grid = mixing.lambda_grid(settings.lam_low, settings.lam_high, settings.lam_count)
        return Grid(tuple(grid.tolist()))
    return refinement.Refined(lam_range(settings), settings.evaluations)


def lam_range(settings: SearchSettings) -> refinement.Range:
    """Returns the configured range of lambda."""
    return refinement.Range(*mixing.lambda_grid(settings.lam_low, settings.lam_high, 2).tolist())


def pairs_left(task: SelectionTask) -> int:
    """Returns the number of pairs that may still be chosen."""
    return task.pool.size - len(task.chosen)


def lowest_c2(task: SelectionTask, minimiser: Minimiser, k: int) -> top_k.Scored:
    """Returns the k pairs of lowest C2 among all pairs left, in order."""
    search = open_search(task, minimiser, k)
    score_chunks(task, search, task.pool.chunks(search.length, task.chosen), task.progress)
    return search.lowest()


def open_search(task: SelectionTask, minimiser: Minimiser, k: int) -> DeviceSearch:
    """Returns a search under the task's student that has not scored any pair yet."""
    settings = task.settings
    return DeviceSearch(
        network=task.network,
        variables=task.variables,
        images=task.images,
        minimiser=minimiser,
        k=k,
        pairs=min(settings.chunk, task.pool.size),
        tile=settings.tile,
        table_bytes=settings.table_bytes,
    )


def score_chunks(
    task: SelectionTask,
    search: DeviceSearch,
    chunks: Iterable[np.ndarray],
    progress: Callable[[int], None],
) -> None:
    """Adds pairs to a search.

    Args:
      task: the task, for its pool.
      search: scores them.
      chunks: their ranks, ``int64[...]``, at most ``search.length`` in each chunk.
      progress: is called with the number of pairs of every chunk that was scored.
    """
    in_flight: deque[Callable[[], int]] = deque()
    for ranks in chunks:
        in_flight.append(search.add(*pairs.pair_of(ranks, task.pool.n)))
        if len(in_flight) > _IN_FLIGHT:
            progress(in_flight.popleft()())
    for wait in in_flight:
        progress(wait())


def sample_left(task: SelectionTask, size: int, rng: np.random.Generator) -> np.ndarray:
    """Returns a uniform sample of the pairs left, without replacement: ``int64[size]`` ranks, in
    random order.
    """
    places = pairs.sample_ranks(task.pool.size, min(size + len(task.chosen), task.pool.size), rng)
    found = np.setdiff1d(task.pool.ranks(places), task.chosen, assume_unique=True)
    return found[rng.choice(len(found), size, replace=False)]
