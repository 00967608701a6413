"""What goes between host and devices: dispatched programs and copied arrays, counted."""

import collections
import contextlib
from collections.abc import Iterator

import jax
import pytest

from amkd.core import compilation


class Traffic:
    """What a piece of work sent.

    Attributes:
      dispatches: how often each program was run, by its function's name.
      uploads: arrays placed on devices.
      uploaded: bytes of these that came from the host.
      downloads: arrays fetched.
    """

    def __init__(self) -> None:
        self.dispatches: collections.Counter[str] = collections.Counter()
        self.uploads = self.uploaded = self.downloads = 0


@contextlib.contextmanager
def counted(guarded: bool = True) -> Iterator[Traffic]:
    """Yields counts of what is sent until the end of the block.

    Args:
      guarded: whether each upload to a device must be asked for, by ``device_put``.
    """
    found = Traffic()
    put, get, call = jax.device_put, jax.device_get, compilation.Program.__call__

    def uploading(tree, *args, **kwargs):
        for leaf in jax.tree.leaves(tree):
            found.uploads += 1
            if not isinstance(leaf, jax.Array):
                found.uploaded += leaf.nbytes
        return put(tree, *args, **kwargs)

    def downloading(tree):
        found.downloads += len(jax.tree.leaves(tree))
        return get(tree)

    def calling(program, *args, **kwargs):
        found.dispatches[program.__name__] += 1
        return call(program, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "device_put", uploading)
        patch.setattr(jax, "device_get", downloading)
        patch.setattr(compilation.Program, "__call__", calling)
        with jax.transfer_guard_host_to_device("disallow" if guarded else "allow"):
            yield found
