"""Work on many files in threads, in order and in bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

_CHUNK = 16  # items per future: small pictures would wait for the queue more than for their decoder
_AHEAD = 3  # futures per thread that may be under way or waiting to be consumed

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Sequence[Item], what: str) -> Iterator[Result]:
    """Yields ``work(item)`` for every item, in order; only a few are ahead of the consumer.

    Args:
      work: called in threads; what it raises is raised here, and what was not begun is dropped.
      items: what to work on.
      what: what is done, for the progress bar (on a terminal only).
    """

    def some(start: int) -> list[Result]:
        return [work(item) for item in items[start : start + _CHUNK]]

    workers = min(32, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers)
    try:
        with tqdm(total=len(items), desc=what, unit="file", disable=None) as bar:
            for results in _bounded(pool, some, range(0, len(items), _CHUNK), _AHEAD * workers):
                yield from results
                bar.update(len(results))
    finally:
        pool.shutdown(cancel_futures=True)


def _bounded(
    pool: ThreadPoolExecutor, work: Callable[[int], list[Result]], starts: Sequence[int], ahead: int
) -> Iterator[list[Result]]:
    waiting: deque[Future[list[Result]]] = deque()
    for start in starts:
        waiting.append(pool.submit(work, start))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
