"""``n_real=0``: as many real images as the budget allows.

Their number depends on the size of the data set. So the number replaces 0 once the data is loaded,
and the rules that compare it with other fields are checked then.
"""

import dataclasses

from amkd.config.settings import Settings
from amkd.methods import find
from amkd.methods.base import AllImages, Method, NoSelector, SynthesizedImages
from amkd.methods.selectors import schedule

_NOTHING_ELSE = "real_only"


def with_real_count(settings: Settings, drawable: int) -> Settings:
    """Returns settings with the number of real images instead of ``n_real=0``.

    - A method that makes further images, such as mixes, gets the rest of the budget, in no more
      rounds than it can fill. If no budget is left, the method is ``real_only``.
    - A method that queries further real images in every round queries about as many in round 0 as
      in each later round, and no more than there are.
    - The budget of a method that queries only real images is no more than it can use.
    - A method that makes images with the teacher's network keeps its budget.

    Args:
      settings: the configuration.
      drawable: images that the real ones are drawn from.
    """
    method = find(settings.method)
    if settings.n_real or isinstance(method.first, AllImages):
        return settings
    if method.selector.takes_images:
        budget = min(settings.budget, drawable)
        return dataclasses.replace(settings, n_real=budget // (settings.rounds + 1), budget=budget)
    count = min(settings.budget // method.first.views, drawable)
    found = dataclasses.replace(settings, n_real=count)
    if isinstance(method.first, SynthesizedImages):
        return found
    if isinstance(method.selector, NoSelector):
        return dataclasses.replace(found, budget=method.first.views * count)
    if left := settings.budget - count:
        return dataclasses.replace(found, rounds=_rounds(settings, left))
    return dataclasses.replace(found, method=_NOTHING_ELSE)


def known(settings: Settings, method: Method) -> Settings:
    """Returns settings with a stand-in for the number of real images, to find other problems.

    A problem with these settings may still come from the stand-in.
    """
    few = min(settings.rounds, 20)  # the 21st round of a doubling schedule has a million
    if settings.search.schedule == "doubling":  # fewer rounds than that are filled
        settings = dataclasses.replace(settings, rounds=few)
    enough = dataclasses.replace(settings, budget=max(settings.budget, 2 + 2**few))
    if method.selector.takes_images:
        return with_real_count(enough, enough.budget)
    return dataclasses.replace(enough, n_real=2)


def _rounds(settings: Settings, left: int) -> int:
    """Returns in how many rounds ``left`` queries can be spent, each with 1 or more."""
    kind, rounds = settings.search.schedule, settings.rounds
    while kind in ("equal", "doubling") and rounds > 1 and min(schedule(kind, rounds, left)) < 1:
        rounds -= 1
    return rounds
