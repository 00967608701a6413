"""Compilation: the only module with ``jit`` and ``pmap``, and where compiled programs are kept for
later runs.

A module declares a program next to its mathematics, by a decorator::

    @compiled(static=("k",), precision="highest")
    def farthest(points: jax.Array, centers: jax.Array, k: int) -> jax.Array: ...

    farthest(points, centers, k=10)  # compiled once for each k and each set of shapes
"""

import functools
import hashlib
import inspect
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import jax

from amkd.core.console import storable

AXIS = "devices"  # the one device axis; every psum and every BatchNorm names it

_KEPT_BYTES = 2**30  # of compiled programs; those that were not used for longest give way
_KEPT_SECONDS = 0.2  # what compiles faster is not worth a file

R = TypeVar("R")

_deterministic = False


def keep(cache: Path) -> None:
    """Keeps compiled programs in a folder, for this process and those that come after it.

    A CPU's programs use all that this very kind of CPU can do: each kind has a folder of its own.
    """
    folder = str(cache / "compiled" / kind_of_machine())
    jax.config.update("jax_compilation_cache_dir", folder)
    if storable(folder) != folder:  # XLA, in C++, takes no such path for caches of its own
        jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
    jax.config.update("jax_compilation_cache_max_size", _KEPT_BYTES)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _KEPT_SECONDS)


def repeat_bits(wanted: bool) -> None:
    """Chooses whether programs for GPUs have the same bits in every run; before any is compiled.

    XLA chooses convolutions by timing them otherwise, and adds in any order.
    """
    global _deterministic
    if wanted != _deterministic:
        _deterministic = wanted
        _options.cache_clear()


def repeats_bits() -> bool:
    """Returns whether programs are compiled to have the same bits in every run: those of CPUs and
    TPUs always, those of GPUs where it was chosen, here or by ``XLA_FLAGS``.
    """
    if jax.default_backend() != "gpu":
        return True
    return _deterministic or "--xla_gpu_deterministic_ops=true" in os.environ.get("XLA_FLAGS", "")


def kind_of_machine() -> str:
    """Returns a hash of the kind of processor: programs and bits depend on it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    kind = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256(
        "\n".join([platform.machine(), platform.processor(), *kind]).encode()
    ).hexdigest()[:16]


@lru_cache(maxsize=2)
def _options(steady: bool) -> dict[str, Any]:
    """Returns the compiler's options for this backend.

    On a CPU, XLA would hand convolutions and products to YNNPACK, which runs convolutions at half
    the speed of Eigen's. Its products have the same bits on any number of threads, which Eigen's
    faster ones have not.

    Args:
      steady: whether products must have the same bits on any number of devices.
    """
    if jax.default_backend() != "cpu":
        return {"xla_gpu_deterministic_ops": True} if _deterministic else {}
    options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT" if steady else ""}
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:  # a version of XLA that does not know of it
        return {}
    return options


class Program(Generic[R]):
    """A function that is compiled once for each set of static arguments and of shapes.

    It is called like the function, with arrays of JAX or NumPy. The function must be pure. Declare
    one by :func:`compiled` or :func:`mapped`.
    """

    def __init__(
        self,
        function: Callable[..., R],
        compiler: Callable[[Callable[..., Any], list[str]], Callable[..., Any]],
        *,
        static: tuple[str, ...],
        kept: int,
        precision: str | None,
    ) -> None:
        functools.update_wrapper(self, function)
        self._signature = inspect.signature(function)
        self._static = static
        arrays = [name for name in self._signature.parameters if name not in static]
        plain: Callable[..., Any] = function

        @lru_cache(maxsize=kept)
        def program(*values: Any) -> Callable[..., Any]:
            fixed = dict(zip(static, values, strict=True))

            @functools.wraps(plain)
            def run(*given: Any) -> Any:
                arguments = {**fixed, **dict(zip(arrays, given, strict=True))}
                with jax.default_matmul_precision(precision) if precision else nullcontext():
                    return plain(**arguments)

            del run.__wrapped__  # its signature is another one: arrays only, by position
            return compiler(run, arrays)

        self._program = program

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """Returns what the function returns, computed by the compiled program."""
        given = self._signature.bind(*args, **kwargs)
        given.apply_defaults()
        values = given.arguments
        run = self._program(*(values.pop(name) for name in self._static))
        found: R = run(*values.values())
        return found


def compiled(
    *,
    static: tuple[str, ...] = (),
    kept: int = 8,
    precision: str | None = None,
) -> Callable[[Callable[..., R]], Program[R]]:
    """Declares a program: ``jax.jit`` for this backend, same bits on any number of devices.

    Args:
      static: names of the arguments that are not arrays; they must be hashable.
      kept: how many programs are held, one for each set of static arguments; the one not used
        for longest is dropped.
      precision: of matrix products, as in ``jax.default_matmul_precision``; "highest" where
        results are compared or ranked, so that accelerators do not round the inputs.
    """

    def compiler(run: Callable[..., Any], _: list[str]) -> Callable[..., Any]:
        return _jit(run)

    def declare(function: Callable[..., R]) -> Program[R]:
        return Program(function, compiler, static=static, kept=kept, precision=precision)

    return declare


def mapped(
    *,
    split: Mapping[str, int],
    static: tuple[str, ...] = (),
    donate: str | None = None,
    out_axes: int | None = 0,
    all_processes: bool = False,
    steady: bool = True,
    kept: int = 8,
    precision: str | None = None,
) -> Callable[[Callable[..., R]], Program[R]]:
    """Declares a program of one device that runs on all of them at once: ``jax.pmap``.

    Args:
      split: the array arguments that are split over the devices, each with the axis of its
        arrays that counts devices; all others are the same for every device.
      static: names of the arguments that are not arrays; they must be hashable.
      donate: name of the argument whose memory the result may use.
      out_axes: axis of the result that counts devices; None where all devices return the same.
      all_processes: whether the devices of all processes take part, and all processes must keep
        step; else those of this process alone.
      steady: whether products must have the same bits on any number of devices.
      kept: see :func:`compiled`.
      precision: see :func:`compiled`.
    """

    def compiler(run: Callable[..., Any], arrays: list[str]) -> Callable[..., Any]:
        return _Mapped(
            run,
            steady,
            in_axes=tuple(split.get(name) for name in arrays),
            out_axes=out_axes,
            devices=None if all_processes else jax.local_devices(),
            donate_argnums=() if donate is None else arrays.index(donate),
        )

    def declare(function: Callable[..., R]) -> Program[R]:
        return Program(function, compiler, static=static, kept=kept, precision=precision)

    return declare


def _jit(run: Callable[..., Any]) -> Callable[..., Any]:
    """``jax.jit`` for this backend, with the same bits on any number of devices."""
    return jax.jit(run, compiler_options=_options(steady=True))


def portable(run: Callable[..., Any]) -> Any:
    """``jax.jit`` with nothing of this backend in it, for export."""
    return jax.jit(run)


class _Mapped:
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
