"""Selects whole images in a round: other images of the data set, or images made from real ones."""

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np

from amkd.config.search import SearchSettings
from amkd.config.settings import Settings
from amkd.core import keys
from amkd.core.errors import UserError
from amkd.data import made_images
from amkd.data.dataset import DataSet, with_not_drawn
from amkd.data.lazy_images import LazyImages
from amkd.methods.selectors import SelectorByRule
from amkd.reporting.bars import SILENT, Bar
from amkd.search.selection import SelectionInputs


@dataclasses.dataclass(frozen=True)
class ImageSelector(SelectorByRule):
    """Selects whole images of the data set that were not drawn for round 0, by their C1."""

    score: str = "C1"
    unit = "img"
    pool_title = "other images"
    takes_images = True

    def images(
        self, data: DataSet, first: np.ndarray, settings: Settings, *, bar: Bar = SILENT
    ) -> LazyImages:
        """Returns the images of round 0, followed by all other images of the data set."""
        return with_not_drawn(data, first, settings.seed)

    def image_count(self, settings: Settings, first: int, drawable: int) -> int:
        """Returns all images that may be drawn."""
        return drawable

    def pool_size(self, settings: Settings, drawable: int) -> int:
        """Returns the number of other images."""
        return drawable - settings.n_real

    def left(self, inputs: SelectionInputs) -> int:
        """Returns how many of the images that were not queried yet are scored."""
        left = len(inputs.images) - len(inputs.records)
        return min(left, inputs.settings.scored_images or left)

    def held_images(self, images: int, budget: int) -> int:
        """Returns at most how many the student is trained on: on the host plus on a device."""
        return 2 * min(images, budget)

    def problems(self, settings: Settings) -> Iterator[str]:
        """Refuses variants, too: they are used for mixes only."""
        if settings.search.variants:
            yield (
                f"config.search.variants={settings.search.variants}: {settings.method} makes no"
                " mixes, so it cannot use variants; set it to 0"
            )
        yield from super().problems(settings)

    def problems_of_pool(self, settings: Settings, wanted: int) -> Iterator[str]:
        """Refuses to choose more images in a round than are scored."""
        most, scored = max(self.ks(settings)), settings.search.scored_images
        if 0 < scored < most:
            yield (
                f"config.search.scored_images={scored}: a round chooses {most} images, but only"
                " from the images that it scores; raise it, or set it to 0 to score all"
            )

    def problems_of_data(self, settings: Settings, drawable: int) -> Iterator[str]:
        """Refuses a budget that the data set cannot fill."""
        if settings.budget > drawable:
            yield (
                f"config.budget={settings.budget}: {settings.method} queries images of"
                f" {settings.dataset}, from which {drawable} can be drawn; lower the budget to"
                f" {drawable}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeImageSelector(ImageSelector):
    """Selects images, such as crops, that are made from the real images once for the whole run.

    Attributes:
      make: yields images, ``uint8[H, W, C]`` each, given the real images ``uint8[N, H, W, C]``, the
        search settings and random numbers.
      pool_title: a name for these images, for the plan and for messages.
      per_image: how many can be made from each real image, at most; 0 for any number.
    """

    make: Callable[[np.ndarray, SearchSettings, np.random.Generator], Iterator[np.ndarray]]
    pool_title: str
    per_image: int = 0

    takes_images = False

    def images(
        self, data: DataSet, first: np.ndarray, settings: Settings, *, bar: Bar = SILENT
    ) -> LazyImages:
        """Returns the real images, followed by the images made from them; no two are the same.

        Raises:
          UserError: fewer different images can be made than are wanted.
        """
        rng = keys.rng(settings.seed, 0, keys.Purpose.MADE_IMAGES)
        wanted = self.pool_size(settings, 0)
        stream = self.make(first, settings.search, rng)
        with bar(wanted, f"making {self.pool_title}", "img") as advance:
            images = made_images.append_different(first, stream, wanted, progress=advance)
        if (made := len(images) - len(first)) < wanted:
            raise UserError(
                f"config.budget={settings.budget}: {settings.method} needs {wanted} different"
                f" {self.pool_title} of {len(first)} real images, but only {made} could be made;"
                " lower budget or search.candidates, or raise n_real"
            )
        return LazyImages(images, images[:0], np.empty(0, np.int64))

    def image_count(self, settings: Settings, first: int, drawable: int) -> int:
        """Returns the number of real images plus the number of images made from them."""
        return first + self.pool_size(settings, drawable)

    def real_count(self, images: int, settings: Settings) -> int:
        """Returns the number of images of round 0."""
        return settings.n_real

    def pool_size(self, settings: Settings, drawable: int) -> int:
        """Returns how many images are made: ``search.candidates`` times the number wanted."""
        wanted = math.ceil(settings.search.candidates * (settings.budget - settings.n_real))
        return min(wanted, self.per_image * settings.n_real) if self.per_image else wanted

    def held_images(self, images: int, budget: int) -> int:
        """Returns all images, plus those that the student is trained on."""
        return images + 2 * min(images, budget)

    def problems(self, settings: Settings) -> Iterator[str]:
        """Refuses ground-truth labels, too: an image that was made does not have one."""
        if settings.teacher.kind == "labels":
            yield (
                f"config.method={settings.method!r}: the labels teacher (teacher.kind='labels') can"
                f" answer only real images, not {self.pool_title}; choose method=active_labelling"
                " or method=real_only"
            )
        yield from super().problems(settings)

    def problems_of_pool(self, settings: Settings, wanted: int) -> Iterator[str]:
        """Refuses to choose more images than can be made."""
        if wanted > (size := self.pool_size(settings, 0)):
            yield (
                f"config.budget={settings.budget}: {settings.method} queries {wanted}"
                f" {self.pool_title}, but n_real={settings.n_real} images give only {size}; lower"
                f" budget to {settings.n_real + size}, or raise n_real"
            )
        yield from super().problems_of_pool(settings, wanted)

    def problems_of_data(self, settings: Settings, drawable: int) -> Iterator[str]:
        """Yields nothing: only the real images are drawn from the data set."""
        yield from ()
