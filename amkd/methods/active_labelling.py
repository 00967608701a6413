"""The classic loop without mixes: each round asks about some of the images that were not drawn.

The annotator is the teacher or, with ``teacher.kind=labels``, the data set's own labels. Round 0
asks about ``n_real`` images. Each later round scores all that are left and asks about k of them, by
``search.acquisition`` (Peng et al., 2021, Algorithm 1 without its lanes). ``lowest`` is least
confidence: the lowest C1.
"""

import numpy as np

from amkd.acquisitions.base import acquisition_named
from amkd.candidates import candidate_set
from amkd.config.search import SearchSettings
from amkd.data import mixing
from amkd.data.records import Records
from amkd.methods.base import ImageSelector, Method
from amkd.search import top_k
from amkd.search.selection import Selection, SelectionTask


def choose(task: SelectionTask) -> Selection:
    """Returns k of the images left."""
    candidates = unlabelled(task)
    places = acquisition_named(task.settings.acquisition).choose(candidates, task.k)
    task.progress(len(candidates))
    found = candidates.scored.take(places)
    return Selection(found.records(), found.score, {"evaluations": len(candidates)})


def unlabelled(task: SelectionTask) -> candidate_set.Candidates:
    """Returns all images that were not asked about, the least confident first."""
    left = np.setdiff1d(np.arange(len(task.images), dtype=np.int32), task.records.i)
    whole = Records(left, left, np.full(len(left), mixing.ONE, np.int32))
    confidence = candidate_set.predict(task, task.variables, whole).probabilities.max(-1)
    order = candidate_set.lowest(confidence, len(left))
    scored = top_k.Scored(confidence, whole.i, whole.j, whole.w).take(order)
    return candidate_set.Candidates(scored, task)


def evaluations(settings: SearchSettings, left: int, k: int) -> int:
    """Returns one evaluation for every image left."""
    del settings, k
    return left


METHOD = Method(selector=ImageSelector(choose, evaluations, acquires=True))
