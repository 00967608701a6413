"""Random mixes as a pool of single images, of which an acquisition chooses: classic active learning
without C2.

No pair is searched for its lambda: ``search.candidates`` times the mixes wanted are drawn as
  ``random_mixup`` draws
them, seen once by the student, and k of them chosen. Ours; cheap, and it leaves lambda as wide as
it was drawn.
"""

import math

from amkd.acquisitions import ACQUISITIONS
from amkd.candidates import candidate_set
from amkd.config.search import SearchSettings
from amkd.data.records import Records
from amkd.methods import random_mixup
from amkd.methods.base import Method
from amkd.search import pool_search, top_k
from amkd.search.task import Choice, Task


def choose(task: Task) -> Choice:
    """k of the mixes drawn."""
    plan = task.settings
    drawn = random_mixup.choose(
        task._replace(k=_count(plan, pool_search.left(task), task.k))
    ).records
    confidence = candidate_set.see(task, task.variables, drawn).probabilities.max(-1)
    order = candidate_set.first(confidence, len(drawn))
    scored = top_k.Scored(confidence[order], *(column[order] for column in drawn))
    places = ACQUISITIONS[plan.acquisition](candidate_set.Candidates(scored, task), task.k)
    found = top_k.Scored(*(column[places] for column in scored))
    return Choice(Records(found.i, found.j, found.extra), found.score, {"evaluations": len(drawn)})


def _count(settings: SearchSettings, left: int, k: int) -> int:
    return min(math.ceil(settings.candidates * k), left)


def evaluations(settings: SearchSettings, left: int, k: int) -> int:
    """One for every mix drawn."""
    return _count(settings, left, k)


METHOD = Method(choose, evaluations, chooses=True)
