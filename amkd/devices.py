"""Compilation: the only module with ``jit``, ``pmap`` and placement on devices."""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from amkd import confidence, mixing, student, training_set
from amkd.models import Network
from amkd.recipe import Recipe, direction

AXIS = "devices"  # the one device axis; every psum and every BatchNorm names it


def count() -> int:
    """Number of local devices."""
    return jax.local_device_count()


def describe() -> str:
    """The local devices in words."""
    kinds = sorted({device.device_kind for device in jax.local_devices()})
    return f"{count()} x {', '.join(kinds)} ({jax.default_backend()})"


def replicate(tree: Any) -> Any:
    """A copy of every array on every local device, placed so that ``pmap`` moves nothing."""
    mesh = Mesh(np.array(jax.local_devices()), (AXIS,))
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def tile_size(bytes_per_pair: int) -> int:
    """Pairs in one compiled tile: what fits a CPU's cache, or fills an accelerator."""
    tile, limit = (128, 2**26) if jax.default_backend() == "cpu" else (1024, 2**30)
    while tile > 1 and tile * bytes_per_pair > limit:
        tile //= 2
    return tile


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


def _jit(run: Callable[..., Any]) -> Callable[..., Any]:
    return jax.jit(run, compiler_options=_options(steady=True))


class _Mapped:
    """``pmap``, which takes no options for the compiler, compiled with them for every set of shapes."""

    def __init__(self, run: Callable[..., Any], steady: bool, **axes: Any) -> None:
        self._run, self._steady = jax.pmap(run, axis_name=AXIS, **axes), steady
        self._compiled: dict[Any, Any] = {}

    def __call__(self, *args: Any) -> Any:
        leaves, structure = jax.tree.flatten(args)
        key = structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in self._compiled:
            self._compiled[key] = self._run.lower(*args).compile(compiler_options=_options(self._steady))
        return self._compiled[key](*args)


def _suited(network: Network) -> Network:
    """The same network in the form that suits this backend."""
    return network.clone(matrices=jax.default_backend() == "cpu")


def steps_per_dispatch(recipe: Recipe) -> int:
    """Training steps in one program: as configured, or what suits the backend."""
    return recipe.steps_per_dispatch or (1 if jax.default_backend() == "cpu" else 8)


def split_batches(batches: np.ndarray) -> np.ndarray:
    """Cuts each batch into one part per device: ``[S, B]`` to ``[S, D, B/D]``."""
    return batches.reshape(len(batches), count(), -1)


class Search:
    """C2 of pairs of real images under one student, over every local device.

    Mixes activations after the student's affine stem where the table of them fits, and
    images where it does not: the same scores up to rounding, more work.

    Every dispatch has the same length, and so runs the same program; a pair's score depends
    on the tile, and on neither the chunk nor the number of devices.

    Args of the constructor:
      network: the student, in float32.
      variables: its variables.
      images: ``uint8[N, H, W, C]``.
      lams: ``float32[L]``.
      pairs: pairs in one dispatch; rounded up to whole tiles, at least two a device.
      tile: pairs in one compiled tile; 0 chooses by backend and network.
      table_bytes: the largest table of activations to hold on each device.
    """

    def __init__(
        self,
        network: Network,
        variables: Any,
        images: np.ndarray,
        lams: np.ndarray,
        pairs: int,
        tile: int,
        table_bytes: int,
    ) -> None:
        bytes_each = stem_bytes(network, variables, images.shape[1:])
        fits = bytes_each * len(images) <= table_bytes
        table = _stem_table(network, variables, images) if fits else images.astype(np.float32)
        tile = tile or tile_size(len(lams) * bytes_each)
        unit = tile * count()
        self.length = max(-(-pairs // unit), 2) * unit
        self._args = replicate((variables, table))
        self._lams = replicate(jnp.asarray(lams))
        self._run = _search_program(network, tile, fits)

    def dispatch(self, i: np.ndarray, j: np.ndarray) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
        """Starts scoring pairs ``int32[P]``, at most ``length`` of them.

        Returns:
          A function that waits for their C2 and the index of their arg-min lambda, ``[P]`` each.
        """
        pairs = len(i)
        i, j = (np.pad(side, (0, self.length - pairs), mode="edge").reshape(count(), -1) for side in (i, j))
        scores, best = self._run(*self._args, i, j, self._lams)

        def wait() -> tuple[np.ndarray, np.ndarray]:
            return np.asarray(scores).reshape(-1)[:pairs], np.asarray(best).reshape(-1)[:pairs]

        return wait


def stem_bytes(network: Network, variables: Any, shape: tuple[int, ...]) -> int:
    """Bytes of one image's activations after the stem."""
    image = jax.ShapeDtypeStruct((1, *shape), jnp.uint8)
    one = jax.eval_shape(partial(student.stem, network), variables, image)
    return one.size * one.dtype.itemsize


@lru_cache(maxsize=8)
def _search_program(network: Network, tile: int, activations: bool) -> Callable[..., Any]:
    trunk_of = student.trunk_of_one if activations else student.network_of_one

    def run(variables: Any, table: Any, i: Any, j: Any, lams: Any) -> Any:
        # Ranking is discontinuous: accelerators must not round inputs of matrix products.
        with jax.default_matmul_precision("highest"):
            return confidence.score_pairs(trunk_of(_suited(network), variables), table, i, j, lams, tile)

    return _Mapped(run, steady=True, in_axes=(None, None, 0, 0, None))


def _stem_table(network: Network, variables: Any, images: np.ndarray) -> np.ndarray:
    with jax.default_matmul_precision("highest"):
        return in_batches(_stem_program(network), variables, images)


@lru_cache(maxsize=8)
def _stem_program(network: Network) -> Callable[..., Any]:
    return _jit(partial(student.stem, _suited(network)))


@lru_cache(maxsize=8)
def train_program(network: Network, recipe: Recipe) -> Callable[..., Any]:
    """Training steps over every local device.

    Returns:
      A function of the state, the training set (both from :func:`replicate`), ``int32[S, D, B/D]``
      places, ``float32[S, D, B/D]`` weights, ``int32[S, D, B/D]`` positions, ``float32[S]`` learning
      rates and a key, that does S steps and returns the state and the sums of losses and of
      weights, ``float32[S]`` each. The state passed in is used up.
    """
    step = student.train_step(_suited(network), direction(recipe), recipe, AXIS)

    def run(state: Any, data: Any, index: Any, weight: Any, position: Any, rate: Any, key: Any) -> Any:
        # Unrolled: XLA on CPU runs convolutions inside loops several times slower.
        sums = []
        for batch in zip(index, weight, position, rate, strict=True):
            state, sum_ = step(state, data, *batch, key)
            sums.append(sum_)
        losses, weights = zip(*sums, strict=True)
        return state, (jnp.stack(losses), jnp.stack(weights))

    axes = (None, None, 1, 1, 1, None, None)
    return _Mapped(run, steady=False, in_axes=axes, out_axes=None, donate_argnums=0)


@lru_cache(maxsize=8)
def _predict_program(network: Network) -> Callable[..., Any]:
    def run(variables: Any, images: Any) -> Any:
        with jax.default_matmul_precision("highest"):  # answers and figures alike on every backend
            return student.predict(_suited(network), variables, images)

    return _jit(run)


def exportable(network: Network, variables: Any) -> Any:
    """The prediction with its variables inside, for ``jax.export``: ``uint8[B, H, W, C]`` to ``float32[B, Y]``."""

    def run(images: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return student.predict(network, variables, images)

    return jax.jit(run)


def predict(network: Network, variables: Any, images: np.ndarray) -> np.ndarray:
    """Class probabilities of any number of images: ``uint8[M, H, W, C]`` to ``float32[M, Y]``."""
    return in_batches(_predict_program(network), variables, images)


def in_batches(run: Callable[..., Any], variables: Any, images: np.ndarray, batch: int = 256) -> np.ndarray:
    """``run(variables, images)`` a batch at a time, the last one padded, on the host in the end."""
    parts = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        padded = np.pad(part, [(0, batch - len(part)), (0, 0), (0, 0), (0, 0)])
        parts.append(run(variables, padded)[: len(part)])
    return np.concatenate([np.asarray(part) for part in parts])


@jax.jit
def _mix(images: jax.Array, i: jax.Array, j: jax.Array, w: jax.Array) -> jax.Array:
    return mixing.mix_images(images, i, j, w)


def mixes(images: np.ndarray, records: training_set.Records, block: int = 1024) -> Iterator[np.ndarray]:
    """The canonical bytes of records, on the host, in blocks of at most ``uint8[block, H, W, C]``."""
    on_device = jnp.asarray(images)
    for start in range(0, max(len(records), 1), block):
        part = [column[start : start + block] for column in records]
        padded = (np.pad(column, (0, block - len(part[0]))) for column in part)
        yield np.asarray(_mix(on_device, *padded))[: len(part[0])]


@lru_cache(maxsize=8)
def _init_program(network: Network, shape: tuple[int, ...]) -> Callable[..., Any]:
    return jax.jit(lambda key: student.init(network, shape, key))


def init(network: Network, shape: tuple[int, ...], key: jax.Array) -> Any:
    """Fresh variables, compiled in one piece."""
    return _init_program(network, shape)(key)
