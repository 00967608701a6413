"""ConvNeXt (Liu et al., 2022) as in timm: Atto with 3,695,520 and Tiny with 28,589,128 parameters
at 1,000 classes.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.models.layers import Conv
from amkd.models.pretrained.base import PretrainedNetwork
from amkd.models.pretrained.depthwise import DepthwiseConv
from amkd.models.pretrained.mlp import Mlp, layer_norm

_init = nn.initializers.truncated_normal(0.02)


class Block(nn.Module):
    """A 7x7 depthwise convolution, LayerNorm, two dense layers, and a shortcut."""

    form: str
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        depthwise = DepthwiseConv(
            7, padding=3, use_bias=True, form=self.form, dtype=self.dtype, name="conv_dw"
        )
        y = layer_norm(self.dtype, "norm")(depthwise(x))
        y = Mlp(self.dtype, name="mlp")(y)
        gamma = self.param("gamma", nn.initializers.constant(1e-6), (x.shape[-1],))
        return x + y * gamma.astype(self.dtype).reshape(1, 1, 1, -1)


class Stage(nn.Module):
    """Blocks of one width; half the height and width where the width changes."""

    depth: int
    width: int
    form: str
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        if x.shape[-1] != self.width:
            x = layer_norm(self.dtype, "downsample_0")(x)
            x = Conv(
                self.width,
                2,
                stride=2,
                padding="VALID",
                dtype=self.dtype,
                kernel_init=_init,
                name="downsample_1",
            )(x)
        for number in range(self.depth):
            x = Block(self.form, self.dtype, name=f"blocks_{number}")(x)
        return x


class ConvNeXt(PretrainedNetwork):
    """Patches of 4x4 pixels, and four stages of blocks.

    Attributes:
      depths: blocks of each stage.
      widths: channels of each stage.
    """

    depths: tuple[int, ...] = (3, 3, 9, 3)
    widths: tuple[int, ...] = (96, 192, 384, 768)

    renamed: ClassVar[dict[str, str]] = {"norm": "head.norm", "fc": "head.fc"}

    def setup(self) -> None:
        self.normalise = self._normalise()
        self.stem_0 = Conv(
            self.widths[0], 4, stride=4, padding="VALID", dtype=self.dtype, kernel_init=_init
        )
        self.stem_1 = layer_norm(self.dtype)
        self.stages = [
            Stage(depth, width, self.form, self.dtype)
            for depth, width in zip(self.depths, self.widths, strict=True)
        ]
        self.norm = layer_norm(self.dtype)
        self.fc = nn.Dense(self.classes, dtype=self.dtype)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        return self.stem_0(self.normalise(self.seen(images)))

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        x = self.stem_1(h)
        for stage in self.stages:
            x = stage(x)
        return self.norm(x.mean((1, 2)))

    def head(self, features: jax.Array) -> jax.Array:
        return self.fc(features).astype("float32")
