"""Every program that runs on the devices, and what is placed there."""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from amkd import confidence, mixing, selection
from amkd.compilation import AXIS, Mapped, jit, portable
from amkd.learning import augment, student, training_set
from amkd.learning.augment import Views
from amkd.learning.recipe import Recipe, Steps, direction, of_a_step
from amkd.models import Network


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


def tile_size(at_once: int, bytes_each: int) -> int:
    """Pairs in one compiled tile: what fits a CPU's cache, or fills an accelerator.

    Args:
      at_once: student evaluations of one pair that are made together.
      bytes_each: of one evaluation's activations after the stem.
    """
    evaluations, limit = (1408, 2**25) if jax.default_backend() == "cpu" else (11264, 2**30)
    fits = min(evaluations, limit // bytes_each) // at_once
    return 2 ** max(fits.bit_length() - 1, 0)


def suited(network: Network, form: str) -> Network:
    """The same network in the form that suits this backend."""
    return network.clone(form=form if jax.default_backend() == "cpu" else "plain")


def steps_per_dispatch(recipe: Recipe) -> int:
    """Training steps in one program: as configured, or what suits the backend."""
    return recipe.steps_per_dispatch or (1 if jax.default_backend() == "cpu" else 8)


def split_batches(batches: training_set.Batches) -> training_set.Batches:
    """Cuts each batch into one part per device: ``[S, B]`` to ``[S, D, B/D]``."""
    return jax.tree.map(lambda column: column.reshape(len(column), count(), -1), batches)


class Search:
    """The k lowest C2 among pairs of real images under one student, over every device of every process.

    Mixes activations after the student's affine stem where the table of them fits, and
    images where it does not: the same scores up to rounding, more work.

    Each device keeps its own k lowest; they are merged once, at the end. Every dispatch has the
    same length, and so runs the same program: a pair's score depends on the tile, and on neither
    the chunk nor the number of devices or processes. All processes must add the same pairs; each
    scores its own share of them.

    Args of the constructor:
      network: the student, in float32.
      variables: its variables.
      images: ``uint8[N, H, W, C]``.
      minimiser: the way to minimise over lambda.
      k: how many pairs to find.
      pairs: pairs in one dispatch; rounded up to whole tiles, at least two a device.
      tile: pairs in one compiled tile; 0 chooses by backend and network.
      table_bytes: the largest table of activations to hold on each device.

    Attributes:
      length: pairs in one dispatch, of all processes together.
    """

    def __init__(
        self,
        network: Network,
        variables: Any,
        images: np.ndarray,
        minimiser: confidence.Minimiser,
        k: int,
        pairs: int,
        tile: int,
        table_bytes: int,
    ) -> None:
        bytes_each = stem_bytes(network, variables, images.shape[1:])
        fits = bytes_each * len(images) <= table_bytes
        table = _table(network, variables, images, fits, minimiser.knows_ends)
        tile = tile or tile_size(minimiser.at_once, bytes_each)
        unit = tile * count() * jax.process_count()
        self.length = max(-(-pairs // unit), 2) * unit
        self._k, self._bad = k, False
        ready = _prepare_program(network, images.shape[1:])(variables)
        self._args = replicate((ready, table))
        self._score = _search_program(network, minimiser, tile, fits)
        self._shape = (count(), self.length // jax.process_count() // count())
        side = jax.ShapeDtypeStruct(self._shape, jnp.int32)
        self._lowest = _empty_buffers(k, self._score.shapes(*self._args, side, side)[1])

    def add(self, i: np.ndarray, j: np.ndarray) -> Callable[[], int]:
        """Starts scoring pairs ``int32[P]``, at most ``length`` of them, none of which came before.

        Returns:
          A function that waits until this process has scored its share, and returns P. It raises
          FloatingPointError if a score is not finite, unless there are other processes: then
          :meth:`lowest` does so in all of them.
        """
        total = len(i)
        if self._bad:  # nothing that follows can mend it
            return lambda: total
        first, second, counts = (_split(rows) for rows in self._padded(i, j))
        score, extra = self._score(*self._args, first, second)
        scored = selection.Scored(score, first, second, extra)
        self._lowest, bad = _keep_program(self._k)(self._lowest, scored, counts)

        def wait() -> int:
            self._bad |= bool(np.any(bad))
            if jax.process_count() == 1:
                self._check()
            return total

        return wait

    def lowest(self) -> selection.Scored:
        """The k pairs of lowest (score, rank) in that order, or all of them if fewer were added.

        Waits for all processes; the same in each, on the host.

        Raises:
          FloatingPointError: a score is not finite: the student diverged.
        """
        found = selection.merge(jax.device_get(_first_program(self._k)(self._lowest)), self._k)
        self._bad |= bool(np.any(self._lowest.bad))
        if jax.process_count() > 1:
            parts, bad = multihost_utils.process_allgather((found, np.bool_(self._bad)))
            found, self._bad = selection.merge(parts, self._k), bool(np.any(bad))
        self._check()
        return selection.pairs_of(found)

    def _padded(self, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, ...]:
        """This process's share, and how many pairs of it each device has: ``int32[D, P]`` twice, ``int32[D]``."""
        total, own, of = len(i), jax.process_index(), jax.process_count()
        share = slice(total * own // of, total * (own + 1) // of)
        devices, length = self._shape
        room = devices * length - (share.stop - share.start)
        i, j = (np.pad(side[share], (0, room)).reshape(self._shape) for side in (i, j))
        return i, j, np.clip(devices * length - room - length * np.arange(devices), 0, length).astype(np.int32)

    def _check(self) -> None:
        if self._bad:
            raise FloatingPointError(
                "a C2 score is not finite: the student diverged; lower config.train.learning_rate, in a new --workdir"
            )


def stem_bytes(network: Network, variables: Any, shape: tuple[int, ...]) -> int:
    """Bytes of one image's activations after the stem."""
    image = jax.ShapeDtypeStruct((1, *shape), jnp.uint8)
    one = jax.eval_shape(partial(student.stem, network), variables, image)
    return one.size * one.dtype.itemsize


def _split(rows: np.ndarray) -> jax.Array:
    """One row for each local device, placed so that ``pmap`` moves nothing: ``[D, ...]``."""
    mesh = Mesh(np.array(jax.local_devices()), (AXIS,))
    return jax.device_put(rows, NamedSharding(mesh, PartitionSpec(AXIS)))


def _each(run: Callable[..., Any], in_axes: Any = 0, **options: Any) -> Mapped:
    """A function for every device of this process alone: processes need not keep step."""
    return Mapped(run, steady=True, in_axes=in_axes, devices=jax.local_devices(), **options)


@lru_cache(maxsize=32)  # vanilla_al has one for each lambda
def _search_program(network: Network, minimiser: confidence.Minimiser, tile: int, activations: bool) -> Mapped:
    trunk_of = student.trunk_of_one if activations else student.network_of_one
    own = suited(network, "scoring")

    def run(variables: Any, table: Any, i: Any, j: Any) -> Any:
        # Ranking is discontinuous: accelerators must not round inputs of matrix products.
        with jax.default_matmul_precision("highest"):
            return confidence.score_pairs(minimiser.on(trunk_of(own, variables)), table, i, j, tile)

    return _each(run, (None, None, 0, 0))


# Apart from the scoring, so that another k costs no compilation of the network.
def _empty_buffers(k: int, extra: Any) -> selection.Lowest:
    """Buffers for the k lowest, on every local device, of pairs with extras like ``[D, P, ...]``."""
    batch = jax.tree.leaves(extra)[0].shape[1]
    one = jax.tree.map(lambda column: jax.ShapeDtypeStruct(column.shape[2:], column.dtype), extra)
    return _each(lambda _: selection.empty(k, batch, one))(np.arange(count()))


@lru_cache(maxsize=8)
def _keep_program(k: int) -> Mapped:
    def run(lowest: selection.Lowest, scored: selection.Scored, count: Any) -> Any:
        lowest = selection.add(lowest, scored, count, k)
        return lowest, lowest.bad  # which is there to be read when the buffers are in use again

    return _each(run, donate_argnums=0)


@lru_cache(maxsize=8)
def _first_program(k: int) -> Mapped:
    return _each(lambda lowest: selection.first(lowest, k))


def _table(network: Network, variables: Any, images: np.ndarray, activations: bool, ends: bool) -> confidence.Seen:
    with jax.default_matmul_precision("highest"):
        return in_batches(_table_program(network, activations, ends), variables, images)


@lru_cache(maxsize=8)
def _table_program(network: Network, activations: bool, ends: bool) -> Callable[..., Any]:
    return jit(partial(student.seen, suited(network, "scoring"), activations=activations, ends=ends))


@lru_cache(maxsize=8)
def _prepare_program(network: Network, shape: tuple[int, ...]) -> Callable[..., Any]:
    own = suited(network, "scoring")
    return jit(lambda variables: student.prepared(own, variables, shape))


def train_program(network: Network, recipe: Recipe) -> Callable[..., Any]:
    """Training steps over every local device.

    Returns:
      A function of the state, the training set (both from :func:`replicate`), batches ``[S, D, B/D]``,
      what each of S steps is told and a key, that does S steps and returns the state and the sums of
      losses and of weights, ``float32[S]`` each. The state passed in is used up.
    """
    return _train_program(network, of_a_step(recipe))


@lru_cache(maxsize=8)
def _train_program(network: Network, recipe: Recipe) -> Callable[..., Any]:
    step = student.train_step(suited(network, "training"), direction(recipe), recipe, AXIS)

    def run(state: Any, data: Any, batches: Any, steps: Steps, key: Any) -> Any:
        # Unrolled: XLA on CPU runs convolutions inside loops several times slower.
        sums = []
        for number in range(len(steps.rate)):
            batch, told = jax.tree.map(lambda column: column[number], (batches, steps))  # noqa: B023, used at once
            state, sum_ = step(state, data, batch, told, key)
            sums.append(sum_)
        losses, weights = zip(*sums, strict=True)
        return state, (jnp.stack(losses), jnp.stack(weights))

    axes = (None, None, 1, None, None)
    return Mapped(run, steady=False, in_axes=axes, out_axes=None, donate_argnums=0)


@lru_cache(maxsize=8)
def _predict_program(network: Network) -> Callable[..., Any]:
    def run(variables: Any, images: Any) -> Any:
        with jax.default_matmul_precision("highest"):  # answers and figures alike on every backend
            return student.predict(suited(network, "scoring"), variables, images)

    return jit(run)


def exportable(network: Network, variables: Any) -> Any:
    """The prediction with its variables inside, for ``jax.export``: ``uint8[B, H, W, C]`` to ``float32[B, Y]``."""

    def run(images: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return student.predict(network, variables, images)

    return portable(run)


def predict(network: Network, variables: Any, images: np.ndarray) -> np.ndarray:
    """Class probabilities of any number of images: ``uint8[M, H, W, C]`` to ``float32[M, Y]``."""
    return in_batches(_predict_program(network), variables, images)


def in_batches(run: Callable[..., Any], variables: Any, rows: Any, batch: int = 256) -> Any:
    """``run(variables, rows)`` a batch at a time, the last one padded, on the host in the end.

    Args:
      run: may return a tree of arrays.
      variables: its first argument.
      rows: a tree of arrays, each ``[M, ...]``.
      batch: rows at a time.
    """
    total = len(jax.tree.leaves(rows)[0])

    def part(start: int) -> Any:
        of = jax.tree.map(lambda column: column[start : start + batch], rows)
        room = batch - len(jax.tree.leaves(of)[0])
        return jax.tree.map(lambda column: np.pad(column, [(0, room), *[(0, 0)] * (column.ndim - 1)]), of)

    parts = [run(variables, part(start)) for start in range(0, total, batch)]
    join = lambda *columns: np.concatenate([np.asarray(one) for one in columns])[:total]  # noqa: E731
    return jax.tree.map(join, *parts)


@lru_cache(maxsize=1)
def _mix_program() -> Callable[..., Any]:
    return jit(mixing.mix_images)


def mixes(
    images: np.ndarray, records: training_set.Records, as_released: bool = False, block: int = 1024
) -> Iterator[np.ndarray]:
    """The canonical bytes of records, on the host, in blocks of at most ``uint8[block, H, W, C]``."""
    on_device = jnp.asarray(images)
    for start in range(0, max(len(records), 1), block):
        part = [column[start : start + block] for column in records]
        padded = (np.pad(column, (0, block - len(part[0]))) for column in part)
        yield np.asarray(_mix_program()(on_device, *padded, as_released))[: len(part[0])]


@lru_cache(maxsize=8)
def _views_program(views: Views) -> Callable[..., Any]:
    def run(key: Any, images: Any, number: Any) -> Any:
        each = jax.vmap(lambda n: jax.random.fold_in(key, n))(number)
        return jax.vmap(lambda image, k: augment.augment(image, k, views))(images, each)

    return jit(run)


def views(images: np.ndarray, how: Views, key: jax.Array, first: int) -> np.ndarray:
    """A random view of every image, ``uint8[M, H, W, C]``; the first has the number ``first`` in the key's stream."""
    run, number = _views_program(how), np.arange(first, first + len(images), dtype=np.int32)
    return in_batches(lambda k, batch: run(k, *batch), key, (images, number))


@lru_cache(maxsize=8)
def _init_program(network: Network, shape: tuple[int, ...]) -> Callable[..., Any]:
    return jit(lambda key: student.init(network, shape, key))


def init(network: Network, shape: tuple[int, ...], key: jax.Array) -> Any:
    """Fresh variables, compiled in one piece."""
    return _init_program(network, shape)(key)
