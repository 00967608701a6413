"""The paper's method: the k pairs of lowest C2, each at its arg-min lambda (Algorithm 1); or some
of a few more.
"""

import math

import numpy as np

from amkd.acquisitions import ACQUISITIONS
from amkd.candidates import candidate_set
from amkd.config.search import SearchSettings
from amkd.data.records import Records, extend
from amkd.methods import random_mixup
from amkd.methods.base import Method
from amkd.search import pairs, pool_search, screening, top_k
from amkd.search.task import Choice, Task


def choose(task: Task) -> Choice:
    """The lowest of the pool by C2, those of them that the acquisition picks, and a share at
    random.
    """
    plan = task.settings
    at_random = _at_random(plan, task.k)
    own = task._replace(k=task.k - at_random)
    found, told = _lowest(own, min(math.ceil(plan.candidates * own.k), pool_search.left(task)))
    places = ACQUISITIONS[plan.acquisition](candidate_set.Candidates(found, own), own.k)
    found = top_k.Scored(*(column[places] for column in found))
    choice = Choice(Records(found.i, found.j, found.extra), found.score, told)
    return _with_random(task, choice, at_random) if at_random else choice


def _at_random(settings: SearchSettings, k: int) -> int:
    """How many of k are drawn at random: never all."""
    return min(round(settings.random_share * k), k - 1)


def _lowest(task: Task, count: int) -> tuple[top_k.Scored, dict[str, float]]:
    """So many pairs of lowest C2, in order, by the configured way to minimise over lambda."""
    way, left = pool_search.minimiser(task.settings), pool_search.left(task)
    if task.settings.minimiser == "screened":
        return screening.lowest(task._replace(k=count), screening.plan(task.settings, left, count))
    return pool_search.lowest(task, way, count), {"evaluations": way.evaluations * left}


def _with_random(task: Task, choice: Choice, count: int) -> Choice:
    """The choice, and so many of the other pairs at random."""
    gone = pairs.rank_of(choice.records.i, choice.records.j, task.pool.n)
    others = task._replace(k=count, chosen=np.union1d(task.chosen, gone), progress=lambda _: None)
    more = random_mixup.choose(others)
    score = np.concatenate([choice.score, more.score])
    return Choice(extend(choice.records, more.records), score, choice.told)


def evaluations(settings: SearchSettings, left: int, k: int) -> int:
    """Of the search; a screened one may turn out to need more."""
    if settings.minimiser == "screened":
        wanted = math.ceil(settings.candidates * (k - _at_random(settings, k)))
        return screening.plan(settings, left, min(wanted, left)).evaluations
    return pool_search.minimiser(settings).evaluations * left


METHOD = Method(choose, evaluations, chooses=True)
