"""Rules on what the rounds need, and on what budget and pool can provide."""

from collections.abc import Iterator

from amkd.config.settings import Settings
from amkd.methods.base import Method, NoSelector
from amkd.validation import real_images


def ignores_rounds(method: Method | None) -> bool:
    """Returns whether a method selects nothing after round 0."""
    return method is not None and isinstance(method.selector, NoSelector)


def reasons(s: Settings, method: Method) -> Iterator[str]:
    """Yields what the method cannot do with its budget."""
    if s.n_real == 1:
        yield "config.n_real=1: must be 2 or more, or 0 for as many images as the budget allows"
    rounds = s.rounds >= 1 or ignores_rounds(method)
    if s.n_real < 0 or s.n_real == 1 or not rounds or s.search.variants < 0:
        return  # out of range: nothing to compare
    if method.uses_labels(s) and s.search.as_released:
        yield (
            "config.search.as_released=True: ground-truth labels belong to the data set's own"
            " bytes, which as_released changes; omit it"
        )
    if s.n_real == 0:
        yield from _known(s, method)
        return
    yield from method.first.problems(s)
    if s.budget >= s.n_real:
        yield from method.selector.problems(s)


def _known(s: Settings, method: Method) -> Iterator[str]:
    """Yields what is wrong with ``n_real=0`` however large the data set is.

    Everything else is checked once the data is loaded, see :mod:`amkd.validation.with_data`.
    """
    shown = real_images.known(s, method)
    for problem in (*method.first.problems(shown), *method.selector.problems(shown)):
        if "n_real=" not in problem and not problem.startswith("config.budget="):
            yield problem
