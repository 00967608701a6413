"""What makes an assistant impossible, as far as known without the data."""

from collections.abc import Iterator

from amkd import models
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.data import augment
from amkd.methods.base import ImageSelector, MadeImageSelector, Method, PairSelector
from amkd.models.pretrained import initial_weights
from amkd.search import pairs
from amkd.training import losses
from amkd.training.recipe import assisted_places
from amkd.validation import training
from amkd.validation.parts import choice_or_own

_OTHER_LAMBDA = 0.01  # a smaller range of lambda does not contain a different mix


def reasons(s: Settings, method: Method | None) -> Iterator[str]:
    """Yields what cannot work in the ``assistant`` group; nothing without an assistant.

    Args:
      s: the settings.
      method: the method; None if its name is not a method's.
    """
    plan = s.assistant
    if not plan.model:
        return
    yield from choice_or_own("assistant.model", plan.model, models.MODELS)
    yield from initial_weights.problems(plan.weights, plan.model, "assistant.weights")
    yield from training.reasons("assistant.train", plan.train, labels=False)
    yield from training.corrections("assistant.train", plan.train, s.train.corrections)
    yield from _recipe(s)
    yield from _share(s)
    yield from _student(s)
    if not plan.mixes and not plan.real_images:
        yield (
            "config.assistant.mixes=0: the assistant answers no images; raise it, or leave"
            " assistant.model empty"
        )
    if method is not None:
        yield from _images(s, method)


def _recipe(s: Settings) -> Iterator[str]:
    """Yields what an assistant's own recipe cannot do."""
    plan, usual = s.assistant, type(s.assistant.train)()
    for name, why in (
        ("views", "an assistant caches no features"),
        ("corrections", "train.corrections applies to both student and assistant"),
    ):
        value = getattr(plan.train, name)
        if value != getattr(usual, name):
            yield f"config.assistant.train.{name}={value!r}: {why}; omit it"
    if plan.train.freeze and not plan.weights and plan.model in models.MODELS:
        yield (
            f"config.assistant.train.freeze={plan.train.freeze!r}: these layers would keep random"
            " weights; set --config.assistant.weights, or leave it empty"
        )
    if _takes_more_than_answers("assistant.train", s):
        yield (
            f"config.assistant.train.loss={plan.train.loss!r}: this loss needs more than answers;"
            " set it to 'soft'"
        )
    if plan.views > 1 and augment.views_of(plan.train).still:
        yield (
            f"config.assistant.views={plan.views}: all views of an image are identical; set"
            " --config.assistant.train.crop=2, flip, rotate or zoom, or assistant.views=1"
        )


def _share(s: Settings) -> Iterator[str]:
    share, batch = s.assistant.share, s.train.batch_size
    if 0 < share < 1 and batch >= 1 and not 0 < assisted_places(s.train, share) < batch:
        yield (
            f"config.assistant.share={share!r}: in a batch of {batch} images, the assistant and the"
            " teacher must each have at least one image; change it, or train.batch_size"
        )


def _student(s: Settings) -> Iterator[str]:
    """Yields why a student cannot learn from an assistant."""
    if _takes_more_than_answers("train", s):
        yield (
            f"config.train.loss={s.train.loss!r}: this loss needs more than answers, but an"
            " assistant gives only answers; set it to 'soft', or leave assistant.model empty"
        )


def _takes_more_than_answers(group: str, s: Settings) -> bool:
    recipe = s.train if group == "train" else s.assistant.train
    try:
        return bool(losses.needed_of_teacher(recipe)) or losses.views_compared(recipe) > 1
    except UserError:  # there is no such loss, which is reported elsewhere
        return False


def _images(s: Settings, method: Method) -> Iterator[str]:
    """Yields which images an assistant cannot be given."""
    plan, selector = s.assistant, method.selector
    mixing = isinstance(selector, PairSelector)
    whole = isinstance(selector, ImageSelector) and not isinstance(selector, MadeImageSelector)
    if plan.real_images and not whole:
        yield (
            f"config.assistant.real_images={plan.real_images}: method {s.method!r} has no real"
            " images other than those that it queries; set it to 0, or use"
            " --config.method=active_labelling"
        )
    if plan.near and plan.mixes and not mixing:
        yield (
            f"config.assistant.near={plan.near!r}: method {s.method!r} does not query pairs; set"
            " it to 0"
        )
    elif plan.near and s.search.lam_high - s.search.lam_low < _OTHER_LAMBDA:
        yield (
            f"config.assistant.near={plan.near!r}: needs another lambda than that of the query, but"
            f" search.lam_low={s.search.lam_low!r} and lam_high={s.search.lam_high!r} are nearly"
            " equal; widen the range, or set assistant.near to 0"
        )
    asked = s.budget - s.n_real
    if s.n_real and mixing and plan.near < 1 and (size := pairs.count(s.n_real)) <= asked:
        yield (
            f"config.assistant.near={plan.near!r}: {s.n_real} real images have {size} pairs, and"
            f" all of them may be sent to the teacher; raise n_real, or set assistant.near=1.0"
        )
    if plan.rounds == "all" and selector.ks(s) and selector.further_students(s.search):
        yield (
            f"config.assistant.rounds='all': search.acquisition={s.search.acquisition!r} compares"
            " students that do not learn from an assistant; set it to 'last', or choose another"
            " acquisition"
        )
