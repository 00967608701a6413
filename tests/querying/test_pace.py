"""The pace of requests: a steady rate, pauses for all, and an end to all waiting."""

import threading
import time
from collections.abc import Callable
from concurrent import futures

import hypothesis
import pytest
from hypothesis import strategies as st

from amkd.querying.pace import Halted, Pace


class Clock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def pace_of(rate: float, monkeypatch: pytest.MonkeyPatch) -> tuple[Pace, Clock]:
    """A pace whose waiting takes no time."""
    clock = Clock()
    pace = Pace(rate, clock)
    monkeypatch.setattr(pace, "wait", clock.wait)
    return pace, clock


def turns(pace: Pace, clock: Clock, count: int) -> list[float]:
    """When so many turns in a row come, from 0 on."""
    found = []
    for _ in range(count):
        pace.turn()
        found.append(clock.now - 100)
    return found


class Witness:
    """A true clock that remembers what it told each thread last: that is when its turn was
    taken.
    """

    def __init__(self) -> None:
        self.told = threading.local()

    def __call__(self) -> float:
        self.told.last = time.monotonic()
        return self.told.last


def crowd(pace: Pace, witness: Witness, threads: int, each: int) -> list[float]:
    """When turns are taken by many threads at once, in order."""

    def take(_: int) -> list[float]:
        found = []
        for _ in range(each):
            pace.turn()
            found.append(witness.told.last)
        return found

    with futures.ThreadPoolExecutor(threads) as pool:
        return sorted(taken for part in pool.map(take, range(threads)) for taken in part)


def in_time(seconds: float, function: Callable[[], object]) -> None:
    start = time.monotonic()
    function()
    assert time.monotonic() - start < seconds


# The rate.


def test_turns_come_at_a_steady_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, clock = pace_of(4, monkeypatch)
    assert turns(pace, clock, 4) == [0, 0.25, 0.5, 0.75]
    clock.now += 10  # what was not used is not saved up
    assert turns(pace, clock, 3) == [10.75, 11, 11.25]
    clock.now += 0.125
    assert turns(pace, clock, 2) == [11.5, 11.75]
    assert sum(clock.waits) == 3 * 0.25 + 2 * 0.25 + 0.125 + 0.25


def test_a_rate_may_be_below_one_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, clock = pace_of(0.1, monkeypatch)
    assert turns(pace, clock, 3) == [0, 10, 20]


def test_no_rate_is_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, clock = pace_of(0, monkeypatch)
    assert turns(pace, clock, 1000) == [0] * 1000
    assert not any(clock.waits)


@hypothesis.given(
    rate=st.integers(1, 1000),
    idle=st.lists(st.floats(0, 3), min_size=1, max_size=40),
)
def test_no_window_has_more_turns_than_the_rate_allows(rate: int, idle: list[float]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        pace, clock = pace_of(rate, monkeypatch)
        taken = []
        for seconds in idle:
            clock.now += seconds
            taken += turns(pace, clock, 1)
    check_windows(taken, rate)


def check_windows(taken: list[float], rate: float) -> None:
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= rate * (taken[last] - taken[first]) + 1 + 1e-6


def test_all_threads_together_keep_the_rate() -> None:
    witness = Witness()
    start = time.monotonic()
    taken = crowd(Pace(200, witness), witness, threads=8, each=10)
    assert len(taken) == 80
    check_windows(taken, 200)
    assert taken[-1] - start >= 79 / 200


def test_many_threads_without_a_rate_take_all_their_turns() -> None:
    witness = Witness()
    taken: list[float] = []
    in_time(60, lambda: taken.extend(crowd(Pace(0, witness), witness, threads=8, each=200)))
    assert len(taken) == 1600


# Pauses.


def test_a_pause_holds_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, clock = pace_of(4, monkeypatch)
    assert turns(pace, clock, 1) == [0]
    pace.hold(3)
    assert turns(pace, clock, 3) == [3, 3.25, 3.5]


@pytest.mark.parametrize("rate", [0, 4])
def test_the_longer_of_two_pauses_counts(monkeypatch: pytest.MonkeyPatch, rate: float) -> None:
    pace, clock = pace_of(rate, monkeypatch)
    pace.hold(3)
    pace.hold(1)
    assert turns(pace, clock, 1) == [3]
    pace.hold(1)
    pace.hold(2)
    assert turns(pace, clock, 1) == [5]


def test_a_pause_shorter_than_the_gap_does_not_hasten_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pace, clock = pace_of(0.5, monkeypatch)
    pace.turn()
    pace.hold(0.5)
    assert turns(pace, clock, 1) == [2]


def test_a_pause_that_is_over_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, clock = pace_of(0, monkeypatch)
    pace.hold(1)
    clock.now += 2
    assert turns(pace, clock, 2) == [2, 2]


def test_a_pause_during_a_wait_prolongs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that waits for its turn finds that another one was told to hold."""
    clock = Clock()
    pace = Pace(1, clock)

    def wait(seconds: float) -> None:
        if seconds and not any(clock.waits):
            pace.hold(5)
        clock.wait(seconds)

    monkeypatch.setattr(pace, "wait", wait)
    assert turns(pace, clock, 2) == [0, 5]


@pytest.mark.parametrize("rate", [0, 1000])
def test_a_pause_holds_all_threads(rate: float) -> None:
    witness = Witness()
    pace = Pace(rate, witness)
    start = time.monotonic()
    pace.hold(0.2)
    assert min(crowd(pace, witness, threads=4, each=3)) >= start + 0.2


# The end.


@pytest.mark.parametrize("rate", [0, 1e-3])
def test_a_halt_ends_every_wait(rate: float) -> None:
    pace = Pace(rate)
    pace.turn()
    pace.hold(1000)
    with futures.ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(pace.turn) for _ in range(3)] + [
            pool.submit(pace.wait, 1000) for _ in range(3)
        ]
        assert not futures.wait(waiting, 0.1).done
        pace.halt()
        for future in waiting:
            assert isinstance(future.exception(timeout=5), Halted)


@pytest.mark.parametrize("rate", [0, 10, 1e-3])
def test_after_a_halt_there_are_no_turns(rate: float) -> None:
    """Not even one that has come."""
    pace = Pace(rate)
    pace.halt()
    with pytest.raises(Halted):
        pace.turn()
    for seconds in (-1, 0, 1000):
        with pytest.raises(Halted):
            pace.wait(seconds)
    pace.halt()


def test_waiting_takes_its_time() -> None:
    pace = Pace(0)
    start = time.monotonic()
    pace.wait(0.05)
    assert time.monotonic() - start >= 0.05
    in_time(60, lambda: pace.wait(0))
    in_time(60, lambda: pace.wait(-1000))
