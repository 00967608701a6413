"""The k lowest C2 among pairs, over all devices of all processes."""

from collections.abc import Callable

import jax
import numpy as np
from jax.experimental import multihost_utils

from amkd.core import devices, processes
from amkd.core.compilation import compiled, mapped
from amkd.models import Network, inference
from amkd.models.inference import MixInput
from amkd.models.layers import Variables, suited
from amkd.search import confidence, top_k
from amkd.search.activations import make_table, stem_bytes
from amkd.search.confidence import Minimiser

# The programs. Keeping is apart from scoring, so that another k does not compile the network anew.


@mapped(
    split={"i": 0, "j": 0},
    static=("network", "minimiser", "tile", "activations"),
    kept=32,  # vanilla_al has one for each lambda
    precision="highest",  # ranking is discontinuous: accelerators must not round the inputs
)
def _score(
    network: Network,
    minimiser: Minimiser,
    tile: int,
    activations: bool,
    variables: Variables,
    table: MixInput,
    i: jax.Array,
    j: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    trunk_of = inference.trunk_of_one if activations else inference.network_of_one
    minimise = minimiser.on(trunk_of(suited(network, "scoring"), variables))
    return confidence.score_pairs(minimise, table, i, j, tile)


@mapped(split={"device": 0}, static=("k", "batch"))
def _empty(k: int, batch: int, device: jax.Array) -> top_k.Buffer:
    del device
    return top_k.empty(k, batch)


@mapped(split={"buffer": 0, "scored": 0, "count": 0}, static=("k",), donate="buffer")
def _keep(
    k: int, buffer: top_k.Buffer, scored: top_k.Scored, count: jax.Array
) -> tuple[top_k.Buffer, jax.Array]:
    buffer = top_k.add(buffer, scored, count, k)
    return buffer, buffer.bad  # apart, to be read while the next batch uses up the buffer


@mapped(split={"buffer": 0}, static=("k",))
def _k_lowest(k: int, buffer: top_k.Buffer) -> top_k.Scored:
    return top_k.k_lowest(buffer, k)


@compiled(static=("network", "shape"))
def _prepare(network: Network, shape: tuple[int, ...], variables: Variables) -> Variables:
    return inference.prepared(suited(network, "scoring"), variables, shape)


def tile_size(at_once: int, bytes_each: int) -> int:
    """Returns how many pairs one compiled tile has: what fits a CPU's cache, or fills an
    accelerator.

    Args:
      at_once: student evaluations of one pair that are computed together.
      bytes_each: of one evaluation's activations after the stem.
    """
    evaluations, limit = (1408, 2**25) if jax.default_backend() == "cpu" else (11264, 2**30)
    fits = min(evaluations, limit // bytes_each) // at_once
    return 2 ** max(fits.bit_length() - 1, 0)


class DeviceSearch:
    """A search for the k lowest C2 among pairs of real images under one student.

    Each device keeps its own k lowest; they are merged once, at the end. Every dispatch has the
    same length, and so runs the same program: a pair's score depends on the tile, and on neither
    the chunk nor the number of devices or processes. All processes must add the same pairs; each
    scores its own share of them.

    Args of the constructor:
      network: the student, in float32.
      variables: its variables.
      images: ``uint8[N, H, W, C]``.
      minimiser: how to minimise over lambda.
      k: how many pairs to find.
      pairs: pairs in one dispatch; rounded up to whole tiles, at least two a device.
      tile: pairs in one compiled tile; 0 chooses by backend and network.
      table_bytes: the largest table of activations to hold on each device; where it is larger,
        images are mixed.

    Attributes:
      length: pairs in one dispatch, of all processes together.
    """

    def __init__(
        self,
        *,
        network: Network,
        variables: Variables,
        images: np.ndarray,
        minimiser: Minimiser,
        k: int,
        pairs: int,
        tile: int,
        table_bytes: int,
    ) -> None:
        shape = images.shape[1:]
        table = make_table(
            network, variables, images, with_logits=minimiser.uses_logits, most=table_bytes
        )
        tile = tile or tile_size(minimiser.at_once, stem_bytes(network, variables, shape))
        unit = tile * devices.count() * jax.process_count()
        self.length = max(-(-pairs // unit), 2) * unit
        self._k, self._bad = k, False
        self._program = network, minimiser, tile, table.activations
        self._arrays = devices.replicate((_prepare(network, shape, variables), table.rows))
        each = self.length // jax.process_count() // devices.count()
        self._shape = (devices.count(), each)
        self._buffer = _empty(k, each, np.arange(devices.count()))

    def add(self, i: np.ndarray, j: np.ndarray) -> Callable[[], int]:
        """Starts scoring pairs ``int32[P]`` that were not added before, at most ``length`` of them.

        Returns:
          A function that waits until this process has scored its share, and returns P. It raises
          FloatingPointError if a score is not finite, unless there are other processes: then
          :meth:`lowest` does so in all of them.
        """
        total = len(i)
        if self._bad:  # nothing that follows can mend it
            return lambda: total
        first, second, counts = (devices.split(rows) for rows in self._padded(i, j))
        score, w = _score(*self._program, *self._arrays, first, second)
        scored = top_k.Scored(score, first, second, w)
        self._buffer, bad = _keep(self._k, self._buffer, scored, counts)

        def wait() -> int:
            self._bad |= bool(np.any(bad))
            if jax.process_count() == 1:
                self._check()
            return total

        return wait

    def lowest(self) -> top_k.Scored:
        """Returns the k pairs of lowest (score, rank) in that order; all if fewer were added.

        Waits for all processes; the same in each, on the host.

        Raises:
          FloatingPointError: a score is not finite: the student diverged.
        """
        found = top_k.merge(jax.device_get(_k_lowest(self._k, self._buffer)), self._k)
        self._bad |= bool(np.any(self._buffer.bad))
        if jax.process_count() > 1:
            processes.meet()  # shares may take unequal time, and the devices wait for seconds only
            parts, bad = multihost_utils.process_allgather((found, np.bool_(self._bad)))
            found, self._bad = top_k.merge(parts, self._k), bool(np.any(bad))
        self._check()
        return top_k.without_padding(found)

    def _padded(self, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, ...]:
        """Returns this process's share, ``int32[D, P]`` twice, and how many pairs of it each
        device has, ``int32[D]``.
        """
        total, own, of = len(i), jax.process_index(), jax.process_count()
        share = slice(total * own // of, total * (own + 1) // of)
        size, (on, length) = share.stop - share.start, self._shape
        i, j = (np.pad(side[share], (0, on * length - size)).reshape(on, length) for side in (i, j))
        counts = np.clip(size - length * np.arange(on), 0, length).astype(np.int32)
        return i, j, counts

    def _check(self) -> None:
        if self._bad:
            raise FloatingPointError(
                "a C2 score is not finite: the student diverged; lower config.train.learning_rate,"
                " in a new --workdir"
            )
