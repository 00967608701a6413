"""ViT-Small (Dosovitskiy et al., 2021; Steiner et al., 2022) as in timm: 22,050,664 parameters at
1,000 classes and 224 pixels; also the version in DINOv2 (Oquab et al., 2023).
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.models.layers import Conv
from amkd.models.pretrained.base import PretrainedNetwork
from amkd.models.pretrained.mlp import Mlp, layer_norm

_init = nn.initializers.truncated_normal(0.02)
_WIDTH, _DEPTH, _HEADS = 384, 12, 6


class Attention(nn.Module):
    """Multi-head self-attention with six heads: ``[B, T, d]`` to ``[B, T, d]``."""

    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        batch, tokens, width = x.shape
        qkv = nn.Dense(3 * width, dtype=self.dtype, kernel_init=_init, name="qkv")(x)
        parts = qkv.reshape(batch, tokens, 3, _HEADS, width // _HEADS).transpose(2, 0, 3, 1, 4)
        query, key, value = parts
        scores = (query * (width // _HEADS) ** -0.5) @ key.swapaxes(-1, -2)
        seen = nn.softmax(scores.astype(jnp.float32)).astype(self.dtype) @ value
        together = seen.transpose(0, 2, 1, 3).reshape(batch, tokens, width)
        return nn.Dense(width, dtype=self.dtype, kernel_init=_init, name="proj")(together)


class LayerScale(nn.Module):
    """A factor for each channel."""

    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        gamma = self.param("gamma", nn.initializers.constant(1e-5), (x.shape[-1],))
        return x * gamma.astype(self.dtype).reshape(1, 1, -1)


class Block(nn.Module):
    """Attention, then two dense layers, each after a LayerNorm and with a shortcut."""

    scaled: bool
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        y = Attention(self.dtype, name="attn")(layer_norm(self.dtype, "norm1")(x))
        x = x + (LayerScale(self.dtype, name="ls1")(y) if self.scaled else y)
        y = Mlp(self.dtype, name="mlp")(layer_norm(self.dtype, "norm2")(x))
        return x + (LayerScale(self.dtype, name="ls2")(y) if self.scaled else y)


class Patches(nn.Module):
    """Cuts images into squares and maps each to a token: ``[B, H, W, C]`` to ``[B, T, d]``."""

    patch: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        conv = Conv(
            _WIDTH,
            self.patch,
            stride=self.patch,
            padding="VALID",
            dtype=self.dtype,
            kernel_init=_init,
            name="proj",
        )
        return conv(images).reshape(images.shape[0], -1, _WIDTH)


class Positions(nn.Module):
    """Puts the class token first, and adds a position embedding to each token."""

    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array, first: jax.Array) -> jax.Array:
        shape = (1, 1 + x.shape[1], _WIDTH)
        places = self.param("pos_embed", _init, shape).astype(self.dtype)
        first = jnp.broadcast_to(first + places[:, :1], (x.shape[0], 1, _WIDTH))
        return jnp.concatenate([first, x + places[:, 1:]], 1)


class ViTSmall(PretrainedNetwork):
    """One token for each patch and one class token, which gives the class; twelve blocks.

    Attributes:
      patch: height and width of a patch, in pixels.
      scaled: whether blocks have factors for each channel, as in DINOv2.
    """

    patch: int = 16
    scaled: bool = False

    renamed: ClassVar[dict[str, str]] = {"fc": "head", "positions.pos_embed": "pos_embed"}

    def setup(self) -> None:
        self.normalise = self._normalise()
        self.patch_embed = Patches(self.patch, self.dtype)
        self.positions = Positions(self.dtype)
        self.blocks = [Block(self.scaled, self.dtype) for _ in range(_DEPTH)]
        self.norm = layer_norm(self.dtype)
        self.fc = nn.Dense(self.classes, dtype=self.dtype)

    @nn.compact  # so that the class token belongs to this method, and not to the last layer, too
    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        x = self.patch_embed(self.normalise(self.seen(images)))
        first = self.param("cls_token", nn.initializers.normal(1e-6), (1, 1, _WIDTH))
        return self.positions(x, first.astype(self.dtype))

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        for block in self.blocks:
            h = block(h)
        return self.norm(h)[:, 0]

    def head(self, features: jax.Array) -> jax.Array:
        return self.fc(features).astype("float32")
