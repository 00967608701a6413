"""The k lowest C2 among pairs, over all devices of all processes."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from amkd.core import devices, processes
from amkd.core.compilation import mapped
from amkd.core.errors import diverged
from amkd.models import Network, inference
from amkd.models.inference import MixInput, Trunk
from amkd.models.layers import Variables, suited
from amkd.search import confidence, enumeration, pairs, top_k
from amkd.search.confidence import Minimiser
from amkd.search.placed import Placed

LONGEST = 2**20  # pairs in one dispatch of an accelerator, at most
_LARGEST_HELD = 8  # the largest arrays of an evaluation for which there is memory
_PAIR_BYTES = 64  # memory of one pair while it is scored and kept

# The programs. Keeping and scoring are separate, so that for another k the network is not compiled
# again.


@mapped(
    split={"i": 0, "j": 0},
    static=("network", "minimiser", "tile", "activations", "precision"),
    kept=32,  # vanilla_al has one for each lambda
    precision="highest",  # ranking is discontinuous: accelerators must not round the inputs
)
def _score(
    network: Network,
    minimiser: Minimiser,
    tile: int,
    activations: bool,
    precision: str | None,
    variables: Variables,
    table: MixInput,
    i: jax.Array,
    j: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    with _rounding(precision):
        minimise = minimiser.on(_trunk(network, activations, variables))
        return confidence.score_pairs(minimise, table, i, j, tile)


@mapped(
    split={"i": 0, "j": 0, "count": 0},
    static=("network", "minimiser", "tile", "activations", "precision"),
    kept=32,
    precision="highest",
)
def _score_first(
    network: Network,
    minimiser: Minimiser,
    tile: int,
    activations: bool,
    precision: str | None,
    variables: Variables,
    table: MixInput,
    i: jax.Array,
    j: jax.Array,
    count: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    with _rounding(precision):
        minimise = minimiser.on(_trunk(network, activations, variables))
        return confidence.score_first_pairs(minimise, table, i, j, tile=tile, count=count)


def _rounding(precision: str | None) -> AbstractContextManager[Any]:
    """Returns the context that sets how products round inputs, if this is not "highest"."""
    return jax.default_matmul_precision(precision) if precision else nullcontext()


def _trunk(network: Network, activations: bool, variables: Variables) -> Trunk:
    trunk_of = inference.trunk_of_one if activations else inference.network_of_one
    return trunk_of(suited(network, "scoring"), variables)


@mapped(split={"span": 0}, static=("n", "length"))
def _enumerate(n: int, length: int, span: enumeration.Span) -> tuple[jax.Array, jax.Array]:
    return enumeration.pairs_of(span, n, length)


@mapped(split={"device": 0}, static=("k", "batch"))
def _empty(k: int, batch: int, device: jax.Array) -> top_k.Buffer:
    del device
    return top_k.empty(k, batch)


@mapped(split={"buffer": 0, "scored": 0, "count": 0}, static=("k",), donate="buffer")
def _keep(
    k: int, buffer: top_k.Buffer, scored: top_k.Scored, count: jax.Array
) -> tuple[top_k.Buffer, jax.Array]:
    buffer = top_k.add(buffer, scored, count, k)
    return buffer, buffer.bad  # a copy to read, since the next batch reuses the buffer's memory


@mapped(split={"buffer": 0}, static=("k",))
def _k_lowest(k: int, buffer: top_k.Buffer) -> top_k.Scored:
    return top_k.k_lowest(buffer, k)


def tile_size(at_once: int, bytes_each: int, largest: int = 0) -> int:
    """Returns how many pairs one compiled tile has, so that it fits into a CPU's cache or fully
    uses an accelerator.

    Args:
      at_once: student evaluations of one pair that are computed together.
      bytes_each: the bytes of one evaluation's activations after the stem.
      largest: the bytes of the largest array of one evaluation.
    """
    evaluations, limit = 1408, 2**25
    if devices.accelerated():
        # A program holds few of its largest arrays at a time.
        most = devices.memory() // (_LARGEST_HELD * max(largest, 1))
        evaluations, limit = min(11264, most), devices.memory() // 16
    fits = min(evaluations, limit // bytes_each) // at_once
    return 2 ** max(fits.bit_length() - 1, 0)


def longest_dispatch() -> int:
    """Returns how many pairs one dispatch may have on all accelerators of all processes: their
    scores take at most a thousandth of the memory.
    """
    each = min(LONGEST, devices.memory() // 2**10 // _PAIR_BYTES)
    return each * devices.count() * jax.process_count()


class DeviceSearch:
    """A search for the k lowest C2 among pairs of real images under one student.

    Each device keeps its own k lowest; they are merged once, at the end. A pair's score depends on
    the tile, but not on the chunk or the number of devices or processes. All processes must add the
    same pairs; each scores its own share of them.

    Args of the constructor:
      placed: the student and the images.
      minimiser: how to minimise over lambda.
      k: how many pairs to find.
      pairs: the largest number of pairs in one dispatch; it is rounded up to whole tiles, at least
        two for each device.
      tile: pairs in one compiled tile; 0 chooses a size for the backend and the network.

    Attributes:
      length: the largest number of pairs in one dispatch, of all processes together.
      unit: pairs in one tile on each device of all processes, added up.
    """

    def __init__(
        self, *, placed: Placed, minimiser: Minimiser, k: int, pairs: int, tile: int
    ) -> None:
        tile = tile or tile_size(minimiser.at_once, placed.stem_bytes, placed.largest_bytes)
        self.unit = tile * devices.count() * jax.process_count()
        self.length = max(-(-pairs // self.unit), 2) * self.unit
        self._k, self._bad, self._tile = k, False, tile
        table = placed.table
        if not minimiser.uses_logits:
            table = table._replace(rows=MixInput(table.rows.h))
        self._program = placed.network, minimiser, tile, table.activations, placed.precision
        self._arrays = placed.variables, table.rows
        each = self.length // jax.process_count() // devices.count()
        self._shape = (devices.count(), each)
        self._buffer = _empty(k, each, devices.split(np.arange(devices.count())))
        self._removed: tuple[np.ndarray, int] | None = None
        self._included: top_k.Scored | None = None

    def include(self, found: top_k.Scored) -> None:
        """Includes pairs that were scored before, at most k, on the host. Of several processes,
        only one may include them.
        """
        self._included = found

    def add(self, i: np.ndarray, j: np.ndarray) -> Callable[[], int]:
        """Starts scoring pairs ``int32[P]`` that were not added before, at most ``length`` of them.

        Returns:
          A function that waits until this process has scored its share, and returns P. It raises
          FloatingPointError if a score is not finite. If there are several processes,
          :meth:`lowest` raises it in all of them instead.
        """
        total = len(i)
        if self._bad:  # no later pair can repair this
            return lambda: total
        own = self._own(total)
        counts = self._counts(len(own))
        each = self._shape[1]
        ends = np.cumsum(counts)
        rows = [
            np.stack(
                [
                    np.pad(side[own.start + end - size : own.start + end], (0, each - size))
                    for end, size in zip(ends, counts, strict=True)
                ]
            )
            for side in (i, j)
        ]
        first, second, placed = devices.split((*rows, counts))
        return self._add(first, second, placed, total)

    def add_remaining(self, left: pairs.RemainingPairs, start: int, stop: int) -> Callable[[], int]:
        """Does the same as :meth:`add` with places ``start .. stop-1`` of the remaining pairs; the
        devices enumerate these pairs.
        """
        total = stop - start
        if self._bad:
            return lambda: total
        own = self._own(total)
        counts = self._counts(len(own))
        room = self._room(left)
        ends = start + own.start + np.cumsum(counts)
        none = pairs.RankRange(0, 0, left.chosen[:0])
        spans = [
            enumeration.span_of(left.range_of(end - size, end) if size else none, left.n, room)
            for end, size in zip(ends.tolist(), counts.tolist(), strict=True)
        ]
        span, placed = devices.split((jax.tree.map(lambda *one: np.stack(one), *spans), counts))
        first, second = _enumerate(left.n, self._shape[1], span)
        return self._add(first, second, placed, total)

    def _add(self, i: jax.Array, j: jax.Array, counts: jax.Array, total: int) -> Callable[[], int]:
        """Starts scoring pairs ``int32[D, P]``; ``counts``, ``int32[D]``, is for each device."""
        if devices.accelerated():
            score, w = _score_first(*self._program, *self._arrays, i, j, counts)
        else:
            score, w = _score(*self._program, *self._arrays, i, j)
        self._buffer, bad = _keep(self._k, self._buffer, top_k.Scored(score, i, j, w), counts)

        def wait() -> int:
            self._bad |= bool(np.any(jax.device_get(bad)))
            if jax.process_count() == 1:
                self._check()
            return total

        return wait

    def lowest(self) -> top_k.Scored:
        """Returns the k pairs of lowest (score, rank) in that order, or all if fewer were added.

        It waits for all processes. The result is the same in each process, and is on the host.

        Raises:
          FloatingPointError: a score is not finite: the student diverged.
        """
        found = top_k.merge(jax.device_get(_k_lowest(self._k, self._buffer)), self._k)
        if self._included is not None:
            found = top_k.merge(top_k.concatenate([self._included, found]), self._k)
        self._bad |= bool(np.any(jax.device_get(self._buffer.bad)))
        if jax.process_count() > 1:
            processes.barrier()  # shares may take unequal time, and devices wait only a few seconds
            parts, bad = multihost_utils.process_allgather((found, np.bool_(self._bad)))
            found, self._bad = top_k.merge(parts, self._k), bool(np.any(bad))
        self._check()
        return top_k.without_padding(found)

    def _own(self, total: int) -> range:
        """Returns this process's share of ``total`` pairs."""
        own, of = jax.process_index(), jax.process_count()
        return range(total * own // of, total * (own + 1) // of)

    def _counts(self, size: int) -> np.ndarray:
        """Returns how many of ``size`` pairs each device scores, ``int32[D]``.

        On accelerators whole tiles are spread over the devices, so that the largest part is as
        small as possible. On a CPU the first devices are filled first, because the program computes
        all tiles in any case.
        """
        on, each = self._shape
        if devices.accelerated():
            each = -(-size // (on * self._tile)) * self._tile
        return np.clip(size - each * np.arange(on), 0, each).astype(np.int32)

    def _room(self, left: pairs.RemainingPairs) -> int:
        """Returns the array length for the chosen pairs between the pairs of one device.

        It is a power of two, so that a few programs serve all rounds.
        """
        if self._removed is None or self._removed[0] is not left.chosen:
            most = left.most_removed(self._shape[1])
            self._removed = left.chosen, 2 ** (max(most, 1) - 1).bit_length()
        return self._removed[1]

    def _check(self) -> None:
        if self._bad:
            raise diverged("a C2 score is not finite")
