"""The baseline that every search must beat: random pairs, at lambda .5 or at random ones of the grid."""

import numpy as np

from amkd import keys, mixing, pairs, search
from amkd.learning import training_set
from amkd.method import Choice, Method, Task


def choose(task: Task) -> Choice:
    """k of the pairs left, uniformly at random."""
    rng = keys.rng(*task.stream, keys.Purpose.RANDOM_PAIRS)
    i, j = pairs.pair_of(search.sample(task, task.k, rng), task.pool.n)
    plan = task.settings
    grid = mixing.lambda_grid(plan.lam_low, plan.lam_high, plan.lam_count)
    w = np.full(task.k, mixing.ONE // 2, np.int32) if plan.random_lam == "half" else rng.choice(grid, task.k)
    task.progress(search.left(task))
    return Choice(training_set.Records(i, j, w), np.full(task.k, np.nan, np.float32), {"evaluations": 0})


METHOD = Method(choose)
