"""What makes it impossible to make images from a teacher's network."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from amkd.feasibility.words import least, positive
from amkd.groups import ZskdSettings
from amkd.methods import METHODS

if TYPE_CHECKING:
    from amkd.settings import Settings


def reasons(s: "Settings") -> Iterator[str]:
    """Of the groups that say how images are made, and of a method that makes them."""
    yield from _zskd(s.zskd)
    if s.method not in METHODS or not s.way.maker:
        return
    if s.teacher.kind != "flax":
        yield (
            f"config.teacher.kind={s.teacher.kind!r}: method {s.method!r} makes its images from the weights and"
            " gradients of the teacher's network, and this one is a black box; only teacher.kind=flax shows them"
        )
    else:
        yield from s.way.maker.impossible(s)


def _zskd(plan: ZskdSettings) -> Iterator[str]:
    for name, low in (("steps", 1), ("batch", 1), ("copies", 0)):
        yield from least(f"zskd.{name}", getattr(plan, name), low)
    for name in ("learning_rate", "temperature"):
        yield from positive(f"zskd.{name}", getattr(plan, name))
    if not plan.betas or not all(0 < beta < float("inf") for beta in plan.betas):
        yield f"config.zskd.betas={plan.betas!r}: must be one or more positive numbers"
