"""A teacher that remembers what it was asked, and a client that asks it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from amkd import ledger, teachers
from amkd.querying import client
from amkd.querying.client import DISTILL
from tests.support.scripted_teacher import CLASSES, truth


class Spy:
    """A teacher that remembers every call."""

    def __init__(self, function: Callable[[np.ndarray], object] = truth) -> None:
        self.function = function
        self.calls: list[np.ndarray] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.calls.append(images.copy())
        return self.function(images)  # type: ignore[return-value]

    @property
    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls]

    @property
    def seen(self) -> list[bytes]:
        return [image.tobytes() for call in self.calls for image in call]

    def sent(self, images: np.ndarray) -> bool:
        """Whether it was sent these and no others, each once, in any order."""
        return sorted(self.seen) == sorted(image.tobytes() for image in images)


def client_of(
    book: ledger.Ledger,
    spy: Spy,
    budget: int = 1000,
    run: str = "run",
    batch: int = 8,
    **more: Any,
) -> client.QueryClient:
    given: dict[str, Any] = {"teacher": teachers.Teacher("spy", spy), "classes": CLASSES, **more}
    return client.QueryClient(ledger=book, run=run, budget=budget, batch=batch, **given)


def ask(query_client: client.QueryClient, images: np.ndarray, purpose: str = DISTILL) -> np.ndarray:
    return client.ask(query_client, images, purpose, round_=0, progress=lambda answered: None)
