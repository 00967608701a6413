"""What makes the search for images to ask about impossible."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from amkd import models
from amkd.acquisitions import ACQUISITIONS
from amkd.config.groups import SearchSettings
from amkd.data import mixing, variants
from amkd.validation.rules import choice, least, views

if TYPE_CHECKING:
    from amkd.config.settings import Settings

MINIMISERS = ("grid", "refined", "screened")
RANDOM_LAMS = ("half", "grid")
# Methods, and whether the acquisition is another than the lowest: as many candidates as are wanted
# are no choice.
_NO_CHOICE = (("active_mixup", True), ("pooled_mixup", True), ("pooled_mixup", False))


def reasons(s: "Settings") -> Iterator[str]:
    """Of lambda, the minimiser, the variants and the choice."""
    yield from _lam(s.search)
    yield from _minimiser(s.search)
    yield from _variants(s.search)
    yield from _acquisition(s)


def _lam(search: SearchSettings) -> Iterator[str]:
    for name, value in (("lam_low", search.lam_low), ("lam_high", search.lam_high)):
        if not 0 < value < 1 or not 0 < round(value * mixing.ONE) < mixing.ONE:
            yield (
                f"config.search.{name}={value!r}: must lie inside (0, 1); at 0 and 1 a mix"
                " is a real"
                " image, already answered"
            )
    if search.lam_low > search.lam_high:
        yield (
            f"config.search.lam_low={search.lam_low!r}: must not exceed"
            f" lam_high={search.lam_high!r}"
        )
    yield from least("search.lam_count", search.lam_count, 1)
    yield from choice("search.random_lam", search.random_lam, RANDOM_LAMS)


def _minimiser(search: SearchSettings) -> Iterator[str]:
    yield from choice("search.minimiser", search.minimiser, MINIMISERS)
    yield from least("search.evaluations", search.evaluations, 1)
    if not 0 < search.recall < 1:
        yield (
            f"config.search.recall={search.recall!r}: must be a share above 0 and below 1;"
            " minimiser 'refined' leaves"
            " nothing out"
        )
    yield from least("search.chunk", search.chunk, 1)
    for name in ("max_pairs", "tile", "table_bytes"):
        yield from least(f"search.{name}", getattr(search, name), 0)


def _variants(search: SearchSettings) -> Iterator[str]:
    for name in ("variants", "variant_crop"):
        yield from least(f"search.{name}", getattr(search, name), 0)
    yield from views("search.variant_", search.variant_rotate, search.variant_zoom)
    if search.variants > (most := variants.max_copies(search.views)):
        yield (
            f"config.search.variants={search.variants}: an image has {most} different shifts"
            " of up to"
            f" search.variant_crop={search.variant_crop} pixels; raise that, or lower variants"
        )


def _acquisition(s: "Settings") -> Iterator[str]:
    search = s.search
    yield from choice("search.acquisition", search.acquisition, list(ACQUISITIONS))
    yield from least("search.per_image", search.per_image, 1)
    yield from least("search.committee", search.committee, 2)
    if (
        search.acquisition == "bald"
        and s.student in models.MODELS
        and not models.MODELS[s.student].dropout
    ):
        with_dropout = ", ".join(name for name, entry in models.MODELS.items() if entry.dropout)
        yield (
            f"config.search.acquisition='bald': student {s.student!r} has no dropout; choose"
            " 'ensemble', or one of"
            f" {with_dropout}"
        )
    if not 1 <= search.candidates < float("inf"):
        yield (
            f"config.search.candidates={search.candidates!r}: must be at least 1, times the"
            " mixes that are wanted"
        )
    elif search.candidates == 1 and (s.method, search.acquisition != "lowest") in _NO_CHOICE:
        yield (
            f"config.search.acquisition={search.acquisition!r}: {s.method} has no choice among as"
            " many candidates as"
            " are wanted; set --config.search.candidates=5, or another number above 1"
        )
    if not 0 <= search.random_share < 1:
        yield (
            f"config.search.random_share={search.random_share!r}: must be a share from 0 to below"
            " 1; method"
            " 'random_mixup' takes all at random"
        )
