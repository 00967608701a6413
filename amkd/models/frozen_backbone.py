"""A network with a frozen backbone, which runs only once for each image and each of its views."""

import functools
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import jax
import numpy as np

from amkd.core import checkpoint, devices, keys
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.data.augment import Views, views_by_number
from amkd.models import prediction
from amkd.models.feature_store import FeatureStore
from amkd.models.head import head_of, variables_of_head
from amkd.models.layers import Network, Variables

_SAVED_AT_ONCE = 256  # images after which features are written and a stop is checked
_MADE = "by place"  # how features are computed; a cache made by another method is not read


def _no_progress(images: int) -> None:
    del images


class FrozenBackbone:
    """Features of images, ``float16[d]`` each: computed once and kept on disk.

    View 0 of an image is the image itself. The other views are augmented, with random numbers that
    are determined by the seed, the number of the view and the bytes of the image. The bits of a
    feature do not depend on the other images of its batch. So rounds and runs share features; runs
    with other seeds share the features of view 0.
    """

    def __init__(
        self,
        network: Network,
        variables: Variables,
        folder: Path,
        *,
        views: Views,
        view_count: int,
        seed: int,
        check_stop: Callable[[], None] = lambda: None,
    ) -> None:
        """Opens the store of the features.

        Args:
          network: the whole network, in float32.
          variables: its variables; the head may have any values.
          folder: where features are kept.
          views: how strongly views are augmented.
          view_count: V, including the image itself.
          seed: the seed of the views.
          check_stop: is called after every few images; may raise to stop.
        """
        self.network, self.variables = network, variables
        self._views, self._count, self._seed = views, view_count, seed
        self._check_stop = check_stop
        self._width = network.feature_count(variables)
        self._store = FeatureStore(folder / f"{self._identity()}.sqlite", self._width)

    def features(self, blocks: Iterable[np.ndarray]) -> np.ndarray:
        """Returns the features of images as they are, ``float16[M, d]``.

        Args:
          blocks: the images, ``uint8[..., H, W, C]`` each, M in all.
        """
        found = [self._view(images, 0) for images in blocks]
        return np.concatenate([np.empty((0, self._width), np.float16), *found])

    def views(
        self, blocks: Iterable[np.ndarray], progress: Callable[[int], None] = _no_progress
    ) -> np.ndarray:
        """Returns the features of all views of images, ``float16[M, V, d]``.

        Args:
          blocks: the images, ``uint8[..., H, W, C]`` each, M in all.
          progress: is called with the number of views that were computed since the last call.
        """
        found = [np.empty((0, self._count, self._width), np.float16)]
        for images in blocks:
            each = []
            for view in range(self._count):
                each.append(self._view(images, view))
                progress(len(images))
            found.append(np.stack(each, 1))
        return np.concatenate(found)

    def predict_with_features(
        self, variables: Variables, blocks: Iterable[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns class probabilities and features: ``float32[M, Y]`` and ``float32[M, d]``.

        Args:
          variables: the variables of the whole network, with this backbone and any head.
          blocks: the images, ``uint8[..., H, W, C]`` each, M in all.
        """
        head = variables_of_head(self.network, variables)
        return prediction.predict_with_features(head_of(self.network), head, self.features(blocks))

    @functools.cached_property
    def _kept(self) -> Variables:
        """The variables, where all computations use them."""
        return devices.place(self.variables)

    def _identity(self) -> str:
        params = {k: v for k, v in self.variables["params"].items() if k != self.network.last}
        what = repr(self.network.clone(classes=1)), jax.default_backend(), _MADE
        named = checkpoint.sha256({**self.variables, "params": params})
        return hashlib.sha256(repr((what, named)).encode()).hexdigest()[:16]

    def _view(self, images: np.ndarray, view: int) -> np.ndarray:
        """Returns the features of one view of some images, ``float16[M, d]``."""
        addresses = [self._address(image_digest(image), view) for image in images]
        known = self._store.read(list(dict.fromkeys(addresses)))
        fresh = {address: place for place, address in enumerate(addresses) if address not in known}
        missing = list(fresh.items())
        for start in range(0, len(missing), _SAVED_AT_ONCE):
            names, places = zip(*missing[start : start + _SAVED_AT_ONCE], strict=True)
            rows = self._compute(images[list(places)], view)
            self._store.write(names, rows)
            known.update(zip(names, rows, strict=True))
            self._check_stop()
        found = np.empty((len(images), self._width), np.float16)
        for place, address in enumerate(addresses):
            found[place] = known[address]
        return found

    def _address(self, digest: bytes, view: int) -> bytes:
        if not view:
            return digest
        return hashlib.sha256(repr((digest, view, self._seed, self._views)).encode()).digest()

    def _compute(self, images: np.ndarray, view: int) -> np.ndarray:
        digests = (image_digest(image) for image in images)
        numbers = np.array([int.from_bytes(one[:4], "big") >> 1 for one in digests], np.int32)
        if view:
            stream = keys.key(self._seed, view, keys.Purpose.FEATURE_VIEWS)
            images = views_by_number(images, numbers, self._views, key=stream)
        rows = prediction.features(self.network, self._kept, images, numbers)
        with np.errstate(over="ignore"):  # refused below
            rows = rows.astype(np.float16)
        if not np.isfinite(rows).all():
            raise UserError(
                "config.train.views: the features of this student are too large for 16-bit floats;"
                " set it to 0"
            )
        return rows
