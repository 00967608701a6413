"""A search that refines only the pairs that may be among the k lowest, and estimates how many of
these it missed.

There are two methods for a cheap forecast of every pair's C2; they can be combined. First, the
curve through a pair's logits forecasts its minimum after few evaluations
(``search.minimiser=screened``). Second, an accelerator computes many times faster in TF32 or
bfloat16 than in float32 (``search.forecast``). The pairs of lowest forecast are the shortlist, and
only these are refined, in float32. A random sample of all pairs is refined, too; from it the share
of the k lowest that is in the shortlist is estimated (:mod:`amkd.search.audit`). If it is not
certain that this share reaches the target, the shortlist is doubled, and in the end every pair is
refined.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from amkd.config.search import SearchSettings
from amkd.core import keys
from amkd.search import audit, pairs, pool_search, top_k
from amkd.search.confidence import Minimiser
from amkd.search.placed import Placed
from amkd.search.refinement import Refined
from amkd.search.selection import SelectionInputs

_FORECAST_EVALUATIONS = 2
_FIRST_SHARE = 10  # the first shortlist is one tenth of the pool,
_FIRST_TIMES_K = 5  # or five times k;
_FIRST_SHARE_ROUNDED = 50  # if the forecast is the same minimum with rounded products, it is
_FIRST_TIMES_K_ROUNDED = 2  # one fiftieth of the pool, or two times k
_ROUNDED_COST = 0.25  # highest cost of a TF32 or bfloat16 evaluation, relative to float32
_WIDEST_SHARE = 0.4  # of the pool; above this, refining the whole pool costs little more
_MOST = 2**24  # pairs of a shortlist: half a GiB of every device's memory
_ERROR = 0.05  # probability that the reported interval does not contain the true share


class Screening(NamedTuple):
    """How a screened search proceeds.

    Attributes:
      left: pairs to search.
      shortlists: sizes of the shortlist; each is tried if the one before is not good enough; empty
        to refine all pairs at once.
      sampled: pairs of the sample.
      target: share of the k lowest that must be found.
      forecast: the minimiser for all pairs.
      refined: the minimiser for the shortlist and the sample.
      dtype: data type of the forecast.
    """

    left: int
    shortlists: tuple[int, ...]
    sampled: int
    target: float
    forecast: Minimiser
    refined: Minimiser
    dtype: str = "float32"

    @property
    def evaluations(self) -> int:
        """Returns the student's evaluations if the first shortlist is good enough."""
        if not self.shortlists:
            return self.refined.evaluations * self.left
        return self.forecast.evaluations * self.left + self._refinements

    @property
    def cost(self) -> float:
        """Returns the cost of these, measured in evaluations in float32."""
        share = 1 if self.dtype == "float32" or not self.shortlists else _ROUNDED_COST
        return self.evaluations - (1 - share) * self.forecast.evaluations * self.left

    @property
    def _refinements(self) -> int:
        return self.refined.evaluations * (self.shortlists[0] + self.sampled)


def is_wanted(settings: SearchSettings) -> bool:
    """Returns whether the search is to be screened."""
    return settings.minimiser == "screened" or settings.forecast != "float32"


def make_screening(settings: SearchSettings, left: int, k: int) -> Screening:
    """Returns how to search ``left`` pairs for k.

    If the pool or k is small, all pairs are refined: no sample would give a useful estimate.
    """
    forecast: Minimiser
    refined: Minimiser
    if settings.minimiser == "screened" or settings.forecast == "float32":
        range_ = pool_search.lam_range(settings)
        forecast = Refined(range_, _FORECAST_EVALUATIONS, forecast=True)
        refined = Refined(range_, settings.evaluations)
        share, times_k = _FIRST_SHARE, _FIRST_TIMES_K
    else:  # the same minimum, with rounded products
        forecast = refined = pool_search.configured_minimiser(settings)
        share, times_k = _FIRST_SHARE_ROUNDED, _FIRST_TIMES_K_ROUNDED
    sizes = []
    size = max(min(-(-left // share), _MOST // 4), times_k * k)
    while size <= min(_WIDEST_SHARE * left, _MOST):
        sizes.append(size)
        size *= 2
    sampled = audit.sample_size(left, k, settings.recall)
    screened = Screening(
        left=left,
        shortlists=tuple(sizes),
        sampled=sampled,
        target=settings.recall,
        forecast=forecast,
        refined=refined,
        dtype=settings.forecast,
    )
    whole = screened._replace(shortlists=(), sampled=0)
    return screened if sizes and screened.cost < whole.cost else whole


def lowest_c2(inputs: SelectionInputs, screening: Screening) -> tuple[top_k.Scored, dict[str, Any]]:
    """Returns the k pairs of lowest C2 that were found, in order, and metrics of the search, for
    JSON.
    """
    if not screening.shortlists:
        found = pool_search.lowest_c2(inputs, screening.refined, inputs.k)
        return found, _metrics(screening, audit.NOTHING_MISSED, 0, screening.evaluations)
    place = functools.cache(
        lambda: pool_search.place(inputs, with_logits=screening.refined.uses_logits)
    )
    shortlist = _shortlist(inputs, screening, place)
    student = place()
    sampled, scores = _sample(inputs, screening, student)
    search = pool_search.open_search(inputs, screening.refined, inputs.k, student)
    refine = lambda chunks: pool_search.score_chunks(inputs, search, chunks, _uncounted(inputs))  # noqa: E731
    done = 0
    for turn, size in enumerate(screening.shortlists, 1):
        refine(_chunks(shortlist[done:size], search.length))
        done = size
        found = search.lowest()
        outside = ~np.isin(sampled, shortlist[:size])
        # Repeated tests must not make a false result likely: the errors of all turns add up to at
        # most _ERROR.
        recall = audit.recall(found.score, scores[outside], screening.left - size, _ERROR / 2**turn)
        if recall.low >= screening.target:
            break
    else:
        removed = np.sort(np.concatenate([inputs.chosen, shortlist]))
        pool_search.score_remaining(inputs, search, removed, _uncounted(inputs))
        done, found, recall = screening.left, search.lowest(), audit.NOTHING_MISSED
    refined = screening.refined.evaluations * (done + len(sampled))
    evaluations = screening.forecast.evaluations * screening.left + refined
    return found, _metrics(screening, recall, done, evaluations)


def _shortlist(
    inputs: SelectionInputs, screening: Screening, place: Callable[[], Placed]
) -> np.ndarray:
    """Returns the pairs of the longest shortlist, lowest forecast first: ``int64[...]`` ranks.

    Args:
      inputs: the inputs of the selection.
      screening: how to search.
      place: places the student in float32. Another data type has a table of its own, which is
        freed before that one is placed: devices need room for one table only.
    """
    minimiser = screening.forecast
    if screening.dtype == "float32":
        student = place()
    else:
        student = pool_search.place(
            inputs, with_logits=minimiser.uses_logits, dtype=screening.dtype
        )
    found = pool_search.lowest_c2(inputs, minimiser, screening.shortlists[-1], student)
    return pairs.rank_of(found.i, found.j, inputs.pool.n)


def _sample(
    inputs: SelectionInputs, screening: Screening, student: Placed
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a uniform sample of the pairs left: ``int64[M]`` ranks and ``float32[M]`` scores."""
    rng = keys.rng(*inputs.stream, keys.Purpose.AUDIT)
    ranks = pool_search.sample_remaining(inputs, screening.sampled, rng)
    search = pool_search.open_search(inputs, screening.refined, screening.sampled, student)
    pool_search.score_chunks(inputs, search, _chunks(ranks, search.length), _uncounted(inputs))
    found = search.lowest()
    return pairs.rank_of(found.i, found.j, inputs.pool.n), found.score


def _chunks(ranks: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (ranks[start : start + size] for start in range(0, len(ranks), size))


def _uncounted(inputs: SelectionInputs) -> Callable[[int], None]:
    """Returns a progress function that counts no pair again, but may still stop the run."""
    return lambda _: inputs.progress(0)


def _metrics(
    screening: Screening, recall: audit.Recall, shortlist: int, evaluations: int
) -> dict[str, Any]:
    rounded = {} if screening.dtype == "float32" else {"forecast": screening.dtype}
    return rounded | {
        "evaluations": evaluations,
        "recall": {name: round(value, 4) for name, value in recall._asdict().items()},
        "shortlist": shortlist,
        "sampled": screening.sampled,
    }
