"""Progress bars."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tqdm import tqdm

from amkd.core import console

# Opens a bar, given the total, a label and a unit. Yields a function that takes the advance and
# other values to show.
Bar = Callable[[int, str, str], AbstractContextManager[Callable[..., None]]]


def bars(progress: bool) -> Bar:
    """Returns a function that opens progress bars, with rate and time left.

    Nothing is shown if ``progress`` is False, or if the output is a log in JSON.
    """

    @contextmanager
    def bar(total: int, label: str, unit: str) -> Iterator[Callable[..., None]]:
        terminal = sys.stderr.isatty()
        with tqdm(
            total=total,
            desc=label,
            unit=unit,
            unit_scale=total > 9999,
            disable=not progress or console.is_json(),
            mininterval=0.1 if terminal else 10,  # a log file gets a line every 10 seconds
            dynamic_ncols=True,
            leave=terminal,
        ) as line:

            def advance(step: int, **shown: str) -> None:
                line.set_postfix(shown, refresh=False)
                line.update(step)

            yield advance

    return bar


SILENT = bars(False)  # shows nothing
