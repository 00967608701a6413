"""Classic active learning on the pool: the k single mixes with the lowest C1 (paper, 4.3).

Several mixes of one pair may be selected.
"""

import numpy as np

from amkd.config.search import SearchSettings
from amkd.config.settings import Settings
from amkd.data.records import Records
from amkd.methods.base import Method, PairSelector
from amkd.search import confidence, pairs, pool_search, top_k
from amkd.search.lambda_grid import lambda_grid
from amkd.search.selection import Selection, SelectionInputs


def choose(inputs: SelectionInputs) -> Selection:
    """Returns the k lowest C1 over pairs and lambdas of the grid.

    A chosen pair leaves the pool only at the same lambda; its other lambdas stay.
    """
    plan, before = inputs.settings, inputs.records
    grid = _lambdas(plan)
    parts = []
    student = pool_search.place(inputs, with_logits=False)
    for number, w in enumerate(grid.tolist()):
        same = before.w == w
        asked = np.unique(pairs.rank_of(before.i[same], before.j[same], inputs.pool.n))
        last = number == len(grid) - 1
        one = inputs._replace(
            chosen=asked, progress=inputs.progress if last else lambda _: inputs.progress(0)
        )
        parts.append(pool_search.lowest_c2(one, confidence.Grid((w,)), inputs.k, student))
    found = _merged(parts, inputs.k)
    records = found.records()
    scored = len(grid) * inputs.pool.size - int(
        np.sum(np.isin(before.w, grid) & (before.i < before.j))
    )
    told = {"evaluations": scored, "duplicates": duplicates(before.extend(records))}
    return Selection(records, found.score, told)


def _lambdas(settings: SearchSettings) -> np.ndarray:
    """Returns the different weights of the grid, ``int32[L]``: in a narrow one, several are rounded
    to the same weight.
    """
    return np.unique(lambda_grid(settings.lam_low, settings.lam_high, settings.lam_count))


def _merged(parts: list[top_k.Scored], k: int) -> top_k.Scored:
    """Returns the k lowest in the order of (score, pair, lambda)."""
    found = top_k.concatenate(parts)
    return found.take(np.lexsort((found.w, found.j, found.i, found.score))[:k])


def duplicates(records: Records) -> float:
    """Returns the share of the mixes whose pair occurs more than once among them."""
    mixed = records.i < records.j
    _, place, times = np.unique(
        np.stack([records.i[mixed], records.j[mixed]], 1),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    return float(np.mean(times[place.reshape(-1)] > 1))


class MixSelector(PairSelector):
    """Selects single mixes: a pair has as many as there are lambdas."""

    pool_title = "single mixes"

    def pool_size(self, settings: Settings, drawable: int) -> int:
        """Returns the number of single mixes of the pairs in the pool."""
        return super().pool_size(settings, drawable) * len(_lambdas(settings.search))


def evaluations(settings: SearchSettings, left: int, k: int) -> int:
    """Returns one evaluation for every single mix that is left."""
    del settings, k
    return left


METHOD = Method(selector=MixSelector(choose, evaluations, score="C1"))
