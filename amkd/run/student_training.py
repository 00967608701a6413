"""Builds the trainings of a round, for the round itself, for followers and for later selections.

:mod:`amkd.run.rounds` runs them; :mod:`amkd.run.facts` has the recipe of each round.
"""

from collections.abc import Callable

from amkd.config.recipe import Recipe
from amkd.core import keys
from amkd.data.records import Records
from amkd.run.context import SharedContext
from amkd.run.targets import Targets
from amkd.training import training_set
from amkd.training.train import Training


def of_round(
    context: SharedContext,
    records: Records,
    targets: Targets,
    recipe: Recipe,
    round_: int,
    *,
    share: float = 0.0,
    assisted: int = 0,
    of_features: Callable[[int], None] = lambda views: None,
) -> Training:
    """Returns the training of a round's student, on all answers so far.

    Args:
      context: the context of the run.
      records: those that the teacher answered, followed by those that an assistant answered.
      targets: what is learned from them.
      recipe: the recipe of the round.
      round_: number of the round.
      share: share of each batch that the assistant's records fill.
      assisted: how many records are the assistant's.
      of_features: is called with the number of views whose features are ready, if a backbone is
        frozen and its features are cached.
    """
    settings, backbone = context.settings, context.backbone
    plan = settings.assistant
    mixes, real = (plan.mixes, plan.real_images) if plan.model else (0, 0)
    features = backbone.views(context.mixes(records), of_features) if backbone else None
    data = training_set.make(
        context.images if features is None else context.images[:1],
        records,
        targets.answers,
        # The same in every round, so that all rounds share a compiled program.
        capacity=settings.budget + mixes + real,
        lazy_capacity=settings.budget + real,
        as_released=settings.search.as_released,
        teacher_features=targets.features,
        features=features,
    )
    training = Training(
        network=context.network(),
        recipe=recipe,
        data=data,
        count=len(records) - assisted,
        stream=(settings.seed, round_),
        weights=context.weights(),
        record_weights=targets.weights,
        assisted=assisted,
        assisted_share=share,
    )
    return training.of_head(backbone.variables) if backbone else training


def of_assistant(
    context: SharedContext, records: Records, targets: Targets, round_: int
) -> Training:
    """Returns the training of a round's assistant, on all answers of the teacher.

    Args:
      context: the context of the run.
      records: Q records.
      targets: what is learned from them.
      round_: number of the round.
    """
    settings = context.settings
    return Training(
        network=context.assistant(),
        recipe=settings.assistant.train,
        data=training_set.make(
            context.images,
            records,
            targets.answers,
            capacity=settings.budget,
            as_released=settings.search.as_released,
        ),
        count=len(records),
        stream=(settings.seed, keys.ASSISTANT + round_),
        weights=context.assistant_weights(),
        record_weights=targets.weights,
    )
