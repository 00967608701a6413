"""No message can fail for a name in it, or reach a terminal as anything but text."""

import io
import os
import subprocess
import sys

import pytest

from amkd.core import console

SHOWN = {
    "plain": ("a b/c.png, 10% [x]", "a b/c.png, 10% [x]"),
    "letters of all kinds": ("été 猫 → λ", "été 猫 → λ"),
    "lines and columns": ("one\n\ttwo", "one\n\ttwo"),
    "a terminal's commands": ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
    "back to the line's start": ("good\rbad\x08", r"good\x0dbad\x08"),
    "commands of one byte": ("\x9b31m\x7f", r"\x9b31m\x7f"),
    "the order of writing": ("a\u202egnp.exe\u2066", r"a\u202egnp.exe\u2066"),
    "a byte that is not UTF-8": (os.fsdecode(b"run\xff\x80"), r"run\xff\x80"),
    "half a character": ("\ud83d", r"\ud83d"),
    "no text": (3, "3"),
}


@pytest.mark.parametrize("case", SHOWN)
def test_what_is_shown_of_a_text(case, capsys):
    text, shown = SHOWN[case]
    assert console.visible(text) == shown
    console.say(text)
    console.say(text, error=True)
    assert capsys.readouterr() == (f"{shown}\n", f"{shown}\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_output_that_lacks_letters(encoding, monkeypatch):
    for error, name in ((False, "stdout"), (True, "stderr")):
        held = io.BytesIO()
        monkeypatch.setattr(sys, name, io.TextIOWrapper(held, encoding=encoding))
        console.say("é → \udcff", error=error)
        shown = held.getvalue().decode(encoding)
        monkeypatch.undo()
        assert shown == "é → \udcff\n".encode(encoding, "backslashreplace").decode(
            encoding
        ).replace(r"\udcff", r"\xff")


def test_what_libraries_print_cannot_fail_either():
    code = (
        "import sys; from amkd.core import console; console.guard();"
        " print('é \\udcff'); print('→', file=sys.stderr)"
    )
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "\\xe9 \\udcff\n", "\\u2192\n")


def test_the_main_thread_learns_that_another_met_a_closed_pipe():
    code = (
        "import sys, threading\n"
        "from amkd.core import console\n"
        "console.guard(); console.write_json()\n"
        "sys.stdin.readline()\n"
        "def beat():\n"
        "    try: console.note('progress')\n"
        "    except console.ReaderGone: pass\n"
        "thread = threading.Thread(target=beat); thread.start(); thread.join()\n"
        "try: console.say('main')\n"
        "except console.ReaderGone: sys.exit(7)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.wait(30) == 7


MENTION = """
import os, sys
from amkd.core import console
console.guard()
console.say("begun")
os.read(0, 1)  # the reader has gone now
console.mention("in the middle of work")
os.write(2, b"the work is done;")
try:
    console.say("the next message")
except console.ReaderGone:
    os.write(2, b" and then the main thread knows")
os._exit(0)
"""


def test_a_mention_ends_no_work_and_the_main_thread_learns_of_it_later():
    process = subprocess.Popen(
        [sys.executable, "-c", MENTION],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"begun\n"
    process.stdout.close()
    process.stdin.write(b".")
    process.stdin.close()
    assert process.stderr.read() == b"the work is done; and then the main thread knows"
    assert process.wait(60) == 0
    process.stderr.close()


def test_a_mention_on_a_full_disk(monkeypatch):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(OSError, match="No space"):
        console.say("a message")
    console.mention("a message")
