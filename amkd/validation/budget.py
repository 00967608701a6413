"""What the rounds ask for, and the budget or the pool cannot give."""

from collections.abc import Iterator

from amkd.config.settings import Settings
from amkd.methods.base import Method
from amkd.validation.rules import least


def reasons(s: Settings, method: Method | None) -> Iterator[str]:
    """Yields problems of the budget, its rounds, and the method that spends it.

    Args:
      s: the settings.
      method: the method; None if its name is no method's.
    """
    yield from least("last_epochs", s.last_epochs, 0)
    low = [*least("n_real", s.n_real, 2), *least("rounds", s.rounds, 1)]
    yield from low
    if low or s.search.variants < 0 or method is None:
        return
    if method.uses_labels(s) and s.search.as_released:
        yield (
            "config.search.as_released=True: labels are of the data set's own bytes, which it"
            " changes; leave it out"
        )
    yield from method.first.problems(s)
    if s.budget >= s.n_real:
        yield from method.selector.problems(s)
