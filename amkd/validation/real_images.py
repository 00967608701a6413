"""``n_real=0``: as many real images as the budget allows.

How many these are follows from the size of the data set. So their number takes the place of 0 once
the data is there, and what compares it with other fields is checked then.
"""

import dataclasses

from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.methods import find
from amkd.methods.base import AllImages, Method, NoSelector
from amkd.validation.rules import reasons

_NOTHING_ELSE = "real_only"


def counted(settings: Settings, drawable: int) -> Settings:
    """Returns settings with the number of real images in the place of ``n_real=0``.

    - A method that makes further images, such as mixes, gets what the real images leave of the
      budget, in no more rounds than there are queries left. If they leave nothing, the method is
      ``real_only``.
    - A method that asks about further pictures in every round asks in round 0 about as many as in
      each round after it.

    Args:
      settings: the configuration.
      drawable: images that the real ones are drawn from.
    """
    if settings.n_real:
        return settings
    method = find(settings.method)
    if isinstance(method.first, AllImages):
        return dataclasses.replace(settings, n_real=drawable)
    count = _count(settings, method, drawable)
    found = dataclasses.replace(settings, n_real=count)
    if isinstance(method.selector, NoSelector) or method.selector.takes_pictures:
        return found
    if left := settings.budget - count:
        return dataclasses.replace(found, rounds=min(settings.rounds, left))
    return dataclasses.replace(found, method=_NOTHING_ELSE)


def check(settings: Settings, drawable: int) -> Settings:
    """Returns :func:`counted` settings that can work.

    Raises:
      UserError: names every field at fault, its value and the remedy.
    """
    found = counted(settings, drawable)
    problems = [] if found is settings else list(reasons(found))
    if problems:
        raise UserError("\n  ".join(problems))
    return found


def _count(settings: Settings, method: Method, drawable: int) -> int:
    """Returns how many real images round 0 asks about, N."""
    if method.selector.takes_pictures:
        return min(settings.budget, drawable) // (settings.rounds + 1)
    return min(settings.budget // method.first.views, drawable)
