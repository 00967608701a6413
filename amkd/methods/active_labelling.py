"""The classic loop, without mixes: images of the data set that were not drawn at first are
annotated, a few a round.

The annotator is the teacher, or with ``teacher.kind=labels`` the data set's own labels. Round 0
asks about ``n_real`` images; each round scores all that are left and asks about k of them, by
``search.acquisition`` (Peng et al., 2021, Algorithm 1 without its lanes). ``lowest`` is least
confidence: the lowest C1.
"""

import numpy as np

from amkd.acquisitions import ACQUISITIONS
from amkd.candidates import candidate_set
from amkd.config.search import SearchSettings
from amkd.data import mixing
from amkd.data.records import Records
from amkd.methods.base import Method
from amkd.search import top_k
from amkd.search.task import Choice, Task


def choose(task: Task) -> Choice:
    """k of the images left."""
    candidates = unlabelled(task)
    places = ACQUISITIONS[task.settings.acquisition](candidates, task.k)
    task.progress(len(candidates))
    records = Records(*(column[places] for column in candidates.records()))
    return Choice(records, candidates.scored.score[places], {"evaluations": len(candidates)})


def unlabelled(task: Task) -> candidate_set.Candidates:
    """All images that were not asked about, the least confident first."""
    left = np.setdiff1d(np.arange(len(task.images), dtype=np.int32), task.records.i)
    whole = Records(left, left, np.full(len(left), mixing.ONE, np.int32))
    confidence = candidate_set.see(task, task.variables, whole).probabilities.max(-1)
    order = candidate_set.first(confidence, len(left))
    return candidate_set.Candidates(
        top_k.Scored(confidence[order], *(column[order] for column in whole)), task
    )


def evaluations(settings: SearchSettings, left: int, k: int) -> int:
    """One for every image, at most."""
    del settings, k
    return left


METHOD = Method(choose, evaluations=evaluations, mixes=False, chooses=True)
