"""Killed while it asks, alone or beside another run, a run loses no answer and buys none twice."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amkd import ledger
from amkd.core.digest import image_digest
from tests.support import asking, command, faulty_runs
from tests.support.faulty_runs import (
    SHAPE,
    Oracle,
    check_asked_again,
)
from tests.support.faulty_server import FaultyServer, digest

heavy = pytest.mark.heavy


class Asker:
    """Runs of ``tests/support/asking.py``, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def start(self, **plan: Any) -> int:
        """Starts a run; returns what the ledger's ``begin`` told it."""
        return int(self._order(json.dumps(plan)))

    def kill(self) -> None:
        assert int(self._order("kill")) == -signal.SIGKILL

    def wait(self) -> None:
        assert self._order("wait") == "done"
        assert self.process.stdout and self.process.stdout.readline() == "0\n"

    def end(self) -> None:
        """Ends the process and its run, however they are."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _order(self, text: str) -> str:
        assert self.process.stdin and self.process.stdout
        watch = threading.Timer(120, self.end)
        watch.start()
        try:
            print(text, file=self.process.stdin, flush=True)
            return self.process.stdout.readline().strip()
        finally:
            watch.cancel()


@pytest.fixture
def askers() -> Iterator[tuple[Asker, Asker]]:
    """Two, each in a process of its own; what they write to stderr is shown with the test's own."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(_asker()), stack.enter_context(_asker())


@contextlib.contextmanager
def _asker() -> Iterator[Asker]:
    line, pipe = [sys.executable, "-m", "tests.support.asking"], subprocess.PIPE
    with subprocess.Popen(
        line, cwd=command.ROOT, stdin=pipe, stdout=pipe, text=True, start_new_session=True
    ) as process:
        asker = Asker(process)
        try:
            yield asker
        finally:
            asker.end()


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    return {"ledger": str(tmp_path / "ledger.sqlite"), "run": "run", "in_flight": 3, "batch": 4}


def wait_for(server: FaultyServer, requests: int) -> None:
    """Waits until so many requests have come."""
    end = time.monotonic() + 60
    while len(server.requests) < requests:
        assert time.monotonic() < end, "the run does not ask"
        time.sleep(0.001)


def lives(seed: int, count: int) -> Iterator[tuple[int, float]]:
    """For each life the requests that it may still send, and then the seconds that it has left."""
    draw = random.Random(seed)
    for _ in range(count):
        yield draw.randint(0, 12), draw.uniform(0, 0.06)


@pytest.mark.parametrize(("seed", "kills"), [(0, 30), pytest.param(1, 150, marks=heavy)])
def test_killed_many_times_while_it_asks(
    seed: int, kills: int, plan: dict[str, Any], askers: tuple[Asker, Asker]
) -> None:
    wanted, asker = 35 * kills, askers[0]  # more than the lives can ask for
    images, path, oracle = asking.some_images(wanted), Path(plan["ledger"]), Oracle()
    oracle.seen.update((digest(image), image) for image in images)
    place = faulty_runs.addresses(images)
    pending: list[set[bytes]] = []
    with FaultyServer(oracle, SHAPE, ["slow:0.03"] * 50 * kills) as server:
        for requests, seconds in lives(seed, kills):
            before = len(server.requests)
            # What is in flight at a kill is what the next start tells of, neither more nor less.
            assert asker.start(**plan, url=server.url, images=wanted) == (
                len(pending[-1]) if pending else 0
            )
            wait_for(server, before + requests)
            time.sleep(seconds)
            asker.kill()
            held = faulty_runs.read(path)
            faulty_runs.check_answers(held, images)
            # Batches in flight before this life have been ended by its start; it never has more
            # under way than this.
            assert held.images("sent") == len(held.pending) <= plan["in_flight"] * plan["batch"]
            assert held.images("lost") == sum(map(len, pending))
            pending.append(held.pending)
            # A batch is noted before it leaves. So what the service got and the ledger lacks was in
            # flight at this kill, or at an earlier one and has not been sent again. (In flight may
            # be more than the service got: a process may die between the note and the sending.)
            received = {place[image] for image in dict(server.received)}
            assert received - held.answers.keys() <= set().union(*pending)
        assert asker.start(**plan, url=server.url, images=wanted) == len(pending[-1])
        asker.wait()
        check_asked_again(server, oracle, pending)
    held, lost = faulty_runs.read(path), sum(map(len, pending))
    assert lost > 0 and not held.pending
    assert held.answers.keys() == set(place.values()) and held.used == held.paid == wanted
    assert held.images("answered") == wanted and held.images("lost") == lost
    assert server.received.total() <= wanted + lost
    book = ledger.Ledger(path)
    assert book.lost("run") == lost and book.spent("run") == asking.PRICE * (wanted + lost)
    book.close()


# Two runs, one ledger.


class Timed(Oracle):
    """Remembers also when each image was last answered, by its address."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: dict[bytes, float] = {}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.moments.update((image_digest(image), time.time()) for image in images)
        return super().__call__(images)


def test_two_runs_at_once_buy_every_image_once(
    plan: dict[str, Any], askers: tuple[Asker, Asker]
) -> None:
    images, oracle = asking.some_images(120), Oracle()
    with FaultyServer(oracle, SHAPE, ["slow:0.03"] * 500) as server:
        for asker, name, step in zip(askers, ("left", "right"), (1, -1), strict=True):
            assert (
                asker.start(
                    **{**plan, "run": name, "step": step}, url=server.url, images=len(images)
                )
                == 0
            )
        for asker in askers:
            asker.wait()
        assert server.received == server.answered == {digest(image): 1 for image in images}
    held = faulty_runs.read(Path(plan["ledger"]))
    faulty_runs.check_answers(held, images)
    assert len(held.answers) == held.paid == held.images("answered") == 120 and held.used == 240
    assert held.images("lost", "refused", "sent") == 0
    book = ledger.Ledger(Path(plan["ledger"]))
    paid = [book.count(name, "distill", paid_only=True) for name in ("left", "right")]
    assert sum(paid) == 120 and [book.count(name, "distill") for name in ("left", "right")] == [
        120,
        120,
    ]
    assert [book.spent(name) for name in ("left", "right")] == [
        asking.PRICE * count for count in paid
    ]
    book.close()


@pytest.mark.parametrize("patience", [3600.0, None])
def test_the_survivor_of_two_runs_asks_for_what_the_dead_one_had_in_flight(
    patience: float | None, plan: dict[str, Any], askers: tuple[Asker, Asker]
) -> None:
    images, oracle, path = asking.some_images(60), Timed(), Path(plan["ledger"])
    fields = {
        "images": len(images),
        "read_timeout": 20.0,
        **({"patience": patience} if patience else {}),
    }
    with FaultyServer(oracle, SHAPE, ["slow:0.2"] * 500) as server:
        askers[0].start(**{**plan, "run": "victim"}, url=server.url, **fields)
        wait_for(server, 6)
        askers[0].kill()
        pending = faulty_runs.read(path).pending
        assert 0 < len(pending) <= 12
        # Once the service is quiet, whatever is answered is answered to the survivor.
        time.sleep(0.5)
        server.faults.clear()
        book, start = ledger.Ledger(path), time.time()
        askers[1].start(**{**plan, "run": "survivor"}, url=server.url, **fields)
        askers[1].wait()
        # At once: the dead run's calls ended with its process.
        assert all(start <= oracle.moments[image] < start + 20 for image in pending)
        check_asked_again(server, oracle, [pending])
    held = faulty_runs.read(path)
    faulty_runs.check_answers(held, images)
    assert len(held.answers) == book.count("survivor", "distill") == 60
    dead, alive = (book.count(name, "distill", paid_only=True) for name in ("victim", "survivor"))
    assert dead + alive == 60 and dead > 0
    assert book.spent("survivor") == asking.PRICE * alive and book.lost("survivor") == 0
    assert book.lost("victim") == len(pending) == book.begin_run("victim", "", "")
    book.close()
