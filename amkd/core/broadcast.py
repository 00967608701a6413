"""Messages with arrays, from process 0 to all others.

The kind of a message and the shapes of its arrays are sent before the arrays. So a process that
waits for the next message learns if process 0 has ended, and no process waits for arrays that never
come. Arrays are sent as their bytes, since JAX has no 64-bit numbers by default.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from amkd.core import mesh, processes
from amkd.core.compilation import AXIS, mapped

_WORDS = (2**10, 2**15, 2**20)  # of 4 bytes, sent at once: three programs in total
_NOTHING: Mapping[str, np.ndarray] = {}


class Message(NamedTuple):
    """A message from process 0.

    Attributes:
      kind: what to do.
      facts: facts that JSON can hold.
      arrays: arrays by name.
    """

    kind: str
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]


@mapped(split={"own": 0}, out_axes=None, all_processes=True)
def _sum(own: jax.Array) -> jax.Array:
    return jax.lax.psum(own, AXIS)


def send(kind: str, facts: dict[str, Any], arrays: Mapping[str, np.ndarray] = _NOTHING) -> None:
    """Sends a message to all followers; does nothing if there are none."""
    if processes.count() == 1:
        return
    held = {name: np.asarray(array) for name, array in arrays.items()}
    forms = {name: (array.dtype.name, array.shape) for name, array in held.items()}
    processes.send({"kind": kind, "facts": facts, "arrays": forms})
    if held:
        _send(np.concatenate([_bytes_of(array) for array in held.values()]))


def receive() -> Message:
    """Waits for the next message from process 0.

    Raises:
      JobEnded: process 0 has ended, or was lost.
    """
    message = processes.receive()
    forms = {
        name: (np.dtype(kind), tuple(shape)) for name, (kind, shape) in message["arrays"].items()
    }
    sizes = [kind.itemsize * math.prod(shape) for kind, shape in forms.values()]
    data = _send(np.zeros(sum(sizes), np.uint8)) if forms else np.zeros(0, np.uint8)
    parts = np.split(data, np.cumsum(sizes)[:-1]) if forms else []
    arrays = {
        name: part.copy().view(kind).reshape(shape)
        for part, (name, (kind, shape)) in zip(parts, forms.items(), strict=True)
    }
    return Message(message["kind"], message["facts"], arrays)


def _bytes_of(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _send(data: np.ndarray) -> np.ndarray:
    """Sends the bytes of process 0, ``uint8[n]``, to all processes, and returns them in each.

    The other processes pass zeros of the same length.
    """
    found, done = np.empty_like(data), 0
    with mesh.together():
        processes.barrier()
        while done < len(data):
            words = next((size for size in _WORDS if 4 * size >= len(data) - done), _WORDS[-1])
            part = data[done : done + 4 * words]
            rows = np.zeros((mesh.current().size, words), np.uint32)
            if processes.leads():  # in the row of a device of its own
                rows[mesh.first_own_row()].view(np.uint8)[: len(part)] = part
            found[done : done + len(part)] = np.asarray(_sum(rows)).view(np.uint8)[: len(part)]
            done += len(part)
    return found
