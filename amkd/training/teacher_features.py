"""The features that a white-box teacher shows for records in addition to its answers: one more
column of the training set.

They come with the answers and cost no further query: the network is run once more on exactly the
bytes that were queried. A black box shows no features.
"""

from collections.abc import Callable, Iterator

import chex
import jax
import numpy as np

from amkd import models
from amkd.config.recipe import Recipe
from amkd.config.settings import Settings
from amkd.core import keys
from amkd.core.compilation import compiled
from amkd.core.errors import UserError
from amkd.data.dataset import DataSet
from amkd.data.records import Records
from amkd.models import inference, prediction
from amkd.models.layers import Variables
from amkd.training import losses, relations

_BLOCK = 1024  # records that are run together, a multiple of a program's batch

Mixes = Callable[[Records], Iterator[np.ndarray]]


class TeacherFeatures:
    """The last features of a teacher's network for a run's records, or a projection of them.

    Features are kept from round to round, because records are only added. They are never saved,
    because they can be computed again from records and network: every record has the same place in
    its block, and so the same bits, in any round in which its features are computed.
    """

    def __init__(
        self,
        network: models.Network,
        variables: Variables,
        column_of: Callable[[np.ndarray], np.ndarray] = lambda features: features,
    ) -> None:
        """Takes the teacher's ``network``, its ``variables``, and ``column_of``, which takes the
        features of all records, ``float32[Q, e]``, and returns the column, ``float32[Q, e]``.
        """
        self._network, self._variables, self._column_of = network, variables, column_of
        self._kept = np.empty((0, network.feature_count(variables)), np.float32)

    def column(self, records: Records, mixes: Mixes) -> np.ndarray:
        """Returns the column of all records, ``float32[Q, e]``.

        Args:
          records: Q records, those of the last call first. The network is run only on the others,
            from the start of a block.
          mixes: returns the images of records.
        """
        if len(records) > len(self._kept):
            whole = len(self._kept) // _BLOCK * _BLOCK
            fresh = np.concatenate(list(mixes(records.take(slice(whole, None)))))
            _, found = prediction.predict_with_features(self._network, self._variables, fresh)
            self._kept = np.concatenate([self._kept[:whole], found])
        return self._column_of(self._kept[: len(records)])


def project_relations(features: np.ndarray, views: int, seed: int) -> np.ndarray:
    """Trains a head on records to match rotated images to their upright ones, and returns its
    projections of the records (SSKD's stage 2).

    Args:
      features: ``float32[Q, e]``: first of all upright images, then of all images in the first
        rotation, and so on.
      views: the number of views of an image.
      seed: the run's seed.

    Returns:
      ``float32[Q, e]``.
    """
    width = features.shape[1]
    first = relations.init(width, keys.rng(seed, 0, keys.Purpose.RELATIONS))
    key = keys.key(seed, 0, keys.Purpose.RELATIONS)
    found = _fit_and_project(first, features.reshape(views, -1, width), key)
    return np.asarray(found).reshape(-1, width)


@compiled(kept=1, precision="highest")
def _fit_and_project(first: chex.ArrayTree, features: jax.Array, key: jax.Array) -> jax.Array:
    head = relations.fit(first, features, key)
    return jax.vmap(jax.vmap(lambda h: relations.project(head, h)))(features)


# The columns that a loss may need. Each function maps features, the number of views of an image and
# the seed to a column.
COLUMNS: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {
    "features": lambda features, *_: features,
    "relations": project_relations,
}


def of_teacher(
    recipe: Recipe, teacher: tuple[models.Network, Variables] | None, seed: int
) -> TeacherFeatures | None:
    """Returns what a recipe needs from a teacher in addition to its answers; None for nothing.

    Args:
      recipe: the student's recipe.
      teacher: the teacher's network and its variables; None for a black box.
      seed: the run's seed.

    Raises:
      UserError: the recipe needs the network, but the caller's teacher is a black box.
    """
    needed = losses.needed_of_teacher(recipe)
    if not needed:
        return None
    if teacher is None:
        raise UserError(
            f"config.train.loss={recipe.loss!r} needs the teacher's features, but this teacher is a"
            " black box; set it to 'soft'"
        )
    column, views = COLUMNS[needed], losses.views_compared(recipe)
    return TeacherFeatures(*teacher, lambda features: column(features, views, seed))


def width(config: Settings, data: DataSet) -> int:
    """Returns how many features the teacher will show for each record, e; 0 for none. The teacher
    need not be loaded yet.
    """
    if not losses.needed_of_teacher(config.train):
        return 0
    network = models.build(config.teacher.model, data.classes, data.shape, field="teacher.model")
    shapes = jax.eval_shape(lambda: inference.init(network, data.shape, jax.random.key(0)))
    return network.feature_count(shapes)
