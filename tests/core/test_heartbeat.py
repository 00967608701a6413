"""Heartbeats between processes, over a coordination service of the test itself."""

import json
import os
import subprocess
import sys
import threading

import pytest

from amkd.core import heartbeat
from amkd.core.errors import JobEnded
from amkd.core.heartbeat import Heartbeat, Post
from amkd.core.stopping import Stopped, StopSignal


class Service:
    """Keeps texts by key."""

    def __init__(self):
        self.texts = {}

    def key_value_set(self, key, text, allow_overwrite=False):
        assert allow_overwrite
        self.texts[key] = text

    def key_value_dir_get(self, prefix):
        return [(key, text) for key, text in self.texts.items() if key.startswith(prefix)]


@pytest.fixture
def pair(monkeypatch):
    """The heartbeats of two processes that know each other, each with its signals, and a clock."""
    monkeypatch.setattr(heartbeat, "exit_on_abort", lambda end: None)
    monkeypatch.setattr(heartbeat.threading.Thread, "start", lambda self: None)
    service, found = Service(), []
    for index in range(2):
        asked = StopSignal()
        stop = asked if index == 0 else StopSignal()
        beat = Heartbeat(service, index=index, count=2, asked=asked, stop=stop)
        beat.start()
        found.append((beat, asked, stop))
    return found


def look(*beats):
    for beat in beats:
        beat._post()
        beat._read()
        beat._check()


def test_as_long_as_both_live_nothing_happens(pair):
    (first, _, stop), (second, _, other) = pair
    for _ in range(3):
        look(first, second)
    stop.check()
    other.check()


def test_a_stop_of_one_becomes_a_stop_of_process_0_alone(pair, capsys):
    (first, asked, stop), (second, signals, other) = pair
    signals.requested = True
    look(second, first)
    assert asked.requested and "process 1 was asked to stop" in capsys.readouterr().out
    with pytest.raises(Stopped):
        stop.check()
    other.check()  # process 0 decides when


@pytest.mark.parametrize("silent", [0, 1])
def test_silence_ends_the_other_with_the_status_of_what_goes_on(pair, silent, monkeypatch):
    (beat, _, stop) = pair[1 - silent]
    look(pair[0][0], pair[1][0])
    look(beat)
    monkeypatch.setattr(heartbeat, "LOST_AFTER", 0.0)
    beat._check()
    with pytest.raises(JobEnded, match=f"process {silent} gave no heartbeat") as raised:
        stop.check()
    assert raised.value.status == 75 and beat.aborted()[0] == 75


@pytest.mark.parametrize("index", [0, 1])
def test_an_end_is_told_with_its_status(pair, index):
    (ended, _, own), (beat, _, stop) = pair[index], pair[1 - index]
    ended.end(3, "the teacher failed")
    ended.end(2, "and again")  # the first one counts
    look(beat)
    with pytest.raises(JobEnded, match=f"process {index} has ended: the teacher failed") as raised:
        stop.check()
    assert raised.value.status == 3 and beat.aborted()[0] == 3
    look(ended)
    own.check()
    assert ended.aborted() == (3, "")


def test_who_has_left_is_not_missed(pair, monkeypatch):
    (first, _, stop), (second, _, _) = pair
    second.leave(0.0)
    monkeypatch.setattr(heartbeat, "LOST_AFTER", 0.0)
    look(first)
    first._check()
    stop.check()
    first.leave(5.0)  # returns at once


def test_posts_are_json(pair):
    (first, _, _), _ = pair
    first.end(75, "é")
    assert Post(**json.loads(first._client.texts["amkd/posts/0"])).ended == [75, "é"]


def test_an_abort_is_an_exit_with_a_status():
    """Also from a thread of C, as JAX's; Python's own handlers of signals come too late there."""
    code = (
        "from amkd.core import heartbeat\n"
        "import os, threading, time\n"
        "heartbeat.exit_on_abort(lambda: (75, 'the last words'))\n"
        "threading.Thread(target=os.abort).start()\n"
        "time.sleep(30)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)
    )
    assert (done.returncode, done.stderr) == (75, "the last words\n")


def test_no_earlier_post_lands_last():
    """The thread makes its post, and waits for the network, while the process says how it ends."""
    service, begun, go_on = Service(), threading.Event(), threading.Event()
    beat = Heartbeat(service, index=1, count=2, asked=StopSignal(), stop=StopSignal())
    put = service.key_value_set

    def slow(key, text, allow_overwrite):
        if threading.current_thread() is thread:
            begun.set()
            assert go_on.wait(60)
        put(key, text, allow_overwrite)

    service.key_value_set = slow
    thread = threading.Thread(target=beat._post, daemon=True)
    ending = threading.Thread(target=beat.end, args=(2, "the images differ"), daemon=True)
    thread.start()
    assert begun.wait(60)
    ending.start()
    ending.join(0.5)  # it has to wait for the thread's post
    go_on.set()
    for one in (thread, ending):
        one.join(60)
    assert json.loads(service.texts["amkd/posts/1"])["ended"] == [2, "the images differ"]
