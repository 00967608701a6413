"""What makes it impossible to make images with a teacher's network."""

from collections.abc import Iterator

from amkd.config.groups import FskdSettings, ZskdSettings
from amkd.config.settings import Settings
from amkd.synthesis import pseudo_examples
from amkd.validation.rules import choice, least, positive


def reasons(s: Settings) -> Iterator[str]:
    """Of the groups that say how images are made, and of a method that makes them."""
    yield from _zskd(s.zskd)
    yield from _fskd(s.fskd)


def _zskd(plan: ZskdSettings) -> Iterator[str]:
    for name, low in (("steps", 1), ("batch", 1), ("copies", 0)):
        yield from least(f"zskd.{name}", getattr(plan, name), low)
    for name in ("learning_rate", "temperature"):
        yield from positive(f"zskd.{name}", getattr(plan, name))
    if not plan.betas or not all(0 < beta < float("inf") for beta in plan.betas):
        yield f"config.zskd.betas={plan.betas!r}: must be one or more positive numbers"


def _fskd(plan: FskdSettings) -> Iterator[str]:
    for name, low in (("doublings", 0), ("epochs", 1), ("steps", 1)):
        yield from least(f"fskd.{name}", getattr(plan, name), low)
    yield from choice("fskd.ascent", plan.ascent, list(pseudo_examples.ASCENTS))
    for name in ("rate", "most_weight", "mean_weight"):
        yield from positive(f"fskd.{name}", getattr(plan, name))
    if not 0 <= plan.real_weight < float("inf"):
        yield f"config.fskd.real_weight={plan.real_weight!r}: must be at least 0, and finite"
    if plan.mean_weight > plan.most_weight:
        yield (
            f"config.fskd.mean_weight={plan.mean_weight!r}: must not exceed"
            f" most_weight={plan.most_weight!r}"
        )
