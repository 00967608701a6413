"""Classic active learning on random mixes, without C2: the pool is a set of single images.

There is no search for the lambda of a pair. ``search.candidates`` times as many mixes as are wanted
are drawn as in ``random_mixup``, the student evaluates each once, and k of them are chosen. This is
ours: it is cheap, and lambda keeps the range from which it was drawn.
"""

import math
from collections.abc import Iterator

from amkd.acquisitions import base as acquisitions
from amkd.candidates import candidate_set
from amkd.config.search import SearchSettings
from amkd.config.settings import Settings
from amkd.methods import random_mixup, selectors
from amkd.methods.base import Method, PairSelector
from amkd.search import pool_search
from amkd.search.selection import Selection, SelectionInputs


def choose(inputs: SelectionInputs) -> Selection:
    """Returns k of the drawn mixes."""
    plan = inputs.settings
    drawn = random_mixup.choose(
        inputs._replace(k=_count(plan, pool_search.count_remaining(inputs), inputs.k))
    ).records
    predictions = candidate_set.predict(inputs, inputs.variables, drawn)
    candidates = candidate_set.least_confident_first(inputs, drawn, predictions)
    places = acquisitions.chosen(plan.acquisition, candidates, inputs.k)
    found = candidates.scored.take(places)
    return Selection(found.records(), found.score, {"evaluations": len(drawn)})


def _count(settings: SearchSettings, left: int, k: int) -> int:
    return min(math.ceil(settings.candidates * k), left)


def evaluations(settings: SearchSettings, left: int, k: int) -> int:
    """Returns one evaluation for every drawn mix."""
    return _count(settings, left, k)


def misfits(settings: Settings) -> Iterator[str]:
    """Yields a problem if there are only as many candidates as are wanted, so no choice is left."""
    yield from selectors.without_choice(settings, fitting=(), such_as=5)


METHOD = Method(
    selector=PairSelector(choose, evaluations, acquires=True, misfits=misfits, score="C1")
)
