"""Rules on what the rounds ask for, and on what budget and pool can give."""

from collections.abc import Iterator

from amkd.config.settings import Settings
from amkd.methods.base import Method, NoSelector


def ignores_rounds(method: Method | None) -> bool:
    """Returns whether a method selects nothing after round 0."""
    return method is not None and isinstance(method.selector, NoSelector)


def reasons(s: Settings, method: Method) -> Iterator[str]:
    """Yields what the method cannot do with its budget."""
    if s.n_real == 1:
        yield ("config.n_real=1: must be 2 or more, or 0 for as many images as the budget allows")
    rounds = s.rounds >= 1 or ignores_rounds(method)
    # What follows from n_real=0 is checked once the data is there, see real_images.
    if s.n_real < 2 or not rounds or s.search.variants < 0:  # out of range: nothing to compare
        return
    if method.uses_labels(s) and s.search.as_released:
        yield (
            "config.search.as_released=True: labels are of the data set's own bytes, which it"
            " changes; leave it out"
        )
    yield from method.first.problems(s)
    if s.budget >= s.n_real:
        yield from method.selector.problems(s)
