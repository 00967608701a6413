"""What a person sees of a run: bars, one line per round, metrics.jsonl, TensorBoard, the final
table.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tqdm import tqdm

Bar = Callable[[int, str, str], AbstractContextManager[Callable[..., None]]]


def bars(progress: bool) -> Bar:
    """Makes progress bars, with rate and time left, or silent ones.

    The result takes the total, what is done and its unit, and opens a bar; inside, call its value
    with the advance, and with what else to show.
    """

    @contextmanager
    def bar(total: int, what: str, unit: str) -> Iterator[Callable[..., None]]:
        screen = sys.stderr.isatty()
        with tqdm(
            total=total,
            desc=what,
            unit=unit,
            unit_scale=total > 9999,
            disable=not progress,
            mininterval=0.1 if screen else 10,  # a log gets a line every 10 seconds
            dynamic_ncols=True,
            leave=screen,
        ) as line:

            def advance(step: int, **shown: str) -> None:
                line.set_postfix(shown, refresh=False)
                line.update(step)

            yield advance

    return bar
