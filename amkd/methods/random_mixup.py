"""The baseline that every search must beat: random pairs at lambda .5."""

import numpy as np

from amkd import keys, mixing, pairs, search, training_set
from amkd.search import Choice, Task


def choose(task: Task) -> Choice:
    """k of the pairs left, uniformly at random."""
    rng = keys.rng(*task.stream, keys.Purpose.RANDOM_PAIRS)
    i, j = pairs.pair_of(search.sample(task, task.k, rng), task.pool.n)
    half = np.full(task.k, mixing.ONE // 2, np.int32)
    task.progress(search.left(task))
    return Choice(training_set.Records(i, j, half), np.full(task.k, np.nan, np.float32), {"evaluations": 0})
