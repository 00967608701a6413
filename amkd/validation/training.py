"""What makes a recipe impossible."""

from collections.abc import Iterator

from amkd import models
from amkd.config.checks import choice
from amkd.config.recipe import Recipe
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.data import augment
from amkd.methods import METHODS
from amkd.methods.base import Method
from amkd.training import freezing, losses, weightings
from amkd.validation.parts import choice_or_own


def reasons(group: str, plan: Recipe, labels: bool) -> Iterator[str]:
    """Yields what cannot work in ``train`` or ``teacher.train``.

    Args:
      group: the group's dotted name.
      plan: its recipe.
      labels: whether the network learns from ground-truth labels instead of a teacher's answers.
    """
    yield from _loss(group, plan, labels)
    yield from _weighting(group, plan, labels)
    if plan.mix_as_released and not plan.mix_share:
        yield (
            f"config.{group}.mix_as_released=True: sets how mixes are drawn, but there are"
            f" none; set {group}.mix_share above 0"
        )
    if list(plan.drops) != sorted(plan.drops):
        yield f"config.{group}.drops={plan.drops!r}: must be ascending"
    for name in ("backbone_rate", "layer_decay"):
        value = getattr(plan, name)
        if plan.freeze == freezing.BACKBONE and value != 1:
            yield (
                f"config.{group}.{name}={value!r}: has no effect, because"
                f" {group}.freeze='backbone' freezes the layers whose rate it sets; set it to 1"
            )


def _loss(group: str, plan: Recipe, labels: bool) -> Iterator[str]:
    yield from choice_or_own(f"{group}.loss", plan.loss, losses.LOSSES)
    if plan.loss == "standardised" and plan.temperature != 1:
        yield (
            f"config.{group}.temperature={plan.temperature}: loss 'standardised' has none; set"
            " it to 1"
        )
    if not _is_loss(plan.loss) or not losses.auxiliary_head(plan):
        return
    loss = f"loss={plan.loss!r}"
    if labels:
        yield (
            f"config.{group}.{loss}: needs a teacher's answers, but this network learns from"
            " ground-truth labels; set it to 'soft'"
        )
    if plan.weighting != "even":
        yield (
            f"config.{group}.weighting={plan.weighting!r}: loss {plan.loss!r} computes the"
            " weights itself; set it to 'even'"
        )


def parts_trained(s: Settings) -> Iterator[str]:
    """Yields why parts of a network cannot keep their values, or learn at another rate."""
    for name in ("freeze", "backbone_rate", "layer_decay", "views", "corrections"):
        value = getattr(s.teacher.train, name)
        if value != getattr(Recipe, name):
            yield (
                f"config.teacher.train.{name}={value!r}: a teacher is trained from random"
                " weights, all in the same way, on ground-truth labels; omit it"
            )
    if s.train.freeze and not s.student_weights and s.student in models.MODELS:
        yield (
            f"config.train.freeze={s.train.freeze!r}: these layers would keep random weights; set"
            " --config.student_weights, or leave train.freeze empty"
        )
    yield from _cached_views(s)
    yield from corrections("train", s.train, s.train.corrections)


def corrections(group: str, recipe: Recipe, weight: float) -> Iterator[str]:
    """Yields why images that a person corrected cannot have a weight of their own.

    Args:
      group: the group of the recipe, such as ``train``.
      recipe: how a network is trained that learns from them.
      weight: ``train.corrections``.
    """
    field = f"config.train.corrections={weight:g}"
    if not weight:
        return
    if recipe.weighting != "even":
        yield (
            f"{field}: {group}.weighting={recipe.weighting!r} already sets the weights of the"
            f" records; set {group}.weighting to 'even'"
        )
    if _is_loss(recipe.loss) and losses.auxiliary_head(recipe):
        yield (
            f"{field}: loss {recipe.loss!r} already sets the weights of the records; set"
            f" {group}.loss to 'soft'"
        )


def _cached_views(s: Settings) -> Iterator[str]:
    """Yields why features cannot be cached."""
    recipe = s.train
    field = f"config.train.views={recipe.views}"
    if not recipe.views:
        return
    if recipe.freeze != "backbone":
        yield (
            f"{field}: features can only be cached if the backbone does not change; set"
            " --config.train.freeze=backbone, or train.views=0"
        )
    elif not s.student_weights:
        yield f"{field}: a backbone of random weights is of no use; set --config.student_weights"
    if recipe.views > 1 and augment.views_of(recipe).still:
        yield (
            f"{field}: all views of an image are identical; set --config.train.flip=True, crop,"
            " rotate or zoom, or train.views=1"
        )
    if recipe.views == 1 and not augment.views_of(recipe).still:
        yield (
            f"{field}: the only view is the image itself, and train.crop, flip, rotate and zoom"
            " have no effect; set train.views=4, or omit these"
        )


def _is_loss(name: str) -> bool:
    try:
        losses.find(name)
    except UserError:
        return False
    return True


def teacher_features(s: Settings) -> Iterator[str]:
    """Yields why a student cannot learn from more than answers: a black box gives only these."""
    if (
        not _is_loss(s.train.loss)
        or not losses.needed_of_teacher(s.train)
        or s.teacher.kind in ("flax", "labels")
    ):
        return
    others = [
        name
        for name, loss in losses.LOSSES.items()
        if not (loss.auxiliary_head and loss.auxiliary_head.shows)
    ]
    yield (
        f"config.train.loss={s.train.loss!r}: needs the features of the teacher's network, but"
        f" config.teacher.kind={s.teacher.kind!r} is a black box; only teacher.kind=flax provides"
        f" them. Losses that need only answers are {', '.join(others)}"
    )


def views_compared(s: Settings, method: Method | None) -> Iterator[str]:
    """Yields why a student cannot compare views of an image: all of them must be queried.

    Args:
      s: the settings.
      method: the method; None if its name is not a method's.
    """
    recipe = s.train
    count = losses.views_compared(recipe) if _is_loss(recipe.loss) else 1
    if count == 1 or method is None:
        return
    if method.first.views != count:
        others = [name for name, other in METHODS.items() if other.first.views == count]
        yield (
            f"config.method={s.method!r}: loss {recipe.loss!r} compares {count} views of"
            " each image,"
            f" but this method does not query them; set --config.method={' or '.join(others)}"
        )
    elif s.budget < count * s.n_real:
        yield (
            f"config.budget={s.budget}: loss {recipe.loss!r} compares {count} views of each of"
            f" n_real={s.n_real} images; set --config.budget={count * s.n_real}"
        )
    if recipe.batch_size % count or recipe.batch_size < 2 * count:
        yield (
            f"config.train.batch_size={recipe.batch_size}: must be a multiple of the {count} views"
            " of an image, and contain at least two images"
        )
    if recipe.mix_share:
        yield (
            f"config.train.mix_share={recipe.mix_share!r}: loss {recipe.loss!r} compares images as"
            " they are; set it to 0"
        )


def _weighting(group: str, plan: Recipe, labels: bool) -> Iterator[str]:
    yield from choice(f"{group}.weighting", plan.weighting, list(weightings.WEIGHTINGS))
    if labels and plan.weighting == "fidelity":
        yield (
            f"config.{group}.weighting='fidelity': uses the uncertainty of a teacher's"
            " answers, but ground-truth labels have none; set it to 'even'"
        )
