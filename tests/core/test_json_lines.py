"""The log as JSON: every line one object, whoever wrote it."""

import io
import json
import logging
import math
import sys
import threading

import pytest

from amkd.core import console, json_lines
from amkd.core.json_lines import JsonLines


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def streams(monkeypatch, capsys):
    """Begins a log in JSON, in the test itself: pytest sets its own streams before."""

    def begin():
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdout", JsonLines(out, "info"))
        monkeypatch.setattr(sys, "stderr", JsonLines(err, "warning"))
        return out, err

    yield begin
    json_lines.describe(None)


def test_messages_and_facts(streams):
    out, err = streams()
    console.say("é\x1b[31m\nsecond line")
    console.say("it fails", error=True, level="error", exit_status=2)
    json_lines.describe(lambda: {"phase": "query", "round": 1})
    console.note("progress", done=3, loss=math.nan)
    first, second = objects(out.getvalue())
    assert first.pop("time").endswith("Z") and second.pop("time") > ""
    assert first == {"level": "info", "message": "é\\x1b[31m\nsecond line"}
    assert second == {
        **{"phase": "query", "round": 1, "level": "info", "event": "progress"},
        **{"done": 3, "loss": None},
    }
    (failed,) = objects(err.getvalue())
    assert (failed["level"], failed["message"], failed["exit_status"]) == ("error", "it fails", 2)
    assert out.getvalue().isascii() and console.is_json()


def test_what_others_write(streams):
    out, err = streams()
    print("one", "two", flush=True)
    print("half", end="")
    sys.stdout.write(" a line\r\n\nrest")
    print("careful", file=sys.stderr)
    sys.stdout.drain()
    assert [one["message"] for one in objects(out.getvalue())] == ["one two", "half a line", "rest"]
    (careful,) = objects(err.getvalue())
    assert (careful["level"], careful["message"]) == ("warning", "careful")


def test_an_error_in_the_code_is_one_object(streams):
    _, err = streams()
    try:
        _ = [][3]
    except IndexError as error:
        console._write_error(IndexError, error, error.__traceback__)
    (told,) = objects(err.getvalue())
    assert (told["event"], told["message"]) == ("crashed", "IndexError: list index out of range")
    assert "test_json_lines.py" in told["traceback"]


def test_last_words_of_a_process_that_is_ended(streams, monkeypatch):
    streams()
    assert json.loads(console.last_line("lost"))["message"] == "lost"
    monkeypatch.undo()
    assert console.last_line("lost") == b"lost\n" and not console.is_json()


def test_a_person_gets_no_facts(capsys):
    console.note("phase")
    console.say("hello", event="round", loss=1.0)
    assert capsys.readouterr().out == "hello\n"


def test_a_line_may_be_written_while_its_thread_writes_another():
    """The garbage collector may run a finalizer that logs in the middle of a write."""

    class Interrupted(io.StringIO):
        def flush(self):
            super().flush()
            if self.getvalue().count("\n") == 1:
                lines.emit(message="of a finalizer")

    stream = Interrupted()
    lines = JsonLines(stream, "info")
    thread = threading.Thread(target=lines.emit, kwargs={"message": "first"}, daemon=True)
    thread.start()
    thread.join(60)
    messages = [one["message"] for one in objects(stream.getvalue())]
    assert messages == ["first", "of a finalizer"]


def test_two_threads_whose_logs_wait_for_each_other():
    """One writes a line, in which a finalizer logs; the other logs, and its handler writes one."""
    inside, handling = threading.Event(), threading.Event()
    log = logging.getLogger("amkd.test_json_lines")

    class Interrupted(io.StringIO):
        def flush(self):
            if threading.current_thread() is first and not inside.is_set():
                inside.set()
                assert handling.wait(60)
                log.warning("of a finalizer")

    class Handler(logging.StreamHandler):
        def emit(self, record):
            if threading.current_thread() is second:
                handling.set()
            super().emit(record)

    def log_another():
        assert inside.wait(60)
        log.warning("of another thread")

    stream = Interrupted()
    lines = JsonLines(stream, "warning")
    first = threading.Thread(target=lines.emit, kwargs={"message": "first"}, daemon=True)
    second = threading.Thread(target=log_another, daemon=True)
    handler = Handler(lines)
    log.addHandler(handler)
    try:
        for thread in (first, second):
            thread.start()
        for thread in (first, second):
            thread.join(60)
            assert not thread.is_alive()
    finally:
        log.removeHandler(handler)
    messages = [one["message"] for one in objects(stream.getvalue())]
    assert sorted(messages) == ["first", "of a finalizer", "of another thread"]


def test_the_last_lines_are_written_at_the_end_of_the_process():
    """Another thread was about to write them."""
    stream = io.StringIO()
    lines = JsonLines(stream, "info")
    with json_lines._LOCK:
        lines.emit(message="the end")
        assert stream.getvalue() == ""
    lines.drain()
    assert [one["message"] for one in objects(stream.getvalue())] == ["the end"]
