"""Whole runs against a faulty service, and ledgers held against what the service saw."""

import collections
import contextlib
import importlib
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amkd import ledger
from amkd.config.settings import Settings
from amkd.core.digest import image_digest
from amkd.core.stopping import StopSignal
from amkd.ledger import reader, verify
from amkd.run import experiment
from amkd.validation import from_config
from tests.support.faulty_server import JSON, Asked, FaultyServer, digest

SHAPE, CLASSES, PRICE, BUDGET, BATCH = (8, 8, 1), 10, 0.25, 60, 4
MIDDLE = [
    "ok"
] * 8  # then comes a whole batch of round 1: every round's first request has one image

# Seconds of work. No two shapes differ between runs, so that they share their compiled programs.
TINY = {
    "n_real": 20,
    "budget": BUDGET,
    "rounds": 2,
    "data.test_images": 16,
    "teacher.batch": BATCH,
    "teacher.attempts": 3,
    "teacher.first_wait": 0.001,
    "teacher.longest_wait": 0.01,
    "teacher.price": PRICE,
    "teacher.max_lost": 10_000,
    "teacher.http.connect_timeout": 5.0,
    "teacher.http.read_timeout": 5.0,
    "train.epochs": 1,
    "train.batch_size": 32,
    "search.chunk": 64,
    "search.lam_count": 3,
    "search.tile": 8,
    "report.progress": False,
    "report.tensorboard": False,
    "report.plots": False,
}
JSON_FIELDS = {
    "teacher.kind": "json",
    **{f"teacher.json.{name}": value for name, value in JSON.items()},
}
OIP_FIELDS = {"teacher.kind": "oip", "teacher.oip.model": "digits"}

# What is said of each fault that brings no good answer, in either protocol.
CAUSES = {
    "hang": "Timeout",
    "drip": "Timeout",
    "reset": "ReadError|RemoteProtocolError",
    "truncated": "ReadError|RemoteProtocolError",
    "garbled": "not JSON|truncated|do not fill",
    "rows": r"for \d of \d image|for \d image",
    "classes": "the label '10'|answered 11 scores",
    "nan": "NaN",
    "sum": "sum to 2 ",
    "contradiction": "contradict each other",
    "stranger": "another request|another id",
}
_FINAL = ("classes", "400", "403", "404", "413", "422")  # another attempt will not help
_HARMLESS = ("ok", "slow", "shuffled", "duplicate")


def truth(images: np.ndarray) -> np.ndarray:
    """The function that the service is; whole numbers up to the softmax, so that no batch changes a
    bit.
    """
    weights = np.random.default_rng(7).integers(-9, 10, (np.prod(SHAPE), CLASSES))
    votes = images.reshape(len(images), -1).astype(np.int64) @ weights
    odds = np.exp((votes - votes.max(-1, keepdims=True)) / 1500)
    return odds / odds.sum(-1, keepdims=True)


class Oracle:
    """``truth`` with a memory: ``seen`` has every image that a reply was made for, by the server's
    digest.
    """

    def __init__(self) -> None:
        self.seen: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        with self._lock:
            self.seen.update((digest(image), image.copy()) for image in images)
        return truth(images)


def settings_of(server: FaultyServer, kind: str, **fields: Any) -> Settings:
    """The settings of a tiny run; fields as ``teacher__in_flight=3``."""
    config = importlib.import_module("amkd.configs.default").get_config()
    url = server.json_url if kind == "json" else server.url
    named = {name.replace("__", "."): value for name, value in fields.items()}
    chosen = JSON_FIELDS if kind == "json" else OIP_FIELDS
    config.update_from_flattened_dict({**TINY, **chosen, "teacher.http.url": url, **named})
    return from_config(config.to_dict())


def run(config: Settings, folder: Path) -> dict[str, Any]:
    return experiment.run(config, folder, StopSignal())


# What a ledger must say of what a server saw.


def name_of(fault: str) -> str:
    return fault.partition(":")[0]


def good(asked: Asked) -> list[str]:
    """Images whose answers went out whole and right."""
    fault = name_of(asked.fault)
    if fault in _HARMLESS or (fault == "contradiction" and asked.path != "/classify"):
        return asked.images
    return asked.images[1:] if fault == "nan" else []


def outcome(asked: Asked) -> tuple[int, str, int]:
    """How a ledger must note a request: images, state, answers kept."""
    fault, count = name_of(asked.fault), len(asked.images)
    if (fault, count, asked.path) == ("nan", 1, "/classify"):
        return count, "lost", 0  # no entry of the reply can be used
    if fault in ("nan", "sum") or good(asked):
        return count, "answered", len(good(asked))
    refused = (
        fault == "429" or asked.fault.startswith("503:") or (fault in _FINAL and fault.isdecimal())
    )
    return count, "refused" if refused else "lost", 0


def is_final(asked: Asked) -> bool:
    """Whether a request had to end the run."""
    return name_of(asked.fault) in (*_FINAL, "nan", "sum")


def names_its_cause(error: Exception, requests: list[Asked]) -> bool:
    """Whether an error tells of a fault that one of these requests met."""
    faults = {name_of(asked.fault) for asked in requests if len(good(asked)) < len(asked.images)}
    return any(re.search(CAUSES.get(fault, f"status {fault}"), str(error)) for fault in faults)


class Held(NamedTuple):
    """What a ledger holds.

    Attributes:
      answers: scores by address.
      batches: (images, state, answered) of each.
      pending: addresses in flight.
      used: (run, image) pairs noted, and those among them that were paid for.
    """

    answers: dict[bytes, np.ndarray]
    batches: list[tuple[int, str, int]]
    pending: set[bytes]
    used: int
    paid: int

    def images(self, *states: str) -> int:
        """Images of the batches in these states."""
        return sum(images for images, state, _ in self.batches if state in states)


def read(path: Path) -> Held:
    """A ledger's content; fails if the ledger's own check finds anything wrong."""
    with reader.open_read_only(path) as db:
        assert [fault for check in verify.checks(db) for fault in check.faults] == []
        return Held(
            {
                image: np.frombuffer(scores, "<f4")
                for image, scores in db.execute("SELECT image, scores FROM answer")
            },
            db.execute("SELECT images, state, answered FROM batch").fetchall(),
            {image for (image,) in db.execute("SELECT image FROM pending")},
            *db.execute("SELECT count(*), total(paid) FROM use").fetchone(),
        )


def addresses(images: np.ndarray) -> dict[str, bytes]:
    """The ledger's address of each image, by the server's digest."""
    return {digest(image): image_digest(image) for image in images}


def check_answers(held: Held, images: np.ndarray) -> None:
    """Every answer that is held is the service's, bit for bit."""
    right = {
        image_digest(image): row
        for image, row in zip(images, truth(images).astype(np.float32), strict=True)
    }
    assert held.answers.keys() <= right.keys()
    assert all(np.array_equal(scores, right[address]) for address, scores in held.answers.items())


def check_requests(requests: list[Asked]) -> None:
    """What was answered well was never asked about again."""
    answered: set[str] = set()
    for asked in requests:
        assert not answered & set(asked.images)
        answered |= set(good(asked))


def check(path: Path, server: FaultyServer, oracle: Oracle) -> Held:
    """A run's ledger after it ended by itself, well or with an error, agrees with all that the
    server saw.
    """
    held = read(path)
    seen = np.stack(list(oracle.seen.values()))
    check_answers(held, seen)
    check_requests(server.requests)
    place = addresses(seen)
    # No answer was lost, and none is there that was not given.
    assert held.answers.keys() == {
        place[image] for asked in server.requests for image in good(asked)
    }
    # Every request is one batch of the ledger, and it knows what became of it.
    assert collections.Counter(held.batches) == collections.Counter(map(outcome, server.requests))
    assert not held.pending
    assert held.used == held.paid == len(held.answers) <= BUDGET
    with contextlib.closing(ledger.Ledger(path)) as book:
        ((name,),) = book.rows("SELECT run FROM run")
        assert book.spent(name) == PRICE * held.images("answered", "lost")
        assert book.lost(name) == held.images("lost")
    return held


def check_finished(summary: dict[str, Any], held: Held) -> None:
    """A finished run used its budget, and its summary says what the ledger says."""
    assert summary["queries"] == summary["queries_paid"] == held.used == BUDGET
    assert summary["lost"] == held.images("lost")
    assert summary["cost"] == PRICE * (BUDGET + held.images("lost") + _wasted(held))


def _wasted(held: Held) -> int:
    """Images of answered batches whose rows were garbage."""
    return sum(images - kept for images, state, kept in held.batches if state == "answered")


def check_asked_again(server: FaultyServer, oracle: Any, pending: list[set[bytes]]) -> None:
    """An image came a second time only for a kill that found it in flight: its answer cannot have
    been kept.
    """
    place = addresses(np.stack(list(oracle.seen.values())))
    caught = collections.Counter(address for addresses in pending for address in addresses)
    assert all(times <= 1 + caught[place[image]] for image, times in server.received.items())
