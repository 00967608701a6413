"""What makes a recipe impossible."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from amkd.core.errors import UserError
from amkd.methods import METHODS
from amkd.models import Network
from amkd.models.user_network import UserNetwork
from amkd.training import losses, recipe, weightings
from amkd.training.recipe import Recipe
from amkd.validation.rules import choice, choice_or_own, least, positive, views

if TYPE_CHECKING:
    from amkd.config.settings import Settings


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
    yield from choice_or_own(f"{group}.loss", plan.loss, losses.LOSSES)
    if plan.loss == "standardised" and plan.temperature != 1:
        yield (
            f"config.{group}.temperature={plan.temperature}: loss 'standardised' has none; set"
            " it to 1"
        )
    if not _is_loss(plan.loss) or not plan.branch:
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


def _is_loss(name: str) -> bool:
    try:
        losses.find(name)
    except UserError:
        return False
    return True


def needs_of_student(s: "Settings", network: Network) -> Iterator[str]:
    """Of a student of the user's own, whose last layer and dropout are not known."""
    if not isinstance(network, UserNetwork):
        return
    why = f"student {s.student!r} does not show it; let its build return an amkd.models.Network"
    if s.way.chooses and s.search.acquisition == "badge":
        yield f"config.search.acquisition='badge': needs the student's last layer, and {why}"
    if s.way.chooses and s.search.acquisition == "bald":
        yield f"config.search.acquisition='bald': needs dropout by image, and {why}"
    if s.train.branch:
        yield f"config.train.loss={s.train.loss!r}: needs the student's last layer, and {why}"


def inside(s: "Settings") -> Iterator[str]:
    """Of a student that learns from more than answers, which a black box does not show."""
    if not _is_loss(s.train.loss) or not s.train.shows or s.teacher.kind in ("flax", "labels"):
        return
    others = [
        name
        for name, loss in losses.LOSSES.items()
        if not (loss.auxiliary_head and loss.auxiliary_head.shows)
    ]
    yield (
        f"config.train.loss={s.train.loss!r}: learns from the features of the teacher's"
        " network, and"
        f" config.teacher.kind={s.teacher.kind!r} is a black box; only teacher.kind=flax shows"
        " them. Answers are enough"
        f" for {', '.join(others)}"
    )


def together(s: "Settings") -> Iterator[str]:
    """Of a student that learns from views of an image side by side: all of them must be there, as
    they were asked.
    """
    plan, count = s.train, s.train.together if _is_loss(s.train.loss) else 1
    if count == 1 or s.method not in METHODS:
        return
    if not s.way.showing or s.way.showing.views != count:
        ways = [name for name, way in METHODS.items() if way.showing and way.showing.views == count]
        yield (
            f"config.method={s.method!r}: loss {plan.loss!r} compares {count} views of each image,"
            " and this method does"
            f" not ask about them; set --config.method={' or '.join(ways)}"
        )
    elif s.budget < count * s.n_real:
        yield (
            f"config.budget={s.budget}: loss {plan.loss!r} compares {count} views of each of"
            f" n_real={s.n_real} images;"
            f" set --config.budget={count * s.n_real}"
        )
    if plan.batch_size % count or plan.batch_size < 2 * count:
        yield (
            f"config.train.batch_size={plan.batch_size}: must be a multiple of the {count} views"
            " of an image, and hold"
            " two images or more"
        )
    if plan.mix_share:
        yield (
            f"config.train.mix_share={plan.mix_share!r}: loss {plan.loss!r} compares images as"
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
