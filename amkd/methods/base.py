"""A way to spend the queries of a run: what it is, what it may look at, and what it returns."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from amkd.config.search import SearchSettings
from amkd.core import files
from amkd.core.stopping import StopSignal
from amkd.models import Network
from amkd.models.layers import Variables
from amkd.search.task import Choice, Task

if TYPE_CHECKING:
    from amkd.config.settings import Settings


class Making(NamedTuple):
    """All that a method may look at when it makes its images from the teacher's network.

    Attributes:
      network: the teacher's.
      variables: its variables.
      shape: ``(H, W, C)`` of the images.
      classes: number of classes Y.
      real: ``uint8[N, H, W, C]``, the real images, where the method draws some.
      settings: the configuration; its budget is how many images there shall be, the real ones
        included.
      folder: where what is made is kept, so that a stopped run goes on.
      stop: whether to stop.
      progress: told the number of images made.
    """

    network: Network
    variables: Variables
    shape: tuple[int, ...]
    classes: int
    real: np.ndarray
    settings: "Settings"
    folder: Path
    stop: StopSignal
    progress: Callable[[int], None]

    @property
    def kernel(self) -> np.ndarray:
        """Weights of the last layer, ``float32[d, Y]``."""
        return np.asarray(self.variables["params"][self.network.last]["kernel"])

    def kept(self, number: int, make: Callable[[], np.ndarray]) -> np.ndarray:
        """A part of the images, made if it was not made before: ``uint8[..., H, W, C]``."""
        path = self.folder / f"{number:08d}.npy"
        if not path.exists():
            self.stop.check()
            files.write_array(path, make())
        images: np.ndarray = np.load(path)
        self.progress(len(images))
        return images


class Made(NamedTuple):
    """Images made with the teacher's network.

    Attributes:
      images: ``uint8[N, H, W, C]``, those that were drawn included.
      told: what there is to report of them, for JSON. ``gradient_queries``: passes forward and back
        through the teacher's network, by images; ``shown``: the places of those to be shown, the
        first and one past the last.
    """

    images: np.ndarray
    told: dict[str, Any]


class Maker(NamedTuple):
    """How a method makes its images.

    Attributes:
      make: makes them.
      gradients: how many gradient queries that takes.
      impossible: reasons why these settings make none.
      sample: spends a few gradient queries, as making does, for its speed to be measured; returns
        how many.
      trained: how many images a network is trained on in making them, every pass counted; None for
        none.
      draws: whether it starts from ``n_real`` real images; else it draws none.
    """

    make: Callable[[Making], Made]
    gradients: Callable[["Settings"], int]
    impossible: Callable[["Settings"], Iterator[str]]
    sample: Callable[[Making], int]
    trained: Callable[["Settings"], int] | None = None
    draws: bool = False


class Showing(NamedTuple):
    """Fixed views of the real images, about each of which the teacher is asked.

    Attributes:
      views: how many of an image there are, itself among them, V.
      show: ``uint8[N, H, W, C]`` to ``uint8[V * N, H, W, C]``, the images themselves first.
      impossible: reasons why images of a shape ``(H, W, C)`` cannot be shown so.
    """

    views: int
    show: Callable[[np.ndarray], np.ndarray]
    impossible: Callable[[tuple[int, ...]], Iterator[str]]


class Method(NamedTuple):
    """A method, as a file of :mod:`amkd.methods` states it.

    Attributes:
      choose: the mixes of one round; None for a method whose real images are all it learns from.
      evaluations: of the student that the choice of k pairs of so many takes; None for none at all.
      mixes: whether it chooses mixes; else images of the data set beyond the real ones.
      everything: whether all images of the data set are real ones, in place of ``n_real`` of them.
      labels: whether it learns from true labels in place of the teacher's answers: a reference, and
        no rival.
      chooses: whether ``search.acquisition`` chooses.
      maker: makes what round 0 asks about with the teacher's network, which a black box does not
        show; None for all others.
      showing: views of the real images that are asked about beside them; None for no others than
        themselves.
    """

    choose: Callable[[Task], Choice] | None = None
    evaluations: Callable[[SearchSettings, int, int], int] | None = None
    mixes: bool = True
    everything: bool = False
    labels: bool = False
    chooses: bool = False
    maker: Maker | None = None
    showing: Showing | None = None

    def real_images(self, n_real: int, pool_size: int) -> int:
        """How many real images it has, N."""
        if self.maker and not self.maker.draws:
            return 0
        return pool_size if self.everything else n_real

    def first_queries(self, real: int, budget: int) -> int:
        """How many images round 0 asks about, of so many real ones."""
        if self.maker:
            return budget
        return min(self.showing.views * real, budget) if self.showing else real

    def first_images(self, real: np.ndarray, budget: int) -> np.ndarray:
        """These images, where none are made: ``uint8[N, H, W, C]`` to ``uint8[..., H, W, C]``."""
        return self.showing.show(real)[:budget] if self.showing else real
