"""Selects the images that a round queries."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from amkd.acquisitions.base import acquisition_named
from amkd.config.search import SearchSettings
from amkd.config.settings import Settings
from amkd.data import variants
from amkd.data.dataset import DataSet
from amkd.data.lazy_images import Images
from amkd.reporting.bars import SILENT, Bar
from amkd.search import pairs, pool_search
from amkd.search.selection import Selection, SelectionInputs


def schedule(kind: str, rounds: int, total: int) -> tuple[int, ...]:
    """Returns k of each round: how many images it selects.

    Args:
      kind: ``equal``: equal shares; ``doubling``: the number selected so far doubles with every
        round; or the numbers themselves, as in ``1000,2000``.
      rounds: number of rounds.
      total: images to select in all rounds together.

    Raises:
      ValueError: ``kind`` is none of these.
    """
    if kind == "equal":
        return tuple(total * t // rounds - total * (t - 1) // rounds for t in range(1, rounds + 1))
    if kind == "doubling":
        so_far = [0, *(max(total >> (rounds - t), 0) for t in range(1, rounds + 1))]
        return tuple(b - a for a, b in itertools.pairwise(so_far))
    return tuple(int(part) for part in kind.split(","))


class Selector:
    """Selects k images in every round after the first.

    Attributes:
      unit: what is searched, for a progress bar: ``pair`` or ``img``.
      pool_title: the same for the plan, in words.
      acquires: whether ``search.acquisition`` makes the choice.
      takes_images: whether it queries further images of the data set.
      score: the kind of a selection's scores: ``C2`` of pairs, or ``C1`` of single images.
    """

    unit = "pair"
    pool_title = "pairs"
    acquires = False
    takes_images = False
    score = "C2"

    def ks(self, settings: Settings) -> tuple[int, ...]:
        """Returns k of each round 1, 2, ..; empty if the method has no such rounds.

        Raises:
          ValueError: ``search.schedule`` cannot be read.
        """
        total = settings.budget - settings.n_real
        return schedule(settings.search.schedule, settings.rounds, total)

    def select(self, inputs: SelectionInputs) -> Selection:
        """Returns the ``inputs.k`` images that are queried next."""
        raise NotImplementedError

    def evaluations(self, search: SearchSettings, left: int, k: int) -> int:
        """Returns how many times the student is evaluated to select k of ``left``."""
        raise NotImplementedError

    def further_students(self, search: SearchSettings) -> int:
        """Returns how many students are trained in addition to the last one, only to select."""
        del search
        return 0

    def images(
        self, data: DataSet, first: np.ndarray, settings: Settings, *, bar: Bar = SILENT
    ) -> Images:
        """Returns the images of round 0 and, after them, all others that records may name.

        Args:
          data: the data set.
          first: ``uint8[N, H, W, C]``, the images of round 0.
          settings: the configuration.
          bar: opens a progress bar, where images are made.
        """
        raise NotImplementedError

    def image_count(self, settings: Settings, first: int, drawable: int) -> int:
        """Returns how many images :meth:`images` returns."""
        raise NotImplementedError

    def real_count(self, images: int, settings: Settings) -> int:
        """Returns how many of ``images`` are real; the real images come first."""
        return images // (1 + settings.search.variants)

    def pool_size(self, settings: Settings, drawable: int) -> int:
        """Returns how many pairs, or images, may be selected in all rounds together."""
        raise NotImplementedError

    def left(self, inputs: SelectionInputs) -> int:
        """Returns how many pairs, or images, may still be selected."""
        raise NotImplementedError

    def table_images(self, images: int) -> int:
        """Returns the number of images whose activations the search holds."""
        del images
        return 0

    def held_images(self, images: int, budget: int) -> int:
        """Returns how many of ``images`` are in memory: on the host plus on a device."""
        del budget
        return 2 * images

    def problems(self, settings: Settings) -> Iterator[str]:
        """Yields the reasons why these settings cannot work, each with field, value and remedy."""
        try:
            ks = self.ks(settings)
        except ValueError:
            yield (
                f"config.search.schedule={settings.search.schedule!r}: must be 'equal', 'doubling'"
                " or numbers such as '1000,2000,4000'"
            )
            return
        yield from _problems_of_rounds(settings, ks)
        yield from self.problems_of_pool(settings, sum(ks))

    def problems_of_pool(self, settings: Settings, wanted: int) -> Iterator[str]:
        """Yields the reasons why a total of ``wanted`` images is too large."""
        yield from ()

    def problems_of_data(self, settings: Settings, drawable: int) -> Iterator[str]:
        """Yields the reasons why a data set from which ``drawable`` images can be drawn cannot
        work.
        """
        yield from ()


class NoSelector(Selector):
    """Selects nothing: the student learns only from the images of round 0."""

    def ks(self, settings: Settings) -> tuple[int, ...]:
        """Returns no round."""
        return ()

    def images(
        self, data: DataSet, first: np.ndarray, settings: Settings, *, bar: Bar = SILENT
    ) -> Images:
        """Returns the images of round 0."""
        return first

    def image_count(self, settings: Settings, first: int, drawable: int) -> int:
        """Returns ``first``."""
        return first

    def pool_size(self, settings: Settings, drawable: int) -> int:
        """Returns 0."""
        return 0

    def problems(self, settings: Settings) -> Iterator[str]:
        """Yields nothing."""
        yield from ()


def without_choice(settings: Settings, *, fitting: tuple[str, ...], such_as: int) -> Iterator[str]:
    """Yields a problem if there are only as many candidates as are wanted, for an acquisition.

    Args:
      settings: the configuration.
      fitting: acquisitions that need no more.
      such_as: a number of candidates for the message.
    """
    search = settings.search
    if search.candidates == 1 and search.acquisition not in fitting:
        yield (
            f"config.search.acquisition={search.acquisition!r}: search.candidates=1 gives"
            f" {settings.method} exactly as many candidates as it needs, so the acquisition has"
            f" nothing to choose from; set --config.search.candidates={such_as}, or another number"
            " above 1"
        )


def _no_evaluations(search: SearchSettings, left: int, k: int) -> int:
    del search, left, k
    return 0


def _no_problems(settings: Settings) -> Iterator[str]:
    del settings
    yield from ()


@dataclasses.dataclass(frozen=True)
class SelectorByRule(Selector):
    """A selection whose rule is a function.

    Attributes:
      rule: returns the images of one round.
      count: returns how many times the student is evaluated, given the search settings, the number
        of pairs or images left, and k.
      acquires: whether ``search.acquisition`` makes the choice.
      misfits: yields further reasons why settings cannot work.
      score: ``C1`` where the rule scores single mixes, not pairs.
    """

    rule: Callable[[SelectionInputs], Selection]
    count: Callable[[SearchSettings, int, int], int] = _no_evaluations
    acquires: bool = False
    misfits: Callable[[Settings], Iterator[str]] = _no_problems
    score: str = "C2"

    def select(self, inputs: SelectionInputs) -> Selection:
        """Applies the rule."""
        return self.rule(inputs)

    def evaluations(self, search: SearchSettings, left: int, k: int) -> int:
        """Returns the rule's own count."""
        return self.count(search, left, k)

    def further_students(self, search: SearchSettings) -> int:
        """Returns how many students the acquisition needs, if it makes the choice."""
        if not self.acquires:
            return 0
        if search.acquisition == "distillation_gap" and search.gap_teacher == "network":
            return 2  # the larger network, and the student that it teaches
        return acquisition_named(search.acquisition).students(search.committee)

    def problems(self, settings: Settings) -> Iterator[str]:
        """Yields the problems of the rounds, then those of the rule."""
        yield from super().problems(settings)
        yield from self.misfits(settings)


class PairSelector(SelectorByRule):
    """Selects mixes of pairs of the real images and of their variants."""

    def images(
        self, data: DataSet, first: np.ndarray, settings: Settings, *, bar: Bar = SILENT
    ) -> Images:
        """Returns the real images, followed by their variants."""
        search = settings.search
        return variants.append_variants(
            first, search.variants, variants.views_of(search), seed=settings.seed
        )

    def image_count(self, settings: Settings, first: int, drawable: int) -> int:
        """Returns the number of real images plus the number of their variants."""
        return first * (1 + settings.search.variants)

    def pool_size(self, settings: Settings, drawable: int) -> int:
        """Returns the number of pairs in the pool."""
        count = pairs.count(self.image_count(settings, settings.n_real, drawable))
        return min(count, settings.search.max_pairs or count)

    def left(self, inputs: SelectionInputs) -> int:
        """Returns the number of pairs that were not chosen yet."""
        return pool_search.count_remaining(inputs)

    def table_images(self, images: int) -> int:
        """Returns the number of images: the search holds the activations of all images."""
        return images

    def problems(self, settings: Settings) -> Iterator[str]:
        """Refuses ground-truth labels, too: a mix does not have one."""
        if settings.teacher.kind == "labels":
            yield (
                f"config.method={settings.method!r}: the labels teacher (teacher.kind='labels') can"
                " answer only real images, not mixes; choose method=real_only"
            )
        yield from super().problems(settings)

    def problems_of_pool(self, settings: Settings, wanted: int) -> Iterator[str]:
        """Refuses to choose more pairs than the pool has."""
        size = self.pool_size(settings, 0)
        if wanted > size:
            yield (
                f"config.budget={settings.budget}: {wanted} {self.pool_title} are to be chosen, but"
                f" the pool has {size}; lower the budget, or raise n_real or search.max_pairs"
            )


def _problems_of_rounds(settings: Settings, ks: tuple[int, ...]) -> Iterator[str]:
    if len(ks) != settings.rounds or min(ks) < 1:
        yield (
            f"config.search.schedule={settings.search.schedule!r} makes rounds of {list(ks)}"
            f" images, but there must be rounds={settings.rounds} rounds, each of 1 image or more;"
            " change rounds, budget or schedule"
        )
    elif sum(ks) > settings.budget - settings.n_real:
        yield (
            f"config.search.schedule={settings.search.schedule!r} selects {sum(ks)} images, but"
            f" budget={settings.budget} minus n_real={settings.n_real} leaves"
            f" {settings.budget - settings.n_real}"
        )
