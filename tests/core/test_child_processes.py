"""A process that notes signals may start children of every kind, and end them."""

import subprocess
import sys

import pytest

from tests.support.command import ROOT

_BEGIN = """
import concurrent.futures, multiprocessing, os, signal, subprocess, sys, threading, time
from amkd.core.stopping import StopSignal

stop = StopSignal().install()
fork = multiprocessing.get_context("fork")

def answer(image):
    return image + 1

def answer_slowly(image):
    time.sleep(0.3)
    return image + 1

def asleep():
    time.sleep(600)

"""

_CHILDREN = {
    "pool": """
for _ in range(10):
    with fork.Pool(4) as pool:
        assert pool.map(answer, range(8)) == list(range(1, 9))
""",
    "pool, ended at once": """
for _ in range(10):
    with fork.Pool(4):
        pass
""",
    "pool, in a thread": """
def work():
    for _ in range(5):
        with fork.Pool(4) as pool:
            pool.map(answer, range(8))

thread = threading.Thread(target=work)
thread.start()
thread.join()
""",
    "executor": """
with concurrent.futures.ProcessPoolExecutor(2, mp_context=fork) as executor:
    assert list(executor.map(answer, range(8))) == list(range(1, 9))
""",
    "process, ended as soon as it is there": """
for _ in range(20):
    child = fork.Process(target=asleep)
    child.start()
    child.terminate()
    child.join()
    assert child.exitcode == -signal.SIGTERM, child.exitcode
""",
    "another program": """
child = subprocess.Popen(["sleep", "600"])
child.terminate()
assert child.wait() == -signal.SIGTERM
""",
    "another program, made ready by a function": """
child = subprocess.Popen(["sleep", "600"], preexec_fn=os.setsid)
child.terminate()
assert child.wait() == -signal.SIGTERM
""",
    "spawned": """
child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
child.start()
child.terminate()
child.join()
assert child.exitcode == -signal.SIGTERM, child.exitcode
""",
    "pool, while Ctrl-C is pressed": """
def press():
    for process in (os.getpid(), *(child.pid for child in multiprocessing.active_children())):
        os.kill(process, signal.SIGINT)

with fork.Pool(2) as pool:
    threading.Timer(0.1, press).start()
    assert pool.map(answer_slowly, range(4), chunksize=1) == [1, 2, 3, 4]
assert stop.requested
""",
}


@pytest.mark.parametrize("children", _CHILDREN.values(), ids=_CHILDREN)
def test_children_end_when_their_parent_ends_them(children):
    script = _BEGIN + children + "assert signal.SIGTERM not in signal.pthread_sigmask(0, ())\n"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr


def test_the_parent_still_notes_what_it_is_sent():
    script = _BEGIN + "fork.Process(target=answer, args=(1,)).start()\n"
    script += "os.kill(os.getpid(), signal.SIGTERM)\nassert stop.requested\n"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
