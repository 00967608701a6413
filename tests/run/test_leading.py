"""What processes agree on: where a training stops, and what they have loaded."""

import numpy as np
import pytest

from amkd.core import processes
from amkd.core.digest import array_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.run import leading

IMAGES = np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1)


class Board:
    """In place of JAX's coordination service: one number, written once."""

    def __init__(self):
        self.number = None

    def read(self):
        return self.number

    def write(self, number):
        assert self.number is None
        self.number = number


@pytest.mark.parametrize("at_once", [1, 2, 5])
@pytest.mark.parametrize("asked_in", range(1, 11))
def test_all_processes_stop_after_the_same_epochs(at_once, asked_in, monkeypatch):
    """The devices do ``at_once`` epochs, then every process looks at each: the follower first,
    which is the harder order. A process leaves after the epochs in which it is to stop.
    """
    board = Board()
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "Announcement", lambda: board)
    asked = StopSignal()
    stops = {
        "follower": leading.EpochStop(StopSignal(), at_once),
        "leader": leading.EpochStop(asked, at_once),
    }
    left = {}
    for begin in range(0, 30, at_once):
        for name, stop in stops.items():
            monkeypatch.setattr(processes, "leads", lambda name=name: name == "leader")
            for epoch in range(begin + 1, begin + at_once + 1):
                asked.requested |= name == "leader" and epoch >= asked_in
                stop.after_epoch(epoch)
            if stop.requested:
                left[name] = begin
        if left:
            break
    assert left.keys() == stops.keys()
    assert asked_in <= left["leader"] + at_once <= asked_in + 2 * at_once


def test_other_images_or_weights_are_refused_by_what_they_are(monkeypatch):
    own = array_digest(IMAGES)
    monkeypatch.setattr(processes, "count", lambda: 3)

    def agree(*reported):
        monkeypatch.setattr(processes, "gather", lambda _: dict(enumerate(reported, start=1)))
        leading.check_same_inputs(IMAGES, "abc")

    agree(f"{own} abc", f"{own} abc")
    with pytest.raises(UserError, match=r"process 2 has different weights .*student_weights"):
        agree(f"{own} abc", f"{own} ")
    with pytest.raises(UserError, match=r"process 1 has different images .*config\.data\.dir"):
        agree(f"{array_digest(IMAGES + 1)} abc", f"{own} abc")


def test_a_follower_reports_both(monkeypatch):
    told = {}
    monkeypatch.setattr(processes, "send_to_leader", told.__setitem__)
    leading.report_loaded(IMAGES, "abc")
    assert list(told.values()) == [f"{array_digest(IMAGES)} abc"]
