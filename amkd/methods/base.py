"""The contract of a method: where the first images come from, and how a round selects more.

A method is a file with a ``METHOD``. The package's own methods are the files of this folder; a
method of yours is named by module and attribute: ``--config.method=my_module:METHOD``. This is a
complete one, which asks about the first pairs of the pool, mixed half and half::

    import numpy as np
    from amkd.data import mixing
    from amkd.data.records import Records
    from amkd.methods.base import Method, PairSelection
    from amkd.search import pairs
    from amkd.search.task import Choice

    def select(task):
        ranks = np.setdiff1d(np.arange(task.pool.size), task.chosen)[: task.k]
        i, j = pairs.pair_of(ranks, task.pool.n)
        records = Records(i, j, np.full(task.k, mixing.ONE // 2, np.int32))
        return Choice(records, np.full(task.k, np.nan, np.float32), {})

    METHOD = Method(selection=PairSelection(select))
"""

import dataclasses

from amkd.config.settings import Settings
from amkd.methods.first_images import (
    AllImages,
    FirstImages,
    RealImages,
    SynthesizedImages,
    ViewsOfImages,
)
from amkd.methods.selection import ImageSelection, NoSelection, PairSelection, Selection

__all__ = [
    "AllImages",
    "FirstImages",
    "ImageSelection",
    "Method",
    "NoSelection",
    "PairSelection",
    "RealImages",
    "Selection",
    "SynthesizedImages",
    "ViewsOfImages",
]


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to spend the queries of a run.

    Attributes:
      first: where the images of round 0 come from.
      selection: how every later round selects; nothing by default.
      true_labels: whether the student learns from true labels in place of the teacher's answers.
        Such
        a method is a reference, not a rival: no query can buy it.
    """

    first: FirstImages = dataclasses.field(default_factory=RealImages)
    selection: Selection = dataclasses.field(default_factory=NoSelection)
    true_labels: bool = False

    def uses_labels(self, settings: Settings) -> bool:
        """Returns whether true labels take the place of a teacher's answers."""
        return self.true_labels or settings.teacher.kind == "labels"
