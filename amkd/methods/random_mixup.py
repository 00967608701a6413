"""The baseline for every search: random pairs, at lambda .5 or at random lambdas of the grid."""

import numpy as np

from amkd.core import keys
from amkd.data import mixing
from amkd.data.records import Records
from amkd.methods.base import Method, PairSelector
from amkd.search import pairs, pool_search
from amkd.search.lambda_grid import lambda_grid
from amkd.search.selection import Selection, SelectionInputs


def choose(inputs: SelectionInputs) -> Selection:
    """Returns k of the remaining pairs, drawn uniformly."""
    rng = keys.rng(*inputs.stream, keys.Purpose.RANDOM_PAIRS)
    i, j = pairs.pair_of(pool_search.sample_remaining(inputs, inputs.k, rng), inputs.pool.n)
    plan = inputs.settings
    grid = lambda_grid(plan.lam_low, plan.lam_high, plan.lam_count)
    w = (
        np.full(inputs.k, mixing.ONE // 2, np.int32)
        if plan.random_lam == "half"
        else rng.choice(grid, inputs.k)
    )
    inputs.progress(pool_search.count_remaining(inputs))
    return Selection(Records(i, j, w), np.full(inputs.k, np.nan, np.float32), {"evaluations": 0})


METHOD = Method(selector=PairSelector(choose))
