"""Whole runs over two processes with two CPU devices each, through the command line."""

import json
import pathlib
import signal
import sqlite3
import time
from contextlib import closing

import jax
import numpy as np
import pytest

from amkd.core import checkpoint
from tests.support import command, image_files, job
from tests.support.counting_teacher import asked

heavy = pytest.mark.heavy
RESUMABLE = {**command.RESUMABLE, "train.epochs": 16}


def line(folder, **fields):
    """The command line of the run in a folder."""
    return command.arguments(folder / "run", **{**RESUMABLE, **fields})


def environment(folder, **extra):
    return command.environment(folder, devices=2, **extra)


def together(folder, **fields):
    """Runs two processes to their end; returns status and words of each."""
    with job.started([line(folder, **fields)] * 2, environment(folder)) as processes:
        return job.ended(processes)


def alone(folder, **fields):
    """Runs one process with four devices to its end."""
    done = command.run(line(folder, **fields), command.environment(folder, devices=4))
    assert done.returncode == 0, done.stderr


def used(folder):
    """Every image of the run, with its round and purpose."""
    with closing(sqlite3.connect(folder / "run" / "ledger.sqlite")) as book:
        return sorted(book.execute("SELECT purpose, round, image FROM use"))


def check_same(folder, other):
    """The runs of two folders asked about the same images; their students are equal to rounding."""
    assert used(folder) == used(other)
    own, theirs = (checkpoint.read(one / "run" / "student")[0] for one in (folder, other))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), own, theirs)
    found, wanted = (command.summary(one / "run") for one in (folder, other))
    for name in ("queries", "queries_paid", "evaluation_queries", "cost", "teacher_accuracy"):
        assert found[name] == wanted[name], name
    assert abs(found["student_accuracy"] - wanted["student_accuracy"]) < 0.05


def checkpoints(folder):
    """How far the run in a folder is: round and epoch of its newest checkpoint."""
    numbers = [int(path.name) for path in (folder / "run" / "checkpoints").glob("[0-9]*")]
    try:
        newest = folder / "run" / "checkpoints" / str(max(numbers)) / "meta.json"
        meta = json.loads(newest.read_text())["meta"]
        return meta["round"], meta["epoch"]
    except (ValueError, OSError):  # none yet, or just replaced
        return -1, -1


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A run of one process with four devices that nothing interrupts."""
    folder = tmp_path_factory.mktemp("reference")
    alone(folder)
    return folder


QUICK = {"budget": 45, "rounds": 1, "train.epochs": 2, "data.test_images": 20}


def test_two_processes_do_the_run_of_one_with_as_many_devices(tmp_path):
    """Process 1 writes nothing and asks nothing; its words are few."""
    (one := tmp_path / "one").mkdir()
    (two := tmp_path / "two").mkdir()
    alone(one, **QUICK)
    (status, words), (follower, quiet) = together(two, **QUICK)
    assert (status, follower) == (0, 0), words + quiet
    assert "success rate" in words and "round" not in quiet
    check_same(two, one)
    assert asked(two / "asked.txt") == asked(one / "asked.txt")


@heavy
@pytest.mark.parametrize(
    "fields",
    [
        {"search.acquisition": "ensemble", "search.candidates": 2.0, "search.committee": 2},
        {"warm_start": True},
        {
            "method": "random_mixup",
            "assistant.model": "lenet5_half",
            "assistant.mixes": 40,
            "assistant.train.epochs": 4,
            "assistant.train.batch_size": 16,
        },
        {"method": "active_labelling", "search.acquisition": "badge", "search.candidates": 2.0},
    ],
    ids=str,
)
def test_what_else_a_selection_needs(fields, tmp_path):
    """Further students are trained by all; answers and first variables are sent."""
    (one := tmp_path / "one").mkdir()
    (two := tmp_path / "two").mkdir()
    few = {**fields, "train.epochs": 8}
    alone(one, **few)
    found = together(two, **few)
    assert [status for status, _ in found] == [0, 0], found
    check_same(two, one)


@heavy
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("moment", ["query", "train", "search"])
def test_killed_and_started_again(victim, moment, tmp_path, reference):
    """The other process ends with 75; nothing that was answered is asked again, neither by two
    processes nor by one.
    """
    slow = {"COUNTING_TEACHER_SLEEP": "1"} if moment == "query" else {}
    log = tmp_path / "asked.txt"

    def reached():
        if moment == "query":
            return len(asked(log)) > 60 + 8
        if moment == "search":
            return checkpoints(tmp_path) == (1, -1)
        return checkpoints(tmp_path)[1] > 3

    with job.started([line(tmp_path)] * 2, environment(tmp_path, **slow)) as processes:
        command.wait_until(reached, processes[0], 300)
        processes[victim].kill()
        killed = time.monotonic()
        survivor = processes[1 - victim]
        _, words = survivor.communicate(timeout=200)
        assert survivor.returncode == 75, words
        assert time.monotonic() - killed < 120
        assert "run the same command" in words or "no heartbeat" in words or "lost" in words
    if victim:
        found = together(tmp_path)
        assert [status for status, _ in found] == [0, 0], found
    else:
        alone(tmp_path)
    check_same(tmp_path, reference)
    lost = 8 if (moment, victim) == ("query", 0) else 0  # what was on its way
    assert len(asked(log)) <= 150 + lost


@heavy
@pytest.mark.parametrize("stopped", [0, 1])
def test_asked_to_stop_all_processes_end_after_the_same_epoch(stopped, tmp_path, reference):
    with job.started([line(tmp_path)] * 2, environment(tmp_path)) as processes:
        command.wait_until(lambda: checkpoints(tmp_path)[1] > 3, processes[0], 300)
        processes[stopped].send_signal(signal.SIGTERM)
        found = job.ended(processes)
    assert [status for status, _ in found] == [75, 75], found
    assert "the state is saved" in found[0][1] and "no heartbeat" not in found[1][1]
    found = together(tmp_path)
    assert [status for status, _ in found] == [0, 0], found
    check_same(tmp_path, reference)


@heavy
def test_a_teacher_that_fails_ends_all(tmp_path):
    broken = environment(tmp_path, COUNTING_TEACHER_FAILS="70")
    with job.started([line(tmp_path, **{"teacher.attempts": 1})] * 2, broken) as processes:
        found = job.ended(processes)
    assert [status for status, _ in found] == [3, 3], found
    assert all("the service is down" in words for _, words in found)


@heavy
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seed": 1}, "config.seed: 0 and 1"),
        ({"data.test_images": 61}, "config.data.test_images"),
    ],
)
def test_another_configuration_is_refused_before_anything_is_asked(fields, words, tmp_path):
    lines = [line(tmp_path), line(tmp_path, **fields)]
    with job.started(lines, environment(tmp_path)) as processes:
        found = job.ended(processes)
    assert [status for status, _ in found] == [2, 2], found
    assert all("process 1 differs" in told and words in told for _, told in found)
    assert asked(tmp_path / "asked.txt") == []


@heavy
def test_other_data_are_refused_before_anything_is_asked(tmp_path):
    """One image of 40 differs on the second host."""
    for host in "ab":
        (tmp_path / host).mkdir()
        for number in range(40):
            seed = number if (host, number) != ("b", 7) else 100
            image_files.write_png(tmp_path / host / f"{number}.png", seed)
    fields = {"dataset": "folder", "data.classes": "10", "data.size": 8, "data.held_out": 10}
    lines = [line(tmp_path, **fields, **{"data.folder": tmp_path / host}) for host in "ab"]
    with job.started(lines, environment(tmp_path)) as processes:
        found = job.ended(processes)
    assert [status for status, _ in found] == [2, 2], found
    assert all("process 1 has different images" in told for _, told in found), found
    assert asked(tmp_path / "asked.txt") == []


@heavy
def test_a_checkpoint_that_process_1_writes_is_not_sealed(on_processes, tmp_path):
    """Orbax writes arrays in process 0 only: elsewhere it makes a folder without them."""
    first, second = on_processes(2, 1, "tests.run.test_several_processes", "write", str(tmp_path))
    assert first == "written" and "could not be written completely" in second
    assert [path.name for path in tmp_path.iterdir()] == ["0"]
    assert checkpoint.read(tmp_path / "0")[0]["a"].tolist() == [0, 1, 2]


def write(folder):
    """Writes a checkpoint, each process its own; returns how that went."""
    tree = {"a": np.arange(3, dtype=np.int32)}
    try:
        checkpoint.write(pathlib.Path(folder) / f"{jax.process_index()}", tree, {})
    except OSError as error:
        return str(error)
    return "written"
