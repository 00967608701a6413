"""A search that was stopped continues where it was, and selects the same."""

import numpy as np
import pytest
from jax.experimental import multihost_utils

from amkd.core.stopping import Stopped
from amkd.methods import active_mixup, vanilla_al
from amkd.search import pairs, top_k
from amkd.search.scans import Scan, Scans
from tests.search.test_device_search import N, fingerprint, inputs

TOTAL = pairs.count(N)  # 780
HERE = "tests.search.test_scans"


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


def scan(done):
    """The progress of a scan; what it found is not looked at here."""
    none = np.empty(0, np.int32)
    return Scan(done, top_k.Scored(np.empty(0, np.float32), none, none, none))


def dones(kept):
    return [one.done for one in kept]


def test_one_process_saves_when_the_seconds_have_passed():
    clock, saved = Clock(), []
    scans = Scans(kept=(), save=saved.append, seconds=60, clock=clock)
    assert scans.begin(100).done == 0
    clock.now = 59.9
    assert not scans.is_due(500)
    clock.now = 60
    assert scans.is_due(600)
    scans.save(scan(600))
    clock.now = 119
    assert not scans.is_due(900)
    scans.end(scan(1000))
    assert scans.begin(100).done == 0
    clock.now = 120
    assert scans.is_due(300)
    scans.save(scan(300))
    assert [dones(one) for one in saved] == [[600], [1000, 300]]


def test_the_order_identifies_scans():
    kept = (scan(1000), scan(300))
    scans = Scans(kept=kept, save=lambda _: None, seconds=60)
    assert scans.begin(100) is not None
    scans.end(kept[0])
    assert scans.begin(100).done == 300
    scans.end(scan(1000))
    assert scans.begin(100).done == 0


def test_several_processes_save_at_places_that_process_0_chooses():
    """10 pairs a second and 100 in a dispatch: process 0 looks after 100 pairs, at 10 s. It expects
    500 more until 60 s, looks there at 66 s, and saves. The clock of process 1 stands still.
    """
    clock, told = Clock(), []

    def tell(number):
        told.append(number)
        return number

    first = Scans(kept=(scan(0),), save=lambda _: None, seconds=60, agree=tell, clock=clock)
    heard = iter(())
    second = Scans(
        kept=(), save=lambda _: None, seconds=60, agree=lambda _: next(heard), clock=Clock()
    )
    due = []
    first.begin(100)
    for done in range(100, 801, 100):
        clock.now = done / 10 * (1.1 if done > 500 else 1)
        due.append(first.is_due(done))
        if due[-1]:
            first.save(scan(done))
    assert due == [False] * 5 + [True, False, False]
    assert told[:3] == [0, 500, 0]
    heard = iter(told)
    second.begin(100)
    assert [second.is_due(done) for done in range(100, 801, 100)] == due


class Interrupted:
    """Selects, asked to stop after some dispatches, and again and again until it has ended."""

    def __init__(self, choose, one, after):
        self.choose, self.one, self.after = choose, one, after
        self.kept, self.progress, self.stops = (), [], 0

    def attempt(self, seconds=1e9):
        """Selects once; the process is asked to stop during a dispatch."""
        begun = len(self.progress)

        def progress(size):
            if len(self.progress) - begun > self.after:
                raise Stopped
            self.progress.append(size)

        def save(kept):
            self.kept = kept

        scans = Scans(kept=self.kept, save=save, seconds=seconds)
        return self.choose(self.one._replace(progress=progress, scans=scans))

    def to_the_end(self):
        for _ in range(100):
            try:
                return self.attempt()
            except Stopped:
                self.stops += 1
        raise AssertionError("it makes no progress")


REMOVED = np.sort(np.random.default_rng(1).choice(TOTAL, 99, replace=False))


@pytest.mark.parametrize("after", [1, 3, 20])
@pytest.mark.parametrize(
    "fields",
    [{}, {"pool": pairs.make_pair_pool(N, 600, 0)}, {"chosen": REMOVED}, {"minimiser": "refined"}],
)
def test_the_same_bits_after_stops_at_any_place(fields, after):
    one = inputs(chunk=32, **fields)
    stopped = Interrupted(active_mixup.choose, one, after)
    assert fingerprint(stopped.to_the_end()) == fingerprint(active_mixup.choose(one))
    left = one.pool.size - len(one.chosen)
    assert stopped.stops >= left // (32 * (after + 4)) - 1


@pytest.mark.parametrize("chunk", [0, 48])
def test_the_same_bits_in_the_form_for_accelerators(chunk, as_accelerated):
    one = inputs(chunk=chunk, chosen=REMOVED)
    stopped = Interrupted(active_mixup.choose, one, 1)
    assert fingerprint(stopped.to_the_end()) == fingerprint(active_mixup.choose(one))
    assert stopped.stops


@pytest.mark.parametrize(
    ("choose", "one"),
    [
        (vanilla_al.choose, inputs(chunk=128)),
        (
            active_mixup.choose,
            inputs(n=80, k=120, minimiser="screened", evaluations=4, recall=0.5),
        ),
    ],
    ids=["one scan for each lambda", "a forecast before the shortlist"],
)
def test_searches_of_several_parts(choose, one):
    stopped = Interrupted(choose, one, 8)
    found, expected = stopped.to_the_end(), choose(one)
    assert fingerprint(found) == fingerprint(expected)
    assert found.metrics == expected.metrics
    assert stopped.stops


def test_every_dispatch_that_was_begun_is_saved():
    """32 pairs each. The request comes when the fifth has ended; two more are queued then."""
    stopped, saved = Interrupted(active_mixup.choose, inputs(chunk=32), 4), []
    for _ in range(3):
        with pytest.raises(Stopped):
            stopped.attempt()
        saved.extend(dones(stopped.kept))
    assert saved == [7 * 32, 14 * 32, 21 * 32]
    assert len(stopped.attempt().records) == 50


def test_a_killed_process_repeats_what_came_after_the_last_save():
    """Saved after every dispatch, and then gone without another save."""
    one = inputs(chunk=64)
    saved = []
    scans = Scans(kept=(), save=saved.append, seconds=0)
    whole = active_mixup.choose(one._replace(scans=scans))
    assert [dones(kept) for kept in saved] == [[min(64 * n, TOTAL)] for n in range(1, 14)]
    for kept in saved[::4]:
        progress = []
        again = Scans(kept=kept, save=lambda _: None, seconds=1e9)
        found = active_mixup.choose(one._replace(scans=again, progress=progress.append))
        assert fingerprint(found) == fingerprint(whole)
        assert progress[0] == kept[0].done and sum(progress) == TOTAL


def of_two():
    """Returns what each of two processes selects: without scans, with one that is saved often, and
    from places of it that process 0 alone knows.
    """
    import jax

    one, saved = inputs(chunk=100), []

    def agree(number):
        return int(multihost_utils.broadcast_one_to_all(np.int32(number)))

    scans = Scans(kept=(), save=saved.append, seconds=0, agree=agree)
    found = [fingerprint(active_mixup.choose(each)) for each in (one, one._replace(scans=scans))]
    for kept in saved[::3]:
        known = kept if jax.process_index() == 0 else ()
        again = Scans(kept=known, save=lambda _: None, seconds=1000, agree=agree)
        found.append(fingerprint(active_mixup.choose(one._replace(scans=again))))
    return {"saved": [dones(kept) for kept in saved], "found": found}


@pytest.mark.heavy
def test_two_processes_continue_a_scan(on_processes):
    first, second = on_processes(2, 1, HERE, "of_two")
    assert first == second
    assert len(first["saved"]) > 3
    assert len(first["found"]) > 3 and len(set(first["found"])) == 1
