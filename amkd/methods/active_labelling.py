"""The classic loop, without mixes: images of the data set that were not drawn at first are annotated, a few a round.

The annotator is the teacher, or with ``teacher.kind=labels`` the data set's own labels. Round 0 asks about ``n_real``
images; each round scores all that are left and asks about k of them, by ``search.acquisition`` (Peng et al., 2021,
Algorithm 1 without its lanes). ``lowest`` is least confidence: the lowest C1.
"""

import numpy as np

from amkd import mixing, selection
from amkd.acquisitions import ACQUISITIONS
from amkd.candidates import acquisition
from amkd.groups import SearchSettings
from amkd.learning import training_set
from amkd.method import Choice, Method, Task


def choose(task: Task) -> Choice:
    """k of the images left."""
    candidates = unlabelled(task)
    places = ACQUISITIONS[task.settings.acquisition](candidates, task.k)
    task.progress(len(candidates))
    records = training_set.Records(*(column[places] for column in candidates.records()))
    return Choice(records, candidates.scored.score[places], {"evaluations": len(candidates)})


def unlabelled(task: Task) -> acquisition.Candidates:
    """All images that were not asked about, the least confident first."""
    left = np.setdiff1d(np.arange(len(task.images), dtype=np.int32), task.records.i)
    whole = training_set.Records(left, left, np.full(len(left), mixing.ONE, np.int32))
    confidence = acquisition.see(task, task.variables, whole).probabilities.max(-1)
    order = acquisition.first(confidence, len(left))
    return acquisition.Candidates(selection.Scored(confidence[order], *(column[order] for column in whole)), task)


def evaluations(settings: SearchSettings, left: int, k: int) -> int:
    """One for every image, at most."""
    del settings, k
    return left


METHOD = Method(choose, evaluations=evaluations, mixes=False, chooses=True)
