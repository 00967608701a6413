"""Works on many files in threads, in order and in bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

_CHUNK = 16  # items per future: small images would wait longer for the queue than for their decoder
_AHEAD = 3  # futures per thread that may be running or waiting to be consumed

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(
    work: Callable[[Item], Result], items: Sequence[Item], label: str
) -> Iterator[Result]:
    """Yields ``work(item)`` for every item, in order; only a few are ahead of the consumer.

    Args:
      work: called in threads. Its exception is raised here, and items not yet begun are dropped.
      items: the items to work on.
      label: the label of the progress bar, which is only shown on a terminal.
    """

    def work_on_chunk(start: int) -> list[Result]:
        return [work(item) for item in items[start : start + _CHUNK]]

    workers = min(32, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[list[Result]]] = deque()
    try:
        with tqdm(total=len(items), desc=label, unit="file", disable=None) as bar:
            for start in range(0, len(items), _CHUNK):
                waiting.append(pool.submit(work_on_chunk, start))
                if len(waiting) >= _AHEAD * workers:
                    yield from _next_results(waiting, bar)
            while waiting:
                yield from _next_results(waiting, bar)
    finally:
        pool.shutdown(cancel_futures=True)


def _next_results(waiting: deque[Future[list[Result]]], bar: tqdm) -> Iterator[Result]:
    results = waiting.popleft().result()
    yield from results
    bar.update(len(results))
