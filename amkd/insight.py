"""What a teacher whose network is known shows of records beside its answers: one more column of the training set.

It comes with the answers, and costs no query of its own: the network is run once more on the very bytes that were asked
about. A black box shows nothing of the kind.
"""

from collections.abc import Callable, Iterator

import jax
import numpy as np

from amkd import choosing, models, student, training_set
from amkd.errors import UserError
from amkd.images import DataSet
from amkd.recipe import Recipe
from amkd.settings import Settings
from amkd.student import Variables
from amkd.teachers import Teacher

_BLOCK = 1024  # records that are looked at together, a multiple of what fills a program

Mixes = Callable[[training_set.Records], Iterator[np.ndarray]]


class Insight:
    """The features that a network shows of a run's records.

    They are kept from round to round, as records are only added; never saved, as they follow from records and network:
    every record has the same place in its block, and so the same bits, in whichever round it is looked at.
    """

    def __init__(self, network: models.Network, variables: Variables) -> None:
        self._network, self._variables = network, variables
        self._kept = np.empty((0, student.feature_count(network, variables)), np.float32)

    def of(self, records: training_set.Records, mixes: Mixes) -> np.ndarray:
        """Of all records, ``float32[Q, e]``; only those beyond the last call's are looked at, from a block's start.

        Args:
          records: Q of them, those of the last call first.
          mixes: what they look like.
        """
        if len(records) > len(self._kept):
            whole = len(self._kept) // _BLOCK * _BLOCK
            fresh = np.concatenate(list(mixes(training_set.Records(*(column[whole:] for column in records)))))
            _, found = choosing.look(self._network, self._variables, fresh)
            self._kept = np.concatenate([self._kept[:whole], found])
        return self._kept[: len(records)]


def of_teacher(plan: Recipe, teacher: Teacher) -> Insight | None:
    """What a recipe takes of a teacher beside its answers; None if that is nothing.

    Raises:
      UserError: the teacher, one of the caller's, is a black box.
    """
    if not plan.shows:
        return None
    if teacher.network is None:
        raise UserError(f"config.train.loss={plan.loss!r} needs the teacher's features, and this one is a black box")
    return Insight(*teacher.network)


def width(config: Settings, data: DataSet) -> int:
    """How many numbers are shown of each record, e, by a teacher that need not be there yet; 0 for none."""
    if not config.train.shows:
        return 0
    network = models.build(config.teacher.model, data.classes, data.shape)
    shapes = jax.eval_shape(lambda: student.init(network, data.shape, jax.random.key(0)))
    return student.feature_count(network, shapes)
