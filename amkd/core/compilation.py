"""Compilation: the only module with ``jit`` and ``pmap``, and where compiled programs are kept for
later runs.
"""

import hashlib
import platform
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax

AXIS = "devices"  # the one device axis; every psum and every BatchNorm names it

_KEPT_BYTES = 2**30  # of compiled programs; those that were not used for longest give way
_KEPT_SECONDS = 0.2  # what compiles faster is not worth a file


def keep(cache: Path) -> None:
    """Keeps compiled programs in a folder, for this process and those that come after it.

    A CPU's programs use all that this very kind of CPU can do: each kind has a folder of its own.
    """
    jax.config.update("jax_compilation_cache_dir", str(cache / "compiled" / _kind_of_machine()))
    jax.config.update("jax_compilation_cache_max_size", _KEPT_BYTES)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _KEPT_SECONDS)


def _kind_of_machine() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    kind = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256(
        "\n".join([platform.machine(), platform.processor(), *kind]).encode()
    ).hexdigest()[:16]


@lru_cache(maxsize=2)
def _options(steady: bool) -> dict[str, Any]:
    """What the compiler is told about this backend.

    On a CPU it would hand convolutions and products to YNNPACK, which runs convolutions at half
    the speed of Eigen's. Its products have the same bits on any number of threads, which Eigen's
    faster ones have not.

    Args:
      steady: whether products must have the same bits on any number of devices.
    """
    if jax.default_backend() != "cpu":
        return {}
    options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT" if steady else ""}
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:  # a version of XLA that does not know of it
        return {}
    return options


def jit(run: Callable[..., Any]) -> Callable[..., Any]:
    """``jax.jit`` for this backend, with the same bits on any number of devices."""
    return jax.jit(run, compiler_options=_options(steady=True))


def portable(run: Callable[..., Any]) -> Any:
    """``jax.jit`` with nothing of this backend in it, for export."""
    return jax.jit(run)


class Mapped:
    """``pmap``, which takes no options for the compiler, compiled with them for every set of
    shapes.

    Args of the constructor:
      run: the function of one device.
      steady: whether products must have the same bits on any number of devices.
      axes: of ``pmap``.
    """

    def __init__(self, run: Callable[..., Any], steady: bool, **axes: Any) -> None:
        self._run, self._steady = jax.pmap(run, axis_name=AXIS, **axes), steady
        self._compiled: dict[Any, Any] = {}

    def __call__(self, *args: Any) -> Any:
        """What ``run`` returns on every device."""
        leaves, structure = jax.tree.flatten(args)
        key = structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in self._compiled:
            self._compiled[key] = self._run.lower(*args).compile(
                compiler_options=_options(self._steady)
            )
        return self._compiled[key](*args)

    def shapes(self, *args: Any) -> Any:
        """Of what it would return."""
        return jax.eval_shape(self._run, *args)
