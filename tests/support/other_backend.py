"""Runs the host's part of the work as on an accelerator: every program is lowered for CUDA and TPU,
none is compiled, and each returns ones.
"""

import contextlib
import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import pytest

import amkd
from amkd.core import compilation
from amkd.core.compilation import Program
from amkd.export import stablehlo

PLATFORMS = ("cuda", "tpu")


@dataclasses.dataclass(frozen=True)
class Lowered:
    """A program as both platforms would get it.

    Attributes:
      name: ``module.function`` of its declaration.
      text: StableHLO.
    """

    name: str
    text: str

    @property
    def convolutions(self) -> int:
        """How many each platform runs as such, and not in one of the forms made for CPUs."""
        return self.text.count("stablehlo.convolution") // len(PLATFORMS)

    @property
    def custom_calls(self) -> set[str]:
        """Names of what XLA does not know itself."""
        return set(re.findall(r"custom_call @([\w.]+)", self.text))


def declared() -> dict[int, str]:
    """Returns the name of every program of the package, by its id."""
    found: dict[int, str] = {}
    for module in pkgutil.walk_packages(amkd.__path__, "amkd."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Program):
                where = module.name if id(value) not in found else value.__module__
                found[id(value)] = f"{where}.{name}".removeprefix("amkd.")
    return found


@contextlib.contextmanager
def lowering(backend: str = "gpu") -> Iterator[list[Lowered]]:
    """Yields a list that gets every program that is called meanwhile.

    Args:
      backend: what the code takes the machine for.
    """
    names, found = declared(), []

    def lower(program, *args, **kwargs):
        args, kwargs = jax.tree.map(_abstract, (args, kwargs))
        with stablehlo.without_locations():
            exported = program.export(PLATFORMS, *args, **kwargs)
        found.append(Lowered(names[id(program)], exported.mlir_module()))
        ones = [jnp.full(aval.shape, aval.dtype != bool, aval.dtype) for aval in exported.out_avals]
        return jax.tree.unflatten(exported.out_tree, ones)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Program, "__call__", lower)
        patch.setattr(compilation, "_options", lambda steady: {})
        patch.setattr(jax, "default_backend", lambda: backend)
        yield found


def _abstract(leaf):
    """Arrays by shape and type; all else as it is."""
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        own, weak = leaf.dtype, getattr(leaf, "weak_type", False)
        is_key = jax.dtypes.issubdtype(own, jax.dtypes.prng_key)
        dtype = own if is_key else jax.dtypes.canonicalize_dtype(own)
        return jax.ShapeDtypeStruct(leaf.shape, dtype, weak_type=weak)
    return leaf
