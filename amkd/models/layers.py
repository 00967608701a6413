"""The layers and the base class that the networks share."""

from typing import Any, ClassVar, Self

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.core import devices
from amkd.core.compilation import AXIS
from amkd.models.convolution import Form, Geometry, choose
from amkd.models.resizing import Side, resized

Variables = Any  # {"params": ..., "batch_stats": ...}, nested dicts of arrays

_LRN = 1e-4  # weight of the squares in local response normalisation


def to_unit(images: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """Scales 8-bit pixels to [0, 1]: the only input normalisation; it is part of the network."""
    return images.astype(dtype) / 255


class Conv(nn.Module):
    """A convolution in the fastest form; parameters, names and initial values are those of
    ``nn.Conv``.

    If there is a collection ``forms``, it contains the parts that the forms computed from the
    kernels alone. If it is mutable, they are stored there.

    Attributes:
      features: filters O.
      size: height and width of the kernels.
      stride: vertical and horizontal stride.
      padding: SAME, VALID, or the number of zeros on every side.
      window: the window of the pooling that follows; its pixels are arranged along axis 2.
      use_bias: whether a bias is added.
      form: see :class:`Network`.
      dtype: data type of the computation.
      kernel_init: initial values of the kernels.
      bias_init: initial values of the bias.
    """

    features: int
    size: int
    stride: int = 1
    padding: str | int = "SAME"
    window: int = 1
    use_bias: bool = True
    form: str = "plain"
    dtype: jnp.dtype = jnp.float32
    kernel_init: Any = nn.initializers.lecun_normal()
    bias_init: Any = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        geometry = Geometry(
            (x.shape[1], x.shape[2]), shape, self.stride, self._edges(x.shape[1:3]), self.window
        )
        form = choose(geometry, self.form)
        y = form.apply(x.astype(self.dtype), self._prepared(form, kernel.astype(self.dtype)))
        if not self.use_bias:
            return y
        bias = self.param("bias", self.bias_init, (self.features,)).astype(self.dtype)
        return y + bias.reshape((1,) * (y.ndim - 1) + (-1,))

    def _edges(self, size: tuple[int, ...]) -> Any:
        if isinstance(self.padding, int):
            return ((self.padding, self.padding), (self.padding, self.padding))
        window = (self.size, self.size)
        return tuple(
            jax.lax.padtype_to_pads(size, window, (self.stride, self.stride), self.padding)
        )

    def _prepared(self, form: Form, kernel: jax.Array) -> jax.Array:
        if self.has_variable("forms", "kernel"):
            return self.get_variable("forms", "kernel")
        prepared = form.prepare(kernel)
        if self.is_mutable_collection("forms") and not self.is_initializing():
            self.put_variable("forms", "kernel", prepared)
        return prepared


def max_pool(x: jax.Array, window: int, stride: int) -> jax.Array:
    """Pools ``[B, H, W, C]`` by maxima, without padding, as a maximum of strided slices.

    On a CPU, XLA vectorises this form but not its own window reduction.
    """
    chex.assert_rank(x, 4)
    height, width = (size - window + 1 for size in x.shape[1:3])
    result = None
    for row in range(window):
        for column in range(window):
            part = x[:, row : row + height : stride, column : column + width : stride]
            result = part if result is None else jnp.maximum(result, part)
    assert result is not None
    return result


@jax.custom_vjp
def local_response_norm(x: jax.Array) -> jax.Array:
    """Returns ``x_c / (1 + 1e-4 * sum over |d|<=2 of x_{c+d}**2) ** .75``: a sum, not a mean."""
    scale = 1 + _LRN * _across(jnp.square(x))
    root = jnp.sqrt(scale)
    return x / (root * jnp.sqrt(root))  # scale**.75 without a power


def _lrn_forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return local_response_norm(x), x


def _lrn_backward(x: jax.Array, g: jax.Array) -> tuple[jax.Array]:
    # Written by hand: the automatic derivative reads and writes each of the five shifted squares.
    scale = 1 + _LRN * _across(jnp.square(x))
    root = jnp.sqrt(scale)
    through = g / (root * jnp.sqrt(root))
    return (through - 1.5 * _LRN * x * _across(through * x / scale),)


local_response_norm.defvjp(_lrn_forward, _lrn_backward)


def _across(x: jax.Array) -> jax.Array:
    """Returns the sum over each channel and its two neighbours on each side."""
    channels = x.shape[-1]
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(2, 2)])
    return sum((padded[..., d : d + channels] for d in range(1, 5)), padded[..., :channels])


def dropout(x: jax.Array, rate: float, keys: jax.Array, layer: int) -> jax.Array:
    """Applies dropout with one key for each image: the mask does not depend on the device count.

    Args:
      x: ``[B, ...]``.
      rate: share of values set to zero.
      keys: ``key[B]``.
      layer: number of the layer in its network, so that each layer has its own mask.
    """

    def one(value: jax.Array, key: jax.Array) -> jax.Array:
        keep = jax.random.bernoulli(jax.random.fold_in(key, layer), 1 - rate, value.shape)
        return jnp.where(keep, value / (1 - rate), 0)

    return jax.vmap(one)(x, keys)


class Network(nn.Module):
    """The base class of all networks here: an affine stem, then a trunk.

    ``stem`` is the first layers, which are affine in the pixels in inference mode. ``trunk`` is the
    rest: ``features``, then ``head``, the last layer. Calling the network runs stem and trunk. A
    search mixes the stem's activations, or the images (amkd/search/activations.py).

    Attributes:
      classes: number of classes Y.
      dtype: data type of the computation; parameters and logits are always float32.
      form: the form of the convolutions: plain, or the fastest one on a CPU for training or for
        scoring.
      axis_name: device axis over which BatchNorm's statistics are averaged in training.
      side: height and width at which the network sees the images, one number if they are equal; 0
        for their own size.
      groups: how many distributions an answer has, G: 1 for a classifier, more for the positions of
        lanes. Each is a softmax over Y / G of the logits.
    """

    classes: int
    dtype: jnp.dtype = jnp.float32
    form: str = "plain"
    axis_name: str | None = None
    side: Side = 0
    groups: int = 1

    last: ClassVar[str] = "fc3"  # the name of the layer in ``head``

    def in_training(self, dtype: jnp.dtype) -> Self:
        """Returns the same network with this data type, and with averages over all devices."""
        return self.clone(dtype=dtype, axis_name=AXIS)

    def seen(self, images: jax.Array) -> jax.Array:
        """Returns the images as the network sees them; the stem begins with this step."""
        return resized(images, self.side)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        """Maps ``uint8[B, H, W, C]`` to activations ``[B, ...]``."""
        raise NotImplementedError

    def trunk(self, h: jax.Array, train: bool = False, keys: jax.Array | None = None) -> jax.Array:
        """Maps activations ``[B, ...]`` to logits ``float32[B, Y]``; ``keys`` is ``key[B]`` for
        dropout.
        """
        return self.head(self.features(h, train, keys))

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        """Maps activations ``[B, ...]`` to the input of the last layer, ``[B, d]``; with ``keys``,
        after dropout.
        """
        raise NotImplementedError

    def head(self, features: jax.Array) -> jax.Array:
        """Applies the last layer: features ``[B, d]`` to logits ``float32[B, Y]``."""
        raise NotImplementedError

    def logits_and_features(
        self, images: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array]:
        """Maps ``uint8[B, H, W, C]`` to logits ``float32[B, Y]`` and to the features ``[B, d]``
        from which the logits are computed.
        """
        features = self.features(self.stem(images, train), train, keys)
        return self.head(features), features

    def __call__(
        self, images: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        """Maps ``uint8[B, H, W, C]`` to logits ``float32[B, Y]``."""
        return self.trunk(self.stem(images, train), train, keys)

    def probabilities(self, logits: jax.Array) -> jax.Array:
        """Returns a softmax over each group of the logits ``float32[..., Y]``."""
        if self.groups == 1:
            return jax.nn.softmax(logits)
        each = logits.reshape(*logits.shape[:-1], self.groups, -1)
        return jax.nn.softmax(each).reshape(logits.shape)

    def rngs(self, keys: jax.Array) -> dict[str, jax.Array]:
        """Returns the random streams that linen needs in a training step, given ``key[B]``.

        The networks of this package need none: they use ``keys`` directly.
        """
        return {}

    def feature_count(self, variables: Variables) -> int:
        """Returns the number of input features of the last layer, d."""
        return int(variables["params"][self.last]["kernel"].shape[0])


def suited(network: Network, form: str) -> Network:
    """Returns the same network in the form that suits this backend."""
    return network.clone(form="plain" if devices.accelerated() else form)


def for_training(network: Network, dtype: str) -> Network:
    """Returns the same network as it is used in training.

    Args:
      network: a network of :func:`amkd.models.build`.
      dtype: data type of the computation, ``float32`` or ``bfloat16``.
    """
    return network.in_training(jnp.dtype(dtype))
