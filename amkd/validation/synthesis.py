"""What makes it impossible to make images with a teacher's network."""

from collections.abc import Iterator

from amkd.config.settings import Settings


def reasons(s: Settings) -> Iterator[str]:
    """Yields what cannot work where images are made with the teacher's network."""
    if not s.zskd.betas:
        yield "config.zskd.betas=(): must be one or more positive numbers"
    if s.fskd.mean_weight > s.fskd.most_weight:
        yield (
            f"config.fskd.mean_weight={s.fskd.mean_weight!r}: must not exceed"
            f" most_weight={s.fskd.most_weight!r}"
        )
