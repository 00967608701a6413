"""Two dense layers with the exact GELU between them: part of ConvNeXt and of ViT."""

import jax
import jax.numpy as jnp
from flax import linen as nn


class Mlp(nn.Module):
    """Dense layers over the last axis, to four times as many channels and back."""

    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        init = nn.initializers.truncated_normal(0.02)
        width = x.shape[-1]
        x = nn.Dense(4 * width, dtype=self.dtype, kernel_init=init, name="fc1")(x)
        x = nn.gelu(x, approximate=False)
        return nn.Dense(width, dtype=self.dtype, kernel_init=init, name="fc2")(x)


def layer_norm(dtype: jnp.dtype, name: str | None = None) -> nn.LayerNorm:
    """Returns a LayerNorm as in timm's ConvNeXt and ViT; in ``setup`` it gets the name of its
    attribute.
    """
    return nn.LayerNorm(epsilon=1e-6, dtype=dtype, use_fast_variance=False, name=name)
