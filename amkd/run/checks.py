"""Checks that devices and data provide what a run needs, before the first query."""

from collections.abc import Iterator
from typing import Any

import jax

from amkd.config.recipe import Recipe
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.data.dataset import DataSet
from amkd.methods import find
from amkd.methods.base import AllImages
from amkd.methods.student import assistant_of, assistant_side, seen_shape, student_of
from amkd.models import Network, inference, resizing
from amkd.models.head import LAYER, head_of
from amkd.models.pretrained import initial_weights
from amkd.models.user_network import UserNetwork
from amkd.training import freezing, losses, optimizers


def check_devices(settings: Settings, devices: int) -> None:
    """Refuses batches that do not split evenly over the devices.

    Raises:
      UserError: names the field.
    """
    recipes = {"train": settings.train}
    search = settings.search
    larger = search.acquisition == "distillation_gap" and search.gap_teacher == "network"
    if settings.teacher.kind == "flax" or larger:
        recipes["teacher.train"] = settings.teacher.train
    if settings.assistant.model:
        recipes["assistant.train"] = settings.assistant.train
    for group, one in recipes.items():
        if one.batch_size % devices:
            raise UserError(
                f"config.{group}.batch_size={one.batch_size}: must be a multiple of the {devices}"
                " devices"
            )


def check_data(settings: Settings, data: DataSet) -> None:
    """Refuses a configuration that does not fit the data set.

    Raises:
      UserError: names the fields.
    """
    problems = list(problems_of_data(settings, data))
    if problems:
        raise UserError("\n  ".join(problems))


def problems_of_data(settings: Settings, data: DataSet) -> Iterator[str]:
    """Yields the problems of a configuration with the data set: field, value and remedy."""
    method = find(settings.method)
    real = method.first.real_images(settings.n_real, data.drawable_count)
    if not real and isinstance(method.first, AllImages):
        yield f"config.method={settings.method!r}: {settings.dataset} has no image to draw from"
    if real > settings.budget:
        yield (
            f"config.budget={settings.budget}: {settings.method} queries all {real} images of"
            f" {settings.dataset}; set --config.budget={real}"
        )
    if real > data.drawable_count:
        yield (
            f"config.n_real={settings.n_real}: {settings.dataset} has only"
            f" {data.drawable_count} images to draw from; set"
            f" --config.n_real={data.drawable_count} or less"
        )
    else:
        yield from method.selector.problems_of_data(settings, data.drawable_count)
        yield from _problems_of_images(settings, data.drawable_count)
    yield from method.first.problems_of_shape(data.shape)
    yield from _problems_of_teacher(settings, data)


def check_student(settings: Settings, data: DataSet) -> None:
    """Refuses a student that does not accept these images or weights, or does not provide what the
    run needs.

    Raises:
      UserError: names the field.
    """
    network = student_of(settings, data.classes, data.shape, data.task.groups)
    for problem in needs_of_student(settings, network):
        raise UserError(problem)
    seen = seen_shape(settings, data.shape)
    initial_weights.load(settings.student_weights, settings.student, data.classes, seen)
    _check_parts("train", settings.train, network, data.shape, f"student {settings.student!r}")


def _check_parts(
    group: str, recipe: Recipe, network: Network, shape: tuple[int, ...], name: str
) -> None:
    """Refuses a recipe that freezes parts or sets their learning rates, if the network does not
    have these parts.
    """
    if not recipe.freeze and recipe.backbone_rate == recipe.layer_decay == 1:
        return
    key = jax.random.key(0)
    variables = jax.eval_shape(lambda: inference.init(network, shape, key))
    freezing.check(recipe.freeze, recipe.backbone_rate, network, variables, group)
    loose = _more_than_last_layer(network, variables) if recipe.views else ()
    if loose:
        raise UserError(
            f"config.{group}.views={recipe.views}: the last layer is trained alone, but {name}"
            f" makes the parameters {', '.join(loose)} in its setup; make them in a layer of their"
            " own"
        )
    if recipe.layer_decay != 1 and not optimizers.has_blocks(variables["params"]):
        raise UserError(
            f"config.{group}.layer_decay={recipe.layer_decay}: works only with pretrained networks"
            f" that consist of blocks, and {name} has no blocks; set it to 1"
        )


def _more_than_last_layer(network: Network, variables: Any) -> list[str]:
    """Returns the parameters, besides those of the last layer, that a network makes with it."""
    key, features = jax.random.key(0), network.feature_count(variables)
    head = jax.eval_shape(lambda: inference.init(head_of(network), (features,), key))
    return [name for name in head["params"][LAYER] if name != network.last]


def check_assistant(settings: Settings, data: DataSet) -> None:
    """Refuses an assistant that does not accept these images or weights; does nothing if there is
    no assistant.

    Raises:
      UserError: names the field.
    """
    plan = settings.assistant
    if not plan.model:
        return
    network = assistant_of(settings, data.classes, data.shape)
    seen = resizing.seen_shape(data.shape, assistant_side(settings, data.shape))
    initial_weights.load(plan.weights, plan.model, data.classes, seen, "assistant.weights")
    if isinstance(network, UserNetwork) and losses.auxiliary_head(plan.train):
        raise UserError(
            f"config.assistant.train.loss={plan.train.loss!r}: needs the assistant's last layer,"
            f" and {plan.model!r} does not provide it; let its build return an amkd.models.Network"
        )
    _check_parts("assistant.train", plan.train, network, data.shape, f"assistant {plan.model!r}")


def needs_of_student(settings: Settings, network: Network) -> Iterator[str]:
    """Yields everything that the run needs and the user's own student does not provide."""
    if not isinstance(network, UserNetwork):
        return
    remedy = "let its build return an amkd.models.Network"
    why = f"student {settings.student!r} does not provide it; {remedy}"
    acquisition = settings.search.acquisition
    if find(settings.method).selector.acquires and acquisition == "badge":
        yield f"config.search.acquisition='badge': needs the student's last layer, and {why}"
    if find(settings.method).selector.acquires and acquisition == "bald":
        yield f"config.search.acquisition='bald': needs dropout by image, and {why}"
    if losses.auxiliary_head(settings.train):
        yield (
            f"config.train.loss={settings.train.loss!r}: needs the student's last layer, and {why}"
        )


def _problems_of_images(settings: Settings, drawable: int) -> Iterator[str]:
    """Yields a problem if fewer images are left for the assistant than it should answer."""
    plan, selector = settings.assistant, find(settings.method).selector
    asked = settings.n_real + sum(selector.ks(settings))
    if plan.model and plan.real_images and asked + plan.real_images > drawable:
        yield (
            f"config.assistant.real_images={plan.real_images}: {settings.dataset} has {drawable}"
            f" images, of which {asked} are queried; set it to {max(drawable - asked, 0)} or"
            " less, or lower config.budget"
        )


def _problems_of_teacher(settings: Settings, data: DataSet) -> Iterator[str]:
    teacher, labeled = settings.teacher, len(data.teacher_images)
    if teacher.kind == "flax" and teacher.validation + max(teacher.images, 1) > labeled:
        yield (
            f"config.teacher.validation={teacher.validation} and images={teacher.images}:"
            f" {settings.dataset} has only {labeled} labeled images"
        )
    form = teacher.answers
    if form.form == "top_k" and form.top_k > data.classes:
        yield (
            f"config.teacher.answers.top_k={form.top_k}: there are only {data.classes} classes; set"
            f" it to {data.classes} or less"
        )
