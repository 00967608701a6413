"""How the command ends: one exit status for each way, and nothing but clear words."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from amkd.cli import ending
from amkd.core import console
from amkd.core.errors import TeacherFailed, UserError
from amkd.core.stopping import Stopped
from amkd.teachers import PartlyAnswered, Refused
from amkd.teachers.answers import BadAnswer

ROOT = Path(__file__).resolve().parents[2]

# What a command raises, whether it saves its state, its exit status, its last words.
ENDS = {
    "finished": (None, True, 0, ""),
    "stopped by a signal": (Stopped(), True, 75, "stopped; the state is saved. Run the same"),
    "the reader has gone, in a run": (console.ReaderGone(), True, 75, ""),
    "the reader has gone, elsewhere": (console.ReaderGone(), False, 0, ""),
    "a mistake": (UserError("config.budget=1: no"), True, 2, "error: config.budget=1: no"),
    "a disk that is full": (OSError(28, "No space left on device"), True, 2, "No space left"),
    "a student that diverged": (FloatingPointError("the loss is NaN"), True, 2, "the loss is NaN"),
    "a teacher that gave up": (TeacherFailed("no answer in 6 attempts"), True, 3, "6 attempts"),
    "a teacher that refuses": (Refused("status 401"), True, 3, "error: status 401"),
    "an answer of another form": (BadAnswer("no numbers"), True, 3, "error: no numbers"),
    "a row that is useless": (PartlyAnswered("no such label", None), True, 3, "no such label"),
    "Ctrl-C where nothing is saved": (KeyboardInterrupt(), False, 130, "interrupted"),
}


@pytest.mark.parametrize("case", ENDS)
def test_exit_status(case, capsys):
    raised, saves, status, words = ENDS[case]

    def command():
        if raised is not None:
            raise raised

    assert ending.end_of(command, saves=lambda: saves)[0] == status
    shown = capsys.readouterr()
    assert shown.out == "" and words in shown.err and "Traceback" not in shown.err
    assert bool(shown.err) == bool(words)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(28, "No space left on device"),
            "No space left on device (--workdir=runs/a): free some space, and run the same",
        ),
        (
            OSError(122, "Disk quota exceeded", "b/c"),
            "Disk quota exceeded: 'b/c': free some space, and run the same",
        ),
        (OSError(5, "Input/output error"), "error: [Errno 5] Input/output error\n"),
    ],
)
def test_a_full_disk_is_named(error, said, capsys):
    def command():
        raise error

    assert ending.end_of(command, saves=lambda: True, workdir=lambda: "runs/a")[0] == 2
    assert said in capsys.readouterr().err


def test_the_documentation_tells_every_status():
    text = (ROOT / "docs" / "resuming.md").read_text()
    told = {ending.FINISHED, ending.MISTAKE, ending.TEACHER_FAILED, ending.UNFINISHED}
    for status in (*told, ending.INTERRUPTED, 143):
        assert re.search(rf"\| ({status}|{status} or \d+|\d+ or {status}) \|", text), status


# Each is run with a reader that takes nothing, `| true`.
UNREAD = {
    "help": (["launch.py", "--help"], 0),
    "the ledger's help": (["-m", "amkd.ledger", "--help"], 0),
    "a run": (["-c", "from tests.cli.test_ending import talk; talk('distill')"], 75),
    "a plan": (["-c", "from tests.cli.test_ending import talk; talk('plan')"], 0),
    "a run's last words": (["-c", "from tests.cli.test_ending import say_last; say_last()"], 0),
    "a library that prints": (["-c", "from tests.cli.test_ending import chatter; chatter()"], 75),
}


def talk(mode):
    """A command that says more than a pipe holds, in place of a run."""
    console.guard()
    say_much = lambda: [console.say("x" * 1000) for _ in range(1000)]  # noqa: E731
    sys.exit(ending.end_of(say_much, saves=lambda: mode == "distill")[0])


def say_last():
    console.guard()
    say = lambda: [console.say("x" * 1000, last=True) for _ in range(1000)]  # noqa: E731
    sys.exit(ending.end_of(say, saves=lambda: True)[0])


def chatter():
    """A teacher's code that prints, and catches whatever goes wrong."""
    console.guard()

    def command():
        for _ in range(1000):
            try:
                print("x" * 1000, flush=True)
            except Exception:
                sys.exit("a reader that has gone is no fault of the teacher")

    sys.exit(ending.end_of(command, saves=lambda: True)[0])


@pytest.mark.parametrize("case", UNREAD)
def test_output_that_nobody_reads_ends_quietly(case):
    arguments, status = UNREAD[case]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    finally:
        os.close(writing)
    assert (ran.returncode, ran.stderr) == (status, "")
