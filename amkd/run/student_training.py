"""Puts a round's training together: once, for its own round and for all who look back at it.

:mod:`amkd.run.rounds` trains it; :mod:`amkd.run.facts` has the recipe of each round.
"""

from collections.abc import Callable

from amkd.config.recipe import Recipe
from amkd.data.records import Records
from amkd.run.context import SharedContext
from amkd.run.given import Given
from amkd.training import training_set
from amkd.training.train import Training


def of_round(
    context: SharedContext,
    records: Records,
    given: Given,
    recipe: Recipe,
    round_: int,
    *,
    of_features: Callable[[int], None] = lambda views: None,
) -> Training:
    """Returns the training of a round's student, on everything answered so far.

    Args:
      context: of the run.
      records: Q of them.
      given: what the teacher gave for them.
      recipe: of the round.
      round_: its number.
      of_features: is called with the number of views whose features are there, where a backbone is
        frozen and its features are cached.
    """
    settings, backbone = context.settings, context.backbone
    features = backbone.views(context.mixes(records), of_features) if backbone else None
    data = training_set.make(
        context.images if features is None else context.images[:1],
        records,
        given.answers,
        capacity=settings.budget,
        as_released=settings.search.as_released,
        teacher_features=given.features,
        features=features,
    )
    training = Training(
        network=context.network(),
        recipe=recipe,
        data=data,
        count=len(records),
        stream=(settings.seed, round_),
        weights=context.weights(),
        record_weights=given.weights,
    )
    return training.of_head(backbone.variables) if backbone else training
