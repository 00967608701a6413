"""The folder of a run: who may be in it."""

import multiprocessing
import os
import time

import pytest

from amkd.core.errors import UserError
from amkd.run import workdir


def test_a_second_process_is_refused(tmp_path):
    with workdir.locked(tmp_path), pytest.raises(UserError, match="another process"):
        with workdir.locked(tmp_path):
            pass


def _lives(ready):
    ready.set()
    time.sleep(600)


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_child_that_a_teacher_left_behind_does_not_keep_the_workdir(tmp_path):
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    with workdir.locked(tmp_path):
        child = fork.Process(target=_lives, args=(ready,))
        child.start()
        assert ready.wait(60)
    try:
        with workdir.locked(tmp_path):
            pass
        assert os.path.exists(f"/proc/{child.pid}")
    finally:
        child.kill()
        child.join()
