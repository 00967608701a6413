"""What a teacher whose network is known shows of records beside its answers: one more column of the
training set.

It comes with the answers, and costs no query of its own: the network is run once more on the very
  bytes that were asked
about. A black box shows nothing of the kind.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from amkd import models
from amkd.config.recipe import Recipe
from amkd.config.settings import Settings
from amkd.core import keys
from amkd.core.compilation import jit
from amkd.core.errors import UserError
from amkd.data.dataset import DataSet
from amkd.data.records import Records
from amkd.models import inference, prediction
from amkd.models.layers import Variables
from amkd.teachers import Teacher
from amkd.training import losses, relations

_BLOCK = 1024  # records that are looked at together, a multiple of what fills a program

Mixes = Callable[[Records], Iterator[np.ndarray]]


class Insight:
    """What a network shows of a run's records: its last features, or what is made of them.

    Features are kept from round to round, as records are only added; never saved, as they follow
    from records and
    network: every record has the same place in its block, and so the same bits, in whichever round
      it is looked at.

    Args of the constructor:
      network: the teacher's.
      variables: its variables.
      made: the column, made of the features of all records, ``float32[Q, e]`` twice.
    """

    def __init__(
        self,
        network: models.Network,
        variables: Variables,
        made: Callable[[np.ndarray], np.ndarray] = lambda x: x,
    ) -> None:
        self._network, self._variables, self._made = network, variables, made
        self._kept = np.empty((0, inference.feature_count(network, variables)), np.float32)

    def of(self, records: Records, mixes: Mixes) -> np.ndarray:
        """The column of all records, ``float32[Q, e]``.

        Args:
          records: Q of them, those of the last call first; only what is beyond them is looked at,
            from a block's start.
          mixes: what they look like.
        """
        if len(records) > len(self._kept):
            whole = len(self._kept) // _BLOCK * _BLOCK
            fresh = np.concatenate(list(mixes(records.take(slice(whole, None)))))
            _, found = prediction.look(self._network, self._variables, fresh)
            self._kept = np.concatenate([self._kept[:whole], found])
        return self._made(self._kept[: len(records)])


def related(features: np.ndarray, views: int, seed: int) -> np.ndarray:
    """Projections of records by a head that is trained on them to tell which images turned ones are
    (SSKD's stage 2).

    Args:
      features: ``float32[Q, e]``, of all images upright, then of all turned, and so on.
      views: of an image.
      seed: the run's.

    Returns:
      ``float32[Q, e]``.
    """
    width = features.shape[1]
    first = relations.init(width, keys.rng(seed, 0, keys.Purpose.RELATIONS))
    with jax.default_matmul_precision("highest"):
        key = keys.key(seed, 0, keys.Purpose.RELATIONS)
        found = _related_program()(first, features.reshape(views, -1, width), key)
    return np.asarray(found).reshape(-1, width)


@lru_cache(maxsize=1)
def _related_program() -> Callable[..., Any]:
    def run(first: Any, features: Any, key: Any) -> Any:
        head = relations.fit(first, features, key)
        return jax.vmap(jax.vmap(lambda h: relations.project(head, h)))(features)

    return jit(run)


# What a loss may ask for: features, views of an image and the seed to a column.
SHOWN: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {
    "features": lambda features, *_: features,
    "relations": related,
}


def of_teacher(plan: Recipe, teacher: Teacher, seed: int) -> Insight | None:
    """What a recipe takes of a teacher beside its answers; None if that is nothing.

    Args:
      plan: the recipe.
      teacher: who answers.
      seed: the run's.

    Raises:
      UserError: the teacher, one of the caller's, is a black box.
    """
    needed = losses.needed_of_teacher(plan)
    if not needed:
        return None
    if teacher.network is None:
        needs = "needs the teacher's features, and this one is a black box; set it to 'soft'"
        raise UserError(f"config.train.loss={plan.loss!r} {needs}")
    show = SHOWN[needed]
    views = losses.views_compared(plan)
    return Insight(*teacher.network, lambda features: show(features, views, seed))


def width(config: Settings, data: DataSet) -> int:
    """How many numbers are shown of each record, e, by a teacher that need not be there yet; 0 for
    none.
    """
    if not losses.needed_of_teacher(config.train):
        return 0
    network = models.build(config.teacher.model, data.classes, data.shape)
    shapes = jax.eval_shape(lambda: inference.init(network, data.shape, jax.random.key(0)))
    return inference.feature_count(network, shapes)
