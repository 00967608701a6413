"""What the rounds ask for, and the budget or the pool cannot give."""

from collections.abc import Iterator

from amkd.config.settings import Settings
from amkd.methods import METHODS
from amkd.search import pairs


def reasons(s: Settings) -> Iterator[str]:
    """Yields what the rounds ask for and the budget or the pool cannot give."""
    known = s.method in METHODS
    if known and s.way.maker:  # which says so itself
        return
    if s.n_real < 2 or s.rounds < 1 or s.search.variants < 0:  # out of range: nothing to compare
        return
    if known and s.uses_labels:
        yield from _labels(s)
    if s.budget < s.n_real:
        yield (
            f"config.budget={s.budget}: must be at least n_real={s.n_real}, whose queries it"
            " includes"
        )
    elif known and s.way.choose:
        yield from _choosing(s)


def _labels(s: Settings) -> Iterator[str]:
    if s.search.as_released:
        yield (
            "config.search.as_released=True: labels are of the data set's own bytes, which it"
            " changes; leave it out"
        )
    if s.way.showing:
        yield (
            f"config.method={s.method!r}: labels answer real images, and no views of them;"
            " choose real_only"
        )


def _choosing(s: Settings) -> Iterator[str]:
    if s.uses_labels and s.way.mixes:
        yield (
            f"config.method={s.method!r}: labels answer real images, and no mixes; choose real_only"
        )
    if not s.way.mixes and s.search.variants:
        yield f"config.search.variants={s.search.variants}: {s.method} mixes nothing; set it to 0"
    try:
        ks = s.queries_per_round()
    except ValueError:
        yield (
            f"config.search.schedule={s.search.schedule!r}: must be 'equal', 'doubling' or numbers"
            " such as"
            " '1000,2000,4000'"
        )
        return
    yield from _rounds(s, ks)
    if s.way.mixes:
        yield from _pool(s, sum(ks))


def _rounds(s: Settings, ks: list[int]) -> Iterator[str]:
    if len(ks) != s.rounds or min(ks) < 1:
        yield (
            f"config.search.schedule={s.search.schedule!r} makes rounds of {ks} images: there"
            " must be"
            f" rounds={s.rounds} of them, each of 1 or more; change rounds, budget or schedule"
        )
    elif sum(ks) > s.budget - s.n_real:
        yield (
            f"config.search.schedule={s.search.schedule!r} selects {sum(ks)} images, and"
            f" budget={s.budget} less"
            f" n_real={s.n_real} leaves {s.budget - s.n_real}"
        )


def _pool(s: Settings, wanted: int) -> Iterator[str]:
    whole = pairs.count(s.mixed_images(s.n_real))
    size = min(whole, s.search.max_pairs or whole)
    if wanted > size:
        yield (
            f"config.budget={s.budget}: {wanted} pairs are to be chosen, and the pool has"
            f" {size}; lower"
            " the budget, or raise n_real or search.max_pairs"
        )
