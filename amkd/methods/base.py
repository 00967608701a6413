"""The contract of a method: where the first images come from, and how a round selects more.

A method is a file with a ``METHOD``. The package's own methods are the files of this folder; name a
method of your own by module and attribute: ``--config.method=my_module:METHOD``. This is a complete
method, which queries the first pairs of the pool, mixed half and half::

    import numpy as np
    from amkd.data import mixing
    from amkd.data.records import Records
    from amkd.methods.base import Method, PairSelector
    from amkd.search import pairs
    from amkd.search.selection import Selection

    def select(inputs):
        ranks = np.setdiff1d(np.arange(inputs.pool.size), inputs.chosen)[: inputs.k]
        i, j = pairs.pair_of(ranks, inputs.pool.n)
        records = Records(i, j, np.full(inputs.k, mixing.ONE // 2, np.int32))
        return Selection(records, np.full(inputs.k, np.nan, np.float32), {})

    METHOD = Method(selector=PairSelector(select))
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
from amkd.methods.image_selectors import ImageSelector, MadeImageSelector
from amkd.methods.selectors import NoSelector, PairSelector, Selector

__all__ = [
    "AllImages",
    "FirstImages",
    "ImageSelector",
    "MadeImageSelector",
    "Method",
    "NoSelector",
    "PairSelector",
    "RealImages",
    "Selector",
    "SynthesizedImages",
    "ViewsOfImages",
]


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to spend the queries of a run.

    Attributes:
      first: where the images of round 0 come from.
      selector: how every later round selects; nothing by default.
      true_labels: whether the student learns from ground-truth labels in place of the teacher's
        answers. Such a method is a reference: no teacher gives ground-truth labels.
    """

    first: FirstImages = dataclasses.field(default_factory=RealImages)
    selector: Selector = dataclasses.field(default_factory=NoSelector)
    true_labels: bool = False

    def uses_labels(self, settings: Settings) -> bool:
        """Returns whether ground-truth labels take the place of a teacher's answers."""
        return self.true_labels or settings.teacher.kind == "labels"
