"""Every program that runs on the devices, and what is placed there."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from amkd.core.compilation import Mapped, jit
from amkd.core.devices import _each, _split, count, in_batches, replicate
from amkd.models import Network, inference
from amkd.models.inference import Seen
from amkd.models.layers import suited
from amkd.search import confidence, top_k


def tile_size(at_once: int, bytes_each: int) -> int:
    """Pairs in one compiled tile: what fits a CPU's cache, or fills an accelerator.

    Args:
      at_once: student evaluations of one pair that are made together.
      bytes_each: of one evaluation's activations after the stem.
    """
    evaluations, limit = (1408, 2**25) if jax.default_backend() == "cpu" else (11264, 2**30)
    fits = min(evaluations, limit // bytes_each) // at_once
    return 2 ** max(fits.bit_length() - 1, 0)


class DeviceSearch:
    """The k lowest C2 among pairs of real images under one student, over every device of every
    process.

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
        scored = top_k.Scored(score, first, second, extra)
        self._lowest, bad = _keep_program(self._k)(self._lowest, scored, counts)

        def wait() -> int:
            self._bad |= bool(np.any(bad))
            if jax.process_count() == 1:
                self._check()
            return total

        return wait

    def lowest(self) -> top_k.Scored:
        """The k pairs of lowest (score, rank) in that order, or all of them if fewer were added.

        Waits for all processes; the same in each, on the host.

        Raises:
          FloatingPointError: a score is not finite: the student diverged.
        """
        found = top_k.merge(jax.device_get(_first_program(self._k)(self._lowest)), self._k)
        self._bad |= bool(np.any(self._lowest.bad))
        if jax.process_count() > 1:
            parts, bad = multihost_utils.process_allgather((found, np.bool_(self._bad)))
            found, self._bad = top_k.merge(parts, self._k), bool(np.any(bad))
        self._check()
        return top_k.pairs_of(found)

    def _padded(self, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, ...]:
        """This process's share, and how many pairs of it each device has: ``int32[D, P]`` twice,
        ``int32[D]``.
        """
        total, own, of = len(i), jax.process_index(), jax.process_count()
        share = slice(total * own // of, total * (own + 1) // of)
        devices, length = self._shape
        room = devices * length - (share.stop - share.start)
        i, j = (np.pad(side[share], (0, room)).reshape(self._shape) for side in (i, j))
        return (
            i,
            j,
            np.clip(devices * length - room - length * np.arange(devices), 0, length).astype(
                np.int32
            ),
        )

    def _check(self) -> None:
        if self._bad:
            raise FloatingPointError(
                "a C2 score is not finite: the student diverged; lower config.train.learning_rate,"
                " in a new --workdir"
            )


def stem_bytes(network: Network, variables: Any, shape: tuple[int, ...]) -> int:
    """Bytes of one image's activations after the stem."""
    image = jax.ShapeDtypeStruct((1, *shape), jnp.uint8)
    one = jax.eval_shape(partial(inference.stem, network), variables, image)
    return one.size * one.dtype.itemsize


@lru_cache(maxsize=32)  # vanilla_al has one for each lambda
def _search_program(
    network: Network, minimiser: confidence.Minimiser, tile: int, activations: bool
) -> Mapped:
    trunk_of = inference.trunk_of_one if activations else inference.network_of_one
    own = suited(network, "scoring")

    def run(variables: Any, table: Any, i: Any, j: Any) -> Any:
        # Ranking is discontinuous: accelerators must not round inputs of matrix products.
        with jax.default_matmul_precision("highest"):
            return confidence.score_pairs(minimiser.on(trunk_of(own, variables)), table, i, j, tile)

    return _each(run, (None, None, 0, 0))


# Apart from the scoring, so that another k costs no compilation of the network.
def _empty_buffers(k: int, extra: Any) -> top_k.Lowest:
    """Buffers for the k lowest, on every local device, of pairs with extras like ``[D, P,
    ...]``.
    """
    batch = jax.tree.leaves(extra)[0].shape[1]
    one = jax.tree.map(lambda column: jax.ShapeDtypeStruct(column.shape[2:], column.dtype), extra)
    return _each(lambda _: top_k.empty(k, batch, one))(np.arange(count()))


@lru_cache(maxsize=8)
def _keep_program(k: int) -> Mapped:
    def run(lowest: top_k.Lowest, scored: top_k.Scored, count: Any) -> Any:
        lowest = top_k.add(lowest, scored, count, k)
        return lowest, lowest.bad  # which is there to be read when the buffers are in use again

    return _each(run, donate_argnums=0)


@lru_cache(maxsize=8)
def _first_program(k: int) -> Mapped:
    return _each(lambda lowest: top_k.first(lowest, k))


def _table(
    network: Network, variables: Any, images: np.ndarray, activations: bool, ends: bool
) -> Seen:
    with jax.default_matmul_precision("highest"):
        return in_batches(_table_program(network, activations, ends), variables, images)


@lru_cache(maxsize=8)
def _table_program(network: Network, activations: bool, ends: bool) -> Callable[..., Any]:
    return jit(
        partial(inference.seen, suited(network, "scoring"), activations=activations, ends=ends)
    )


@lru_cache(maxsize=8)
def _prepare_program(network: Network, shape: tuple[int, ...]) -> Callable[..., Any]:
    own = suited(network, "scoring")
    return jit(lambda variables: inference.prepared(own, variables, shape))
