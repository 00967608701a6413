"""Searches the pool for its lowest C2, one chunk at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from amkd.config.search import SearchSettings
from amkd.core import devices, processes
from amkd.core.stopping import Stopped
from amkd.search import pairs, placed, refinement, top_k
from amkd.search.confidence import Grid, Minimiser
from amkd.search.device_search import DeviceSearch, longest_dispatch
from amkd.search.dispatch_size import DispatchSize
from amkd.search.lambda_grid import lambda_grid
from amkd.search.placed import Placed
from amkd.search.scans import Scan, Scans
from amkd.search.selection import SelectionInputs

_IN_FLIGHT = 2  # dispatches queued on the devices, so that these never wait for the host
_ON_CPU = 4096  # pairs in one dispatch, if their number is not configured


def configured_minimiser(settings: SearchSettings) -> Minimiser:
    """Returns the configured method to minimise over lambda.

    For ``screened``, this is the method for the pairs of the shortlist.
    """
    if settings.minimiser == "grid":
        grid = lambda_grid(settings.lam_low, settings.lam_high, settings.lam_count)
        return Grid(tuple(grid.tolist()))
    return refinement.Refined(lam_range(settings), settings.evaluations)


def lam_range(settings: SearchSettings) -> refinement.Range:
    """Returns the configured range of lambda."""
    return refinement.Range(*lambda_grid(settings.lam_low, settings.lam_high, 2).tolist())


def count_remaining(inputs: SelectionInputs) -> int:
    """Returns the number of pairs that may still be chosen."""
    return inputs.pool.size - len(inputs.chosen)


def place(inputs: SelectionInputs, *, with_logits: bool, dtype: str = "float32") -> Placed:
    """Places the student and images of a selection on every device.

    Args:
      inputs: the inputs of the selection.
      with_logits: whether the images' logits are wanted.
      dtype: the data type for the scoring: float32, tensorfloat32 or bfloat16.
    """
    return placed.place(
        inputs.network.clone(dtype=jnp.bfloat16) if dtype == "bfloat16" else inputs.network,
        inputs.variables,
        np.asarray(inputs.images),
        with_logits=with_logits,
        table_bytes=inputs.settings.table_bytes,
        precision="tensorfloat32" if dtype == "tensorfloat32" else None,
    )


def lowest_c2(
    inputs: SelectionInputs, minimiser: Minimiser, k: int, student: Placed | None = None
) -> top_k.Scored:
    """Returns the k pairs of lowest C2 among all remaining pairs, in order.

    Args:
      inputs: the inputs of the selection.
      minimiser: how to minimise over lambda.
      k: how many pairs.
      student: the result of :func:`place`; None to place it now.
    """
    search = open_search(inputs, minimiser, k, student)
    if inputs.scans is not None:
        return _scan(inputs, search, inputs.scans)
    score_remaining(inputs, search, inputs.chosen, inputs.progress)
    return search.lowest()


def _scan(inputs: SelectionInputs, search: DeviceSearch, scans: Scans) -> top_k.Scored:
    """Scores all remaining pairs, except those that a saved scan has scored; returns the lowest.

    Raises:
      Stopped: the process was asked to stop; a single process has saved the scan.
    """
    begun = scans.begin(search.length)
    search.include(begun.found)
    inputs.progress(begun.done)
    dispatch, done = _dispatch_size(inputs, search), begun.done
    waiting = _Waiting(dispatch, inputs.progress)
    try:
        for wait, size in _of_remaining(inputs, search, inputs.chosen, dispatch, done):
            done += size
            waiting.add(wait)
            if scans.is_due(done):
                waiting.end()
                scans.save(Scan(done, search.lowest()))
        waiting.end()
    except Stopped:
        if scans.alone and done > begun.done:
            scans.save(Scan(done, search.lowest()))
        raise
    found = search.lowest()
    scans.end(Scan(done, found))
    return found


def open_search(
    inputs: SelectionInputs, minimiser: Minimiser, k: int, student: Placed | None = None
) -> DeviceSearch:
    """Returns a search under the last round's student that has not scored any pair yet; see
    :func:`lowest_c2`.
    """
    longest = longest_dispatch() if devices.accelerated() else _ON_CPU
    return DeviceSearch(
        placed=student or place(inputs, with_logits=minimiser.uses_logits),
        minimiser=minimiser,
        k=k,
        pairs=min(inputs.settings.chunk or longest, inputs.pool.size),
        tile=inputs.settings.tile,
    )


def score_remaining(
    inputs: SelectionInputs,
    search: DeviceSearch,
    removed: np.ndarray,
    progress: Callable[[int], None],
) -> None:
    """Adds all pairs of the pool to a search, except those in ``removed``.

    Args:
      inputs: the inputs of the selection, with its pool.
      search: scores them.
      removed: ``int64[...]``, ascending ranks of the pairs to leave out.
      progress: see :func:`score_chunks`.
    """
    dispatch = _dispatch_size(inputs, search)
    _finish(_of_remaining(inputs, search, removed, dispatch), dispatch, progress)


def score_chunks(
    inputs: SelectionInputs,
    search: DeviceSearch,
    chunks: Iterable[np.ndarray],
    progress: Callable[[int], None],
) -> None:
    """Adds pairs to a search.

    Args:
      inputs: the inputs of the selection, with its pool.
      search: scores them.
      chunks: the ranks of the pairs, ``int64[...]``, at most ``search.length`` in each chunk.
      progress: is called with the number of pairs of every dispatch that was scored.
    """
    dispatch = _dispatch_size(inputs, search)
    _finish(_of_chunks(inputs, search, chunks, dispatch), dispatch, progress)


# Starts a dispatch each time it is advanced; yields what waits for it, and its number of pairs.
_Dispatches = Iterator[tuple[Callable[[], int], int]]


def _of_remaining(
    inputs: SelectionInputs,
    search: DeviceSearch,
    removed: np.ndarray,
    dispatch: DispatchSize,
    start: int = 0,
) -> _Dispatches:
    """Yields the dispatches of the remaining pairs in the order of their ranks, from place
    ``start`` on.
    """
    if not devices.accelerated() or inputs.pool.counts is not None:
        chunks = _without_first(inputs.pool.chunks(search.length, removed), start)
        yield from _of_chunks(inputs, search, chunks, dispatch)
        return
    left = pairs.RemainingPairs(inputs.pool.n, removed)
    while start < left.size:
        stop = min(start + dispatch.size, left.size)
        yield search.add_remaining(left, start, stop), stop - start
        start = stop


def _of_chunks(
    inputs: SelectionInputs,
    search: DeviceSearch,
    chunks: Iterable[np.ndarray],
    dispatch: DispatchSize,
) -> _Dispatches:
    for ranks in chunks:
        start = 0
        while start < len(ranks):
            part = ranks[start : start + dispatch.size]
            yield search.add(*pairs.pair_of(part, inputs.pool.n)), len(part)
            start += len(part)


def _without_first(chunks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Yields the chunks without their first ``size`` elements."""
    for chunk in chunks:
        if size < len(chunk):
            yield chunk[size:]
        size = max(size - len(chunk), 0)


def _finish(
    dispatches: _Dispatches, dispatch: DispatchSize, progress: Callable[[int], None]
) -> None:
    waiting = _Waiting(dispatch, progress)
    for wait, _ in dispatches:
        waiting.add(wait)
    waiting.end()


def _dispatch_size(inputs: SelectionInputs, search: DeviceSearch) -> DispatchSize:
    """Returns the size of a dispatch. Of several processes, only process 0 uses its clock."""
    fixed = not devices.accelerated() or inputs.settings.chunk > 0
    agree = processes.number_of_leader if jax.process_count() > 1 else None
    return DispatchSize(search.unit, search.length, fixed=fixed, agree=agree)


class _Waiting:
    """The dispatches that are queued on the devices."""

    def __init__(self, dispatch: DispatchSize, progress: Callable[[int], None]) -> None:
        self._dispatch_size, self._progress = dispatch, progress
        self._queue: deque[Callable[[], int]] = deque()

    def add(self, wait: Callable[[], int]) -> None:
        """Queues one more dispatch; waits for the oldest if more than two are queued."""
        self._queue.append(wait)
        if len(self._queue) > _IN_FLIGHT:
            self._next()

    def end(self) -> None:
        """Waits for all queued dispatches."""
        while self._queue:
            self._next()

    def _next(self) -> None:
        scored = self._queue.popleft()()
        self._dispatch_size.done(scored)
        self._progress(scored)


def sample_remaining(inputs: SelectionInputs, size: int, rng: np.random.Generator) -> np.ndarray:
    """Returns a uniform sample of the remaining pairs, without replacement: ``int64[size]`` ranks,
    in random order.
    """
    places = pairs.sample_ranks(
        inputs.pool.size, min(size + len(inputs.chosen), inputs.pool.size), rng
    )
    found = np.setdiff1d(inputs.pool.ranks(places), inputs.chosen, assume_unique=True)
    return found[rng.choice(len(found), size, replace=False)]
