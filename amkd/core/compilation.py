"""Compilation: the only module with ``jit`` and ``shard_map``.

A module declares a program next to its mathematics, by a decorator::

    @compiled(static=("k",), precision="highest")
    def farthest(points: jax.Array, centers: jax.Array, k: int) -> jax.Array: ...

    farthest(points, centers, k=10)  # compiled once for each k and each set of shapes
"""

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, Generic, TypeVar

import jax
from jax import export
from jax.sharding import Mesh

from amkd.core import mesh, processes
from amkd.core.mesh import AXIS

__all__ = ["AXIS", "Program", "compiled", "mapped", "portable"]

R = TypeVar("R")

_deterministic = False


def repeat_bits(wanted: bool) -> None:
    """Chooses whether programs for GPUs have the same bits in every run.

    It must be called before any program is compiled. By default, XLA chooses the algorithm of a
    convolution by its speed in this run, and adds numbers in any order.
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


@lru_cache(maxsize=2)
def _options(steady: bool) -> dict[str, Any]:
    """Returns the compiler's options for this backend.

    On a CPU, XLA would compute convolutions and products by YNNPACK, whose convolutions have half
    the speed of Eigen's. Products of YNNPACK have the same bits on any number of threads. Those of
    Eigen are faster, but their bits depend on the number of threads.

    Args:
      steady: whether products must have the same bits on any number of devices.
    """
    if jax.default_backend() != "cpu":
        return {"xla_gpu_deterministic_ops": True} if _deterministic else {}
    options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT" if steady else ""}
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:  # a version of XLA without this option
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
        fixed, arrays = self._bind(*args, **kwargs)
        found: R = self._program(*fixed)(*arrays)
        return found

    def export(self, platforms: Sequence[str], *args: Any, **kwargs: Any) -> export.Exported:
        """Returns the program as other platforms would compile it, and compiles nothing.

        The function is traced again, because its trace for this machine may have another form.

        Args:
          platforms: such as ``cuda`` and ``tpu``.
          args: arguments of the function; ``jax.ShapeDtypeStruct`` may replace arrays.
          kwargs: keyword arguments of the function.
        """
        fixed, arrays = self._bind(*args, **kwargs)
        run: Any = self._program.__wrapped__(*fixed)
        exported = export.export(getattr(run, "exportable", run), platforms=platforms)
        return exported(*arrays)

    def _bind(self, *args: Any, **kwargs: Any) -> tuple[list[Any], list[Any]]:
        """Returns the static arguments and the arrays, each in the order of the declaration."""
        given = self._signature.bind(*args, **kwargs)
        given.apply_defaults()
        values = given.arguments
        fixed = [values.pop(name) for name in self._static]
        return fixed, list(values.values())


def compiled(
    *,
    static: tuple[str, ...] = (),
    donate: str | None = None,
    kept: int = 8,
    precision: str | None = None,
) -> Callable[[Callable[..., R]], Program[R]]:
    """Declares a program: ``jax.jit`` for this backend, same bits on any number of devices.

    Args:
      static: names of the arguments that are not arrays; they must be hashable.
      donate: name of the argument whose memory the result may use.
      kept: how many programs are held, one for each set of static arguments; the least
        recently used one is dropped.
      precision: a value of ``jax.default_matmul_precision`` for matrix products; "highest" where
        results are compared or ranked, so that accelerators do not round the inputs.
    """

    def compiler(run: Callable[..., Any], arrays: list[str]) -> Callable[..., Any]:
        return _jit(run, () if donate is None else (arrays.index(donate),))

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
    """Declares a program of one device that runs on all of them at once, as ``jax.pmap`` does.

    Args:
      split: the arguments that are split over the devices, each with the axis of its arrays whose
        length is the number of devices; every device gets all other arguments whole.
      static: names of the arguments that are not arrays; they must be hashable.
      donate: name of the argument whose memory the result may use.
      out_axes: axis of the result that counts devices; None where all devices return the same.
      all_processes: whether the devices of all processes take part inside
        :func:`amkd.core.mesh.together`; else those of this process alone.
      steady: whether products must have the same bits on any number of devices.
      kept: see :func:`compiled`.
      precision: see :func:`compiled`.
    """

    def compiler(run: Callable[..., Any], arrays: list[str]) -> Callable[..., Any]:
        return _Mapped(
            run,
            in_axes=tuple(split.get(name) for name in arrays),
            out_axes=out_axes,
            all_processes=all_processes,
            donated=() if donate is None else (arrays.index(donate),),
            steady=steady,
        )

    def declare(function: Callable[..., R]) -> Program[R]:
        return Program(function, compiler, static=static, kept=kept, precision=precision)

    return declare


def _jit(run: Callable[..., Any], donated: tuple[int, ...]) -> Callable[..., Any]:
    """Applies ``jax.jit`` for this backend, with the same bits on any number of devices."""
    return jax.jit(run, compiler_options=_options(steady=True), donate_argnums=donated)


def portable(run: Callable[..., Any]) -> Any:
    """Applies ``jax.jit`` with nothing of this backend in it, for export."""
    return jax.jit(run)


class _Mapped:
    """A function of one device on every device of a mesh, compiled for every set of shapes.

    Args of the constructor:
      run: the function of one device.
      in_axes: for each argument the axis that counts devices; None where it is the same for all.
      out_axes: the same of the result.
      all_processes: see :func:`mapped`.
      donated: places of the arguments whose memory the result may use.
      steady: whether products must have the same bits on any number of devices.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        *,
        in_axes: tuple[int | None, ...],
        out_axes: int | None,
        all_processes: bool,
        donated: tuple[int, ...],
        steady: bool,
    ) -> None:
        self._run, self._in_axes, self._out_axes = run, in_axes, out_axes
        self._all_processes, self._donated, self._steady = all_processes, donated, steady
        self._compiled: dict[Any, Any] = {}

    def __call__(self, *args: Any) -> Any:
        """Returns what ``run`` returns on every device."""
        on = mesh.current(self._all_processes)
        placed = [mesh.place(arg, on, axis) for arg, axis in zip(args, self._in_axes, strict=True)]
        leaves, structure = jax.tree.flatten(placed)
        key = on, structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in self._compiled:
            self._compiled[key] = (
                self._on(on).lower(*placed).compile(compiler_options=_options(self._steady))
            )
            if on.is_multi_process:  # else those that compile first wait in a collective
                processes.barrier()
        return self._compiled[key](*placed)

    @property
    def exportable(self) -> Any:
        """The same on the devices that take part now, in the form that ``jax.export`` takes."""
        return self._on(mesh.current(self._all_processes))

    def _on(self, on: Mesh) -> Any:
        """Returns the function of all devices, to be compiled."""

        def one_device(*parts: Any) -> Any:
            own = [
                part if axis is None else _squeeze(part, axis)
                for part, axis in zip(parts, self._in_axes, strict=True)
            ]
            found = self._run(*own)
            return found if self._out_axes is None else _expand(found, self._out_axes)

        one_device.__name__ = self._run.__name__
        everywhere = jax.shard_map(
            one_device,
            mesh=on,
            in_specs=tuple(mesh.spec(axis) for axis in self._in_axes),
            out_specs=mesh.spec(self._out_axes),
            check_vma=False,
        )
        return jax.jit(everywhere, donate_argnums=self._donated)


def _squeeze(tree: Any, axis: int) -> Any:
    return jax.tree.map(lambda leaf: jax.lax.squeeze(leaf, (axis,)), tree)


def _expand(tree: Any, axis: int) -> Any:
    return jax.tree.map(lambda leaf: jax.lax.expand_dims(leaf, (axis,)), tree)
