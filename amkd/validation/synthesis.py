"""What makes it impossible to make images with a teacher's network."""

from collections.abc import Iterator

from amkd.config.settings import Settings
from amkd.methods import METHODS


def reasons(s: Settings) -> Iterator[str]:
    """Yields what cannot work where images are made with the teacher's network."""
    if not s.zskd.betas:
        yield "config.zskd.betas=(): must be one or more positive numbers"
    if s.fskd.mean_weight > s.fskd.most_weight:
        yield (
            f"config.fskd.mean_weight={s.fskd.mean_weight!r}: must not exceed"
            f" most_weight={s.fskd.most_weight!r}"
        )
    if s.method not in METHODS or not s.way.maker:
        return
    if s.teacher.kind != "flax":
        yield (
            f"config.teacher.kind={s.teacher.kind!r}: method {s.method!r} makes its images from"
            " the weights and"
            " gradients of the teacher's network, and this one is a black box; only"
            " teacher.kind=flax shows them"
        )
    if s.search.as_released:
        yield (
            "config.search.as_released=True: it changes the bytes of images that were made to be"
            " asked; leave it out"
        )
    yield from s.way.maker.impossible(s)
