"""What does not fit the task of a data set, such as lanes."""

from collections.abc import Iterator
from operator import attrgetter

from amkd.config.settings import Settings
from amkd.core import plugins
from amkd.core.errors import UserError
from amkd.tasks import kind_of

_BY_NAME = ("method", "search.acquisition")  # fields that may name a part of the user's own


def reasons(s: Settings) -> Iterator[str]:
    """Yields the fields whose values do not fit the task.

    A method or an acquisition of the user's own is taken to fit.
    """
    kind = kind_of(s.dataset)
    for name, fitting in kind.fits.items():
        value = attrgetter(name)(s)
        own = name in _BY_NAME and plugins.is_own(value)
        if value not in fitting and not own:
            choices = " or ".join(repr(one) for one in fitting)
            yield (
                f"config.{name}={value!r}: does not fit dataset {s.dataset!r}, whose labels are"
                f" {kind.labels}; set it to {choices}"
            )
    if s.search.acquisition == "acd" and kind.names_classes:
        yield (
            "config.search.acquisition='acd': this acquisition uses the places of objects, but the"
            f" labels of dataset {s.dataset!r} are classes; choose 'entropy' or 'margin'"
        )
    teaches = s.search.acquisition == "distillation_gap" or plugins.is_own(s.search.acquisition)
    if teaches and s.search.gap_teacher == "network" and s.teacher.kind != "labels":
        yield (
            "config.search.gap_teacher='network': trains a teacher on ground-truth labels, but"
            f" teacher.kind={s.teacher.kind!r} is a teacher already; set it to 'committee', or use"
            " --config.teacher.kind=labels"
        )
    if teaches and s.search.gap_teacher == "network" and s.train.views:
        yield (
            "config.search.gap_teacher='network': needs the images, but train.views="
            f"{s.train.views} keeps only features; set it to 'committee'"
        )


def refuse_mode(s: Settings, mode: str) -> None:
    """Refuses what the command line cannot do with the task of a data set.

    Raises:
      UserError: names the mode, and the possible modes.
    """
    kind = kind_of(s.dataset)
    if kind.modes is not None and mode not in kind.modes:
        raise UserError(
            f"--mode={mode}: needs classes, but the labels of config.dataset={s.dataset!r} are"
            f" {kind.labels}; choose one of {', '.join(kind.modes)}"
        )
