"""The sources of round 0's images: drawn, drawn and shown in fixed views, or made by a network."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from amkd.config.settings import Settings
from amkd.core import files
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.models import Network
from amkd.models.layers import Variables
from amkd.reporting.bars import SILENT, Bar


def _no_progress(images: int) -> None:
    del images


@dataclasses.dataclass(frozen=True, kw_only=True)
class FirstImageInputs:
    """The inputs of a method that provides the images of round 0.

    Attributes:
      settings: the configuration. Its budget is the largest number of images.
      shape: ``(H, W, C)`` of the images.
      classes: number of classes Y.
      real: ``uint8[N, H, W, C]``, the real images that were drawn for the method.
      network: the teacher's network; None if the teacher is a black box.
      variables: the variables of that network, or None.
      folder: where finished parts are kept, so that a stopped run can resume.
      stop: whether to stop.
      bar: opens a progress bar; none by default.
      progress: is called with the number of images that were finished since the last call.
    """

    settings: Settings
    shape: tuple[int, ...]
    classes: int
    real: np.ndarray
    network: Network | None = None
    variables: Variables | None = None
    folder: Path = Path()
    stop: StopSignal = dataclasses.field(default_factory=StopSignal)
    bar: Bar = SILENT
    progress: Callable[[int], None] = _no_progress

    @property
    def teacher_network(self) -> tuple[Network, Variables]:
        """Returns the network and the variables of a teacher that is not a black box."""
        assert self.network is not None and self.variables is not None
        return self.network, self.variables

    @property
    def kernel(self) -> np.ndarray:
        """Returns the weights of the network's last layer, ``float32[d, Y]``."""
        network, variables = self.teacher_network
        return np.asarray(variables["params"][network.last]["kernel"])

    def kept(self, number: int, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Returns one part of the images, ``uint8[..., H, W, C]``; makes it only once.

        Args:
          number: number of the part, which names its file.
          make: makes the part.
        """
        path = self.folder / f"{number:08d}.npy"
        images = files.read_array(path) if path.exists() else None
        if images is None:
            self.stop.check()
            images = make()
            files.write_array(path, images)
        self.progress(len(images))
        return images


@dataclasses.dataclass(frozen=True)
class Provided:
    """The images of round 0.

    Attributes:
      images: ``uint8[M, H, W, C]``, in the order in which they are queried.
      metrics: what to report about them, for JSON. ``gradient_queries``: forward and backward
        passes of single images through the teacher's network. ``shown``: the first place of the
        images that the report shows, and one past the last.
    """

    images: np.ndarray
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)


class FirstImages:
    """Provides the images of round 0. The defaults here are those of the plain real images.

    Attributes:
      needs_network: whether the teacher must give access to its network; a black box does not.
      views: how many views of one image are queried, V.
    """

    needs_network = False
    views = 1

    def real_images(self, n_real: int, drawable: int) -> int:
        """Returns how many real images are drawn, N, from ``drawable`` images."""
        del drawable
        return n_real

    def queries(self, real: int, budget: int) -> int:
        """Returns how many images round 0 queries, given ``real`` drawn images."""
        del budget
        return real

    def known(self, source: FirstImageInputs) -> np.ndarray:
        """Returns the images of round 0 that are known before any is made."""
        return source.real

    def provide(self, source: FirstImageInputs) -> Provided:
        """Returns the images of round 0."""
        return Provided(self.known(source))

    def gradient_queries(self, settings: Settings) -> int:
        """Returns how many passes forward and back through the teacher's network this takes."""
        del settings
        return 0

    def images_trained_on(self, settings: Settings) -> int:
        """Returns how many images a network is trained on for this, with every pass counted."""
        del settings
        return 0

    def spend_some(self, source: FirstImageInputs) -> int:
        """Spends a few gradient queries, so that their speed can be measured; returns how many."""
        del source
        return 0

    def problems(self, settings: Settings) -> Iterator[str]:
        """Yields the reasons why these settings cannot work, each with field, value and remedy."""
        if settings.budget < settings.n_real:
            yield (
                f"config.budget={settings.budget}: must be at least n_real={settings.n_real}, whose"
                " queries it includes"
            )

    def problems_of_shape(self, shape: tuple[int, ...]) -> Iterator[str]:
        """Yields the reasons why images of shape ``(H, W, C)`` cannot be used."""
        yield from ()


class RealImages(FirstImages):
    """Queries ``n_real`` real images."""


class AllImages(FirstImages):
    """Queries all images of the data set."""

    def real_images(self, n_real: int, drawable: int) -> int:
        """Returns ``drawable``."""
        return drawable


@dataclasses.dataclass(frozen=True)
class ViewsOfImages(FirstImages):
    """Queries fixed views of the real images.

    Attributes:
      views: how many views of an image there are, including the image itself, V.
      show: ``uint8[N, H, W, C]`` to ``uint8[V * N, H, W, C]``, the images themselves first.
      misfits: yields the reasons why images of a shape ``(H, W, C)`` do not have these views.
    """

    views: int = dataclasses.field()  # without the default of the base class
    show: Callable[[np.ndarray], np.ndarray]
    misfits: Callable[[tuple[int, ...]], Iterator[str]] = lambda shape: iter(())

    def queries(self, real: int, budget: int) -> int:
        """Returns the number of views that the budget allows."""
        return min(self.views * real, budget)

    def known(self, source: FirstImageInputs) -> np.ndarray:
        """Returns all views, the last ones cut off at the budget."""
        return self.show(source.real)[: source.settings.budget]

    def problems(self, settings: Settings) -> Iterator[str]:
        """Refuses ground-truth labels, too: they exist only for the images themselves."""
        yield from super().problems(settings)
        if settings.teacher.kind == "labels":
            yield (
                f"config.method={settings.method!r}: the labels teacher (teacher.kind='labels') can"
                " answer only real images, not views of them; choose method=real_only"
            )

    def problems_of_shape(self, shape: tuple[int, ...]) -> Iterator[str]:
        """Yields the reasons that come from the views."""
        yield from self.misfits(shape)


def _nothing(settings: Settings) -> int:
    del settings
    return 0


@dataclasses.dataclass(frozen=True)
class SynthesizedImages(FirstImages):
    """Queries images that are made with the teacher's network: white-box methods.

    Attributes:
      synthesize: makes the images, as many as the budget allows.
      gradients: returns how many gradient queries this takes.
      misfits: yields the reasons why no image can be made with these settings.
      sample: spends a few gradient queries; returns how many.
      trained: returns how many images a network is trained on for this.
      from_real: whether the method starts from ``n_real`` real images; otherwise it draws none.
    """

    synthesize: Callable[[FirstImageInputs], Provided]
    gradients: Callable[[Settings], int]
    misfits: Callable[[Settings], Iterator[str]]
    sample: Callable[[FirstImageInputs], int]
    trained: Callable[[Settings], int] = _nothing
    from_real: bool = False
    needs_network = True

    def real_images(self, n_real: int, drawable: int) -> int:
        """Returns ``n_real``, or 0 for a method that starts from nothing."""
        return n_real if self.from_real else 0

    def queries(self, real: int, budget: int) -> int:
        """Returns the budget: it is spent in round 0."""
        return budget

    def provide(self, source: FirstImageInputs) -> Provided:
        """Makes the images, or reads the parts that were made before.

        Raises:
          UserError: the teacher is a black box.
        """
        if source.network is None:
            raise UserError(
                f"config.method={source.settings.method!r} needs the teacher's network, but this"
                " teacher is a black box"
            )
        with source.bar(source.settings.budget, "making images", "img") as advance:
            return self.synthesize(dataclasses.replace(source, progress=advance))

    def gradient_queries(self, settings: Settings) -> int:
        """Returns the method's own count."""
        return self.gradients(settings)

    def images_trained_on(self, settings: Settings) -> int:
        """Returns the method's own count."""
        return self.trained(settings)

    def spend_some(self, source: FirstImageInputs) -> int:
        """Spends the gradient queries of the method's sample."""
        return self.sample(source)

    def problems(self, settings: Settings) -> Iterator[str]:
        """Refuses black boxes and ``search.as_released``; then what the method itself refuses."""
        if settings.teacher.kind != "flax":
            yield (
                f"config.teacher.kind={settings.teacher.kind!r}: method {settings.method!r} makes"
                " its images from the weights and gradients of the teacher's network, but this"
                " teacher is a black box; only teacher.kind=flax provides them"
            )
        if settings.search.as_released:
            yield (
                "config.search.as_released=True: it changes the bytes of the images that were made"
                " for the teacher; leave it out"
            )
        yield from self.misfits(settings)
