"""A search that refines only those pairs which may be among the k lowest, and measures what it
missed.

After few evaluations, the curve through a pair's logits forecasts its C2. The pairs of lowest
forecast are the shortlist; they alone are refined. A random sample of all pairs is refined, too,
and tells what share of the k lowest the shortlist holds (:mod:`amkd.search.audit`). Where that is
not certain to be the target, the shortlist is doubled, and in the end every pair is refined.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from amkd.config.search import SearchSettings
from amkd.core import keys
from amkd.search import audit, pairs, pool_search, refinement, top_k
from amkd.search.task import Task

_FORECAST = 2  # evaluations before the forecast
_SHARE = 10  # the first shortlist is one tenth of the pool,
_TIMES = 5  # or five times k
_WIDEST = 0.4  # of the pool; refining all of it is not much dearer then
_MOST = 2**24  # pairs of a shortlist: half a GiB of every device's memory
_ERROR = 0.05  # probability that the reported interval misses the truth


class Plan(NamedTuple):
    """How a screened search goes about it.

    Attributes:
      left: pairs to search.
      shortlists: sizes of the shortlist, each tried if the one before is not good enough; none to
        refine all at once.
      sampled: pairs of the sample.
      target: share of the k lowest that is to be found.
      forecast: what all pairs get.
      refined: what the shortlist and the sample get.
    """

    left: int
    shortlists: tuple[int, ...]
    sampled: int
    target: float
    forecast: refinement.Refined
    refined: refinement.Refined

    @property
    def evaluations(self) -> int:
        """Evaluations of the student, if the first shortlist is good enough."""
        if not self.shortlists:
            return self.refined.evaluations * self.left
        refined = self.refined.evaluations * (self.shortlists[0] + self.sampled)
        return self.forecast.evaluations * self.left + refined


def plan(settings: SearchSettings, left: int, k: int) -> Plan:
    """The plan for k of so many pairs; small pools, and few k, are refined as a whole: no sample
    could tell enough.
    """
    range_ = pool_search.lam_range(settings)
    forecast = refinement.Refined(range_, _FORECAST, forecast=True)
    refined = refinement.Refined(range_, settings.evaluations)
    sizes = []
    size = max(min(-(-left // _SHARE), _MOST // 4), _TIMES * k)
    while size <= min(_WIDEST * left, _MOST):
        sizes.append(size)
        size *= 2
    sampled = audit.sample_size(left, k, settings.recall)
    screened = Plan(left, tuple(sizes), sampled, settings.recall, forecast, refined)
    whole = screened._replace(shortlists=(), sampled=0)
    return screened if sizes and screened.evaluations < whole.evaluations else whole


def lowest(task: Task, plan: Plan) -> tuple[top_k.Scored, dict[str, Any]]:
    """The k lowest as far as they were found, in order, and how the search went, for JSON."""
    if not plan.shortlists:
        return pool_search.lowest(task, plan.refined, task.k), _told(
            plan, audit.ALL, 0, plan.evaluations
        )
    forecast = pool_search.lowest(task, plan.forecast, plan.shortlists[-1])
    shortlist = pairs.rank_of(forecast.i, forecast.j, task.pool.n)
    sampled, scores = _sample(task, plan)
    scorer = pool_search.make(task, plan.refined, task.k)
    done = 0
    for turn, size in enumerate(plan.shortlists, 1):
        pool_search.score(task, scorer, _cut(shortlist[done:size], scorer.length), _silent(task))
        done = size
        found = scorer.lowest()
        outside = ~np.isin(sampled, shortlist[:size])
        # Looking again and again must not make chance findings likely: the errors of all turns add
        # up to one.
        seen = audit.recall(found.score, scores[outside], plan.left - size, _ERROR / 2**turn)
        if seen.low >= plan.target:
            break
    else:
        gone = np.sort(np.concatenate([task.chosen, shortlist]))
        pool_search.score(task, scorer, task.pool.chunks(scorer.length, gone), _silent(task))
        done, found, seen = plan.left, scorer.lowest(), audit.ALL
    spent = plan.forecast.evaluations * plan.left + plan.refined.evaluations * (done + len(sampled))
    return found, _told(plan, seen, done, spent)


def _sample(task: Task, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """A uniform sample of all pairs left: ``int64[M]`` ranks, and their scores, ``float32[M]``."""
    ranks = pool_search.sample(task, plan.sampled, keys.rng(*task.stream, keys.Purpose.AUDIT))
    scorer = pool_search.make(task, plan.refined, plan.sampled)
    pool_search.score(task, scorer, _cut(ranks, scorer.length), _silent(task))
    found = scorer.lowest()
    return pairs.rank_of(found.i, found.j, task.pool.n), found.score


def _cut(ranks: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (ranks[start : start + size] for start in range(0, len(ranks), size))


def _silent(task: Task) -> Any:
    """Progress is counted in pairs of the pool; these have been counted, but the run may be
    stopped.
    """
    return lambda _: task.progress(0)


def _told(plan: Plan, seen: audit.Recall, shortlist: int, evaluations: int) -> dict[str, Any]:
    shown = {name: round(value, 4) for name, value in seen._asdict().items()}
    return {
        "evaluations": evaluations,
        "recall": shown,
        "shortlist": shortlist,
        "sampled": plan.sampled,
    }
