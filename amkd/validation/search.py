"""What makes the search for images to query impossible."""

from collections.abc import Iterator

from amkd import models
from amkd.acquisitions.base import acquisition_named
from amkd.config.search import SearchSettings
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.data import mixing, variants
from amkd.methods import find


def reasons(s: Settings) -> Iterator[str]:
    """Yields what cannot work in the ``search`` group."""
    yield from _lam(s.search)
    yield from _variants(s.search)
    yield from _areas(s.search)
    yield from _acquisition(s)


def _lam(search: SearchSettings) -> Iterator[str]:
    for name, value in (("lam_low", search.lam_low), ("lam_high", search.lam_high)):
        if 0 < value < 1 and not 0 < round(value * mixing.ONE) < mixing.ONE:
            yield (
                f"config.search.{name}={value!r}: is rounded to 0 or 1, in steps of"
                f" 1/{mixing.ONE}, where a mix is a real image that is already answered; choose a"
                " value further inside"
            )
    if search.lam_low > search.lam_high:
        yield (
            f"config.search.lam_low={search.lam_low!r}: must not exceed"
            f" lam_high={search.lam_high!r}"
        )


def _variants(search: SearchSettings) -> Iterator[str]:
    if search.variants > (most := variants.max_copies(variants.views_of(search))):
        yield (
            f"config.search.variants={search.variants}: an image has only {most} different shifts"
            f" of up to search.variant_crop={search.variant_crop} pixels; raise variant_crop, or"
            " lower variants"
        )


def _areas(search: SearchSettings) -> Iterator[str]:
    for name in ("crop_area", "paste_area"):
        value = getattr(search, name)
        if len(value) != 2 or value[0] > value[1]:
            yield (
                f"config.search.{name}={value!r}: must be two shares, the lower one first, such as"
                " (0.3, 0.9)"
            )
    if min(search.crop_area, default=0) == 1 and not search.crop_flip:
        yield (
            f"config.search.crop_area={search.crop_area!r}: such a crop is the whole image, which"
            " is already answered; lower the first share"
        )


def _queries_whole_images(s: Settings) -> bool:
    try:
        selector = find(s.method).selector
    except UserError:  # reported elsewhere
        return False
    return selector.acquires and selector.unit == "img"


def _acquisition(s: Settings) -> Iterator[str]:
    search, acquisition = s.search, None
    try:
        acquisition = acquisition_named(search.acquisition)
    except UserError as error:
        yield str(error)
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
    if search.acquisition == "capped" and _queries_whole_images(s):
        yield (
            f"config.search.acquisition='capped': limits the mixes of an image, but method"
            f" {s.method!r} mixes no images; choose 'lowest' or 'k_center'"
        )
    if s.warm_start and acquisition is not None and acquisition.students(search.committee):
        yield (
            f"config.warm_start=True: acquisition {search.acquisition!r} compares the student with"
            " others that are trained from new initial weights, so they would differ from it in"
            " more than it compares; set warm_start to False"
        )
    form = "label" if s.teacher.kind == "labels" else s.teacher.answers.form
    if search.acquisition == "excess_doubt" and form == "label":
        yield (
            "config.search.acquisition='excess_doubt': hard labels do not show how unsure the"
            f" teacher is (teacher.kind={s.teacher.kind!r},"
            f" teacher.answers.form={s.teacher.answers.form!r}); choose 'entropy' or 'epig'"
        )
