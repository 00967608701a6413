"""Running the real command line in tests."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.support import prepared
from tests.support.compiling import xla_flags

ROOT = Path(__file__).parents[2]

# Seconds of work: 8x8 digits, two rounds.
TINY = {
    "n_real": 30,
    "budget": 90,
    "rounds": 2,
    "data.test_images": 60,
    "teacher.kind": "python",
    "teacher.function": "tests.support.counting_teacher:answer",
    "teacher.evaluate": "yes",
    "teacher.batch": 8,
    "train.epochs": 8,
    "train.batch_size": 16,
    "train.crop": 1,
    "search.chunk": 128,
    "search.lam_count": 3,
    "report.progress": False,
    "report.tensorboard": False,
    "report.plots": False,
}

RESUMABLE = {**TINY, "checkpoint.seconds": 0.0}  # a checkpoint at every epoch
PRICED = {**TINY, "teacher.price": 0.25, "train.epochs": 2}


def arguments(workdir, config="configs/default.py", **fields):
    """The command line of a run."""
    named = [f"--config.{name}={value}" for name, value in fields.items()]
    return [sys.executable, "launch.py", f"--config={config}", f"--workdir={workdir}", *named]


def environment(tmp_path, devices=1, quick=True, **extra):
    """Returns the environment of a run: one CPU device and quick compilation by default, and the
    teacher's log in ``tmp_path``.
    """
    return {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": xla_flags(devices, quick=quick),
        "COUNTING_TEACHER_LOG": str(tmp_path / "asked.txt"),
        **extra,
    }


def run(command, env):
    """Runs to the end; returns the completed process with its output as text."""
    process = start(command, env)
    try:
        out, err = process.communicate(timeout=540)
    finally:
        process.kill()  # does nothing where it has ended
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def start(command, env):
    """Starts in the background, with packages that are imported already where that is possible."""
    if prepared.can_start(command, env):
        return prepared.Forked(command, env, ROOT)
    return subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_until(condition, process, seconds=480):
    """Polls until the condition holds; fails if the process ends, or time runs out, before."""
    end = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:  # it may have come to the moment, and to its end, since
            assert condition(), f"ended before the moment came: {process.communicate()[1]}"
            return
        assert time.monotonic() < end, "the moment never came"
        time.sleep(0.01)


def rows(workdir, kind=None):
    """The whole lines of metrics.jsonl."""
    path = workdir / "metrics.jsonl"
    text = path.read_text() if path.exists() else ""
    found = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    return [row for row in found if kind in (None, row["kind"])]


def summary(workdir):
    """The run's summary."""
    return json.loads((workdir / "summary.json").read_text())


def without_times(found):
    """A summary or a row without what may differ between two equal runs."""
    if isinstance(found, dict):
        times = (
            "seconds",
            "time",
            "peak_memory_mib",
            "paths",
            "lost",
        )  # a kill may lose what was under way
        return {name: without_times(value) for name, value in found.items() if name not in times}
    return [without_times(part) for part in found] if isinstance(found, list) else found
