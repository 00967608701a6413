"""The student: its state, one training step, its predictions. Pure functions."""

from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from amkd import augment, losses, training_set
from amkd.confidence import Seen, Trunk
from amkd.models import Network
from amkd.recipe import Recipe

Variables = Any  # {"params": ..., "batch_stats": ...}, nested dicts of arrays


@flax.struct.dataclass
class TrainState:
    """A network in training.

    Attributes:
      step: ``int32[]``, steps done.
      variables: parameters, and BatchNorm's running statistics where there are any.
      opt_state: the optimizer's.
    """

    step: jax.Array
    variables: Variables
    opt_state: optax.OptState


def init(network: Network, shape: tuple[int, ...], key: jax.Array) -> Variables:
    """Fresh variables for images of ``shape`` (H, W, C)."""
    return network.init(key, jnp.zeros((1, *shape), jnp.uint8))


def start(variables: Variables, tx: optax.GradientTransformation) -> TrainState:
    """The state before the first step."""
    return TrainState(jnp.zeros((), jnp.int32), variables, tx.init(variables["params"]))


def train_step(
    network: Network, tx: optax.GradientTransformation, recipe: Recipe, axis: str
) -> Callable[..., tuple[TrainState, tuple[jax.Array, jax.Array]]]:
    """One step on one device's share of a batch, as a function to be mapped over ``axis``.

    Args:
      network: the student.
      tx: its optimizer, up to the learning rate.
      recipe: temperature and augmentation.
      axis: name of the device axis, bound where the function is compiled (amkd/devices.py).

    Returns:
      A function of the state, the training set, ``int32[B]`` places of records, their
      ``float32[B]`` weights, their ``int32[B]`` positions in the whole batch, the learning rate and
      a key. It returns the new state, the sum of weighted losses and the sum of weights, over all
      devices.
    """

    def step(
        state: TrainState,
        data: training_set.TrainingSet,
        index: jax.Array,
        weight: jax.Array,
        position: jax.Array,
        rate: jax.Array,
        key: jax.Array,
    ) -> tuple[TrainState, tuple[jax.Array, jax.Array]]:
        images, answers = training_set.take(data, index)
        # By position in the whole batch: the same crops and masks on any number of devices.
        for_images, for_dropout = jax.random.split(jax.random.fold_in(key, state.step))
        keys = jax.vmap(lambda p: jax.random.fold_in(for_dropout, p))(position)
        if not recipe.views.still:
            crops = jax.vmap(lambda p: jax.random.fold_in(for_images, p))(position)
            images = jax.vmap(lambda x, k: augment.augment(x, k, recipe.views))(images, crops)
        total = jax.lax.psum(weight.sum(), axis)

        def loss_of(params: Any) -> tuple[jax.Array, Variables]:
            variables = {**state.variables, "params": params}
            logits, updated = network.apply(variables, images, True, keys, mutable=["batch_stats"])
            loss = jax.vmap(lambda z, y: losses.distillation(z, y, recipe.temperature))(logits, answers)
            return jnp.sum(weight * loss), updated

        (loss, updated), grads = jax.value_and_grad(loss_of, has_aux=True)(state.variables["params"])
        # Sums over all devices before dividing: exact for any split of the batch.
        loss, grads = jax.lax.psum((loss, grads), axis)
        grads = jax.tree.map(lambda g: g / total, grads)
        updates, opt_state = tx.update(grads, state.opt_state, state.variables["params"])
        updates = jax.tree.map(lambda u: -rate * u, updates)
        params = optax.apply_updates(state.variables["params"], updates)
        variables = {**state.variables, **updated, "params": params}
        return TrainState(state.step + 1, variables, opt_state), (loss, total)

    return step


def predict(network: Network, variables: Variables, images: jax.Array) -> jax.Array:
    """Class probabilities in inference mode: ``uint8[B, H, W, C]`` to ``float32[B, Y]``."""
    logits: Any = network.apply(variables, images)
    return jax.nn.softmax(logits)


def stem(network: Network, variables: Variables, images: jax.Array) -> jax.Array:
    """Activations after the affine stem, in inference mode: ``uint8[B, H, W, C]`` to ``[B, ...]``."""
    activations: Any = network.apply(variables, images, method="stem")
    return activations


def seen(network: Network, variables: Variables, images: jax.Array, activations: bool, ends: bool) -> Seen:
    """Real images as a search mixes them, in inference mode.

    Args:
      network: the student.
      variables: its variables.
      images: ``uint8[B, H, W, C]``.
      activations: mix what comes out of the stem; else the images themselves.
      ends: whether the logits are wanted.
    """
    h = stem(network, variables, images)
    logits: Any = network.apply(variables, h, method="trunk") if ends else None
    return Seen(h if activations else images.astype(jnp.float32), logits)


def prepared(network: Network, variables: Variables, shape: tuple[int, ...]) -> Variables:
    """The variables, with what the forms of the convolutions make of them: done once for many uses."""
    _, more = network.apply(variables, jnp.zeros((1, *shape), jnp.uint8), mutable=["forms"])
    return {**variables, **more}


def trunk_of_one(network: Network, variables: Variables) -> Trunk:
    """The network after its stem, in inference mode: one activation to ``float32[Y]`` logits."""
    return lambda h: network.apply(variables, h[None], method="trunk")[0]


def network_of_one(network: Network, variables: Variables) -> Trunk:
    """The whole network, for one (mixed, unrounded) image of values in [0, 255]."""
    return lambda image: network.apply(variables, image[None])[0]
