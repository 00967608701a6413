"""The paper's method: the k pairs with the lowest C2, each at its arg-min lambda (Algorithm 1).

With ``search.candidates`` above 1 an acquisition chooses among more of the lowest pairs.
"""

import math
from collections.abc import Iterator

import numpy as np

from amkd.acquisitions import base as acquisitions
from amkd.candidates import candidate_set
from amkd.config.search import SearchSettings
from amkd.config.settings import Settings
from amkd.methods import random_mixup, selectors
from amkd.methods.base import Method, PairSelector
from amkd.search import pairs, pool_search, screening, top_k
from amkd.search.selection import Selection, SelectionInputs


def choose(inputs: SelectionInputs) -> Selection:
    """Returns the acquisition's choice among the pairs of lowest C2, plus a share at random."""
    plan = inputs.settings
    at_random = _at_random(plan, inputs.k)
    own = inputs._replace(k=inputs.k - at_random)
    found, told = _lowest(
        own, min(math.ceil(plan.candidates * own.k), pool_search.count_remaining(inputs))
    )
    candidates = candidate_set.Candidates(found, own)
    found = found.take(acquisitions.chosen(plan.acquisition, candidates, own.k))
    choice = Selection(found.records(), found.score, told)
    return _with_random(inputs, choice, at_random) if at_random else choice


def _at_random(settings: SearchSettings, k: int) -> int:
    """Returns how many of k are drawn at random; always fewer than k."""
    return min(round(settings.random_share * k), k - 1)


def _lowest(inputs: SelectionInputs, count: int) -> tuple[top_k.Scored, dict[str, float]]:
    """Returns ``count`` pairs with the lowest C2, in order, and metrics of the search."""
    way, left = (
        pool_search.configured_minimiser(inputs.settings),
        pool_search.count_remaining(inputs),
    )
    if screening.is_wanted(inputs.settings):
        return screening.lowest_c2(
            inputs._replace(k=count), screening.make_screening(inputs.settings, left, count)
        )
    return pool_search.lowest_c2(inputs, way, count), {"evaluations": way.evaluations * left}


def _with_random(inputs: SelectionInputs, choice: Selection, count: int) -> Selection:
    """Returns the choice and ``count`` of the other pairs, drawn at random."""
    removed = pairs.rank_of(choice.records.i, choice.records.j, inputs.pool.n)
    others = inputs._replace(
        k=count, chosen=np.union1d(inputs.chosen, removed), progress=lambda _: None
    )
    more = random_mixup.choose(others)
    score = np.concatenate([choice.score, more.score])
    return Selection(choice.records.extend(more.records), score, choice.metrics)


def evaluations(settings: SearchSettings, left: int, k: int) -> int:
    """Returns the number of evaluations of the search; a screened search may need more."""
    if screening.is_wanted(settings):
        wanted = math.ceil(settings.candidates * (k - _at_random(settings, k)))
        return screening.make_screening(settings, left, min(wanted, left)).evaluations
    return pool_search.configured_minimiser(settings).evaluations * left


def misfits(settings: Settings) -> Iterator[str]:
    """Yields a problem if there are only as many candidates as are wanted, so no choice is left."""
    yield from selectors.without_choice(settings, fitting=("lowest",), such_as=5)


METHOD = Method(selector=PairSelector(choose, evaluations, acquires=True, misfits=misfits))
