"""What makes a recipe impossible."""

from collections.abc import Iterator

from amkd.config.settings import Settings
from amkd.methods import METHODS
from amkd.methods.base import Method
from amkd.training import losses, recipe, weightings
from amkd.training.recipe import Recipe
from amkd.validation.rules import choice, least, positive, views


def reasons(group: str, plan: Recipe, labels: bool) -> Iterator[str]:
    """Of ``train`` or ``teacher.train``, which learns from true ``labels`` or from answers."""
    yield from choice(f"{group}.optimizer", plan.optimizer, recipe.OPTIMIZERS)
    yield from choice(f"{group}.schedule", plan.schedule, recipe.SCHEDULES)
    yield from choice(f"{group}.dtype", plan.dtype, recipe.DTYPES)
    yield from _loss(group, plan, labels)
    yield from _weighting(group, plan, labels)
    yield from _mixes(group, plan)
    for name, low in (
        ("epochs", 1),
        ("min_steps", 0),
        ("batch_size", 1),
        ("weight_decay", 0),
        ("crop", 0),
    ):
        yield from least(f"{group}.{name}", getattr(plan, name), low)
    yield from least(f"{group}.steps_per_dispatch", plan.steps_per_dispatch, 0)
    yield from views(f"{group}.", plan.rotate, plan.zoom)
    for name in ("learning_rate", "temperature"):
        yield from positive(f"{group}.{name}", getattr(plan, name))
    for name in ("momentum", "warmup", "pad_warmup", "average"):
        value = getattr(plan, name)
        if not 0 <= value < 1:
            yield f"config.{group}.{name}={value!r}: must be at least 0 and below 1"
    yield from _drops(group, plan)


def _mixes(group: str, plan: Recipe) -> Iterator[str]:
    if not 0 <= plan.mix_share <= 1:
        yield f"config.{group}.mix_share={plan.mix_share!r}: must be a share between 0 and 1"
    elif plan.mix_as_released and not plan.mix_share:
        yield (
            f"config.{group}.mix_as_released=True: says how mixes are drawn; set"
            f" {group}.mix_share above 0"
        )
    yield from positive(f"{group}.mix_beta", plan.mix_beta)


def _loss(group: str, plan: Recipe, labels: bool) -> Iterator[str]:
    yield from choice(f"{group}.loss", plan.loss, list(losses.LOSSES))
    if plan.loss == "standardised" and plan.temperature != 1:
        yield (
            f"config.{group}.temperature={plan.temperature}: loss 'standardised' has none; set"
            " it to 1"
        )
    if plan.loss not in losses.LOSSES or not plan.branch:
        return
    loss = f"loss={plan.loss!r}"
    if labels:
        yield (
            f"config.{group}.{loss}: is for a teacher's answers, and these are true labels; set"
            " it to 'soft'"
        )
    if plan.weighting != "even":
        yield (
            f"config.{group}.weighting={plan.weighting!r}: loss {plan.loss!r} finds weights"
            " itself; set it to 'even'"
        )


def inside(s: Settings) -> Iterator[str]:
    """Of a student that learns from more than answers, which a black box does not show."""
    if (
        s.train.loss not in losses.LOSSES
        or not s.train.shows
        or s.teacher.kind in ("flax", "labels")
    ):
        return
    others = [
        name for name, loss in losses.LOSSES.items() if not (loss.branch and loss.branch.shows)
    ]
    yield (
        f"config.train.loss={s.train.loss!r}: learns from the features of the teacher's"
        " network, and"
        f" config.teacher.kind={s.teacher.kind!r} is a black box; only teacher.kind=flax shows"
        " them. Answers are enough"
        f" for {', '.join(others)}"
    )


def together(s: Settings, method: Method | None) -> Iterator[str]:
    """Yields problems of a loss that compares views of an image: all must be asked about.

    Args:
      s: the settings.
      method: the method; None if its name is no method's.
    """
    recipe, count = s.train, s.train.together if s.train.loss in losses.LOSSES else 1
    if count == 1 or method is None:
        return
    if method.first.views != count:
        others = [name for name, other in METHODS.items() if other.first.views == count]
        yield (
            f"config.method={s.method!r}: loss {recipe.loss!r} compares {count} views of each image,"
            f" and this method does not ask about them; set --config.method={' or '.join(others)}"
        )
    elif s.budget < count * s.n_real:
        yield (
            f"config.budget={s.budget}: loss {recipe.loss!r} compares {count} views of each of"
            f" n_real={s.n_real} images; set --config.budget={count * s.n_real}"
        )
    if recipe.batch_size % count or recipe.batch_size < 2 * count:
        yield (
            f"config.train.batch_size={recipe.batch_size}: must be a multiple of the {count} views"
            " of an image, and hold two images or more"
        )
    if recipe.mix_share:
        yield (
            f"config.train.mix_share={recipe.mix_share!r}: loss {recipe.loss!r} compares images as"
            " they are; set it to 0"
        )


def _weighting(group: str, plan: Recipe, labels: bool) -> Iterator[str]:
    yield from choice(f"{group}.weighting", plan.weighting, list(weightings.WEIGHTINGS))
    yield from positive(f"{group}.weighting_power", plan.weighting_power)
    if not 0 <= plan.weighting_share < 1:
        yield (
            f"config.{group}.weighting_share={plan.weighting_share!r}: must be at least 0 and"
            " below 1"
        )
    if not 0 < plan.weighting_fidelity <= 1:
        yield (
            f"config.{group}.weighting_fidelity={plan.weighting_fidelity!r}: must be above 0 and"
            " at most 1"
        )
    if labels and plan.weighting == "fidelity":
        yield (
            f"config.{group}.weighting='fidelity': weighs by the uncertainty of a teacher's"
            " answers, and true labels"
            " have none; set it to 'even'"
        )


def _drops(group: str, plan: Recipe) -> Iterator[str]:
    if not 0 < plan.drop_factor <= 1:
        yield f"config.{group}.drop_factor={plan.drop_factor!r}: must be above 0 and at most 1"
    if any(not 0 < drop < 1 for drop in plan.drops) or list(plan.drops) != sorted(plan.drops):
        yield (
            f"config.{group}.drops={plan.drops!r}: must be ascending fractions of the training,"
            " inside (0, 1)"
        )
