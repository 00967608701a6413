"""Stopped in any way at any moment, a run ends as if it had never been stopped."""

import collections
import contextlib
import json
import re
import signal
import sqlite3

import pytest

from tests.support import command, counting_teacher


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The summary, rows and questions of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    done = command.run(
        command.arguments(folder / "run", **command.RESUMABLE), command.environment(folder)
    )
    assert done.returncode == 0, done.stderr
    return folder


def answers(workdir):
    """Answers in the ledger so far, or 0 while there is none."""
    try:
        place = f"file:{workdir}/ledger.sqlite?mode=ro"
        with contextlib.closing(sqlite3.connect(place, uri=True)) as ledger:
            return ledger.execute("SELECT count(*) FROM answer").fetchone()[0]
    except sqlite3.Error:
        return 0


def epochs(workdir):
    """(round, epoch) of the last epoch written down."""
    rows = command.rows(workdir, "epoch")
    return (rows[-1]["round"], rows[-1]["epoch"]) if rows else (-1, -1)


def finished_rounds(workdir):
    return len(command.rows(workdir, "round"))


def same_result(one, other):
    """Both runs wrote the same summary and the same lines, but for times."""
    assert command.without_times(command.summary(one)) == command.without_times(
        command.summary(other)
    )
    assert command.without_times(command.rows(one)) == command.without_times(command.rows(other))


MOMENTS = {
    "evaluation queries": lambda w: answers(w) >= 20,
    "queries of round 0": lambda w: answers(w) >= 60 + 9,
    "training of round 0, first epochs": lambda w: epochs(w) >= (0, 1),
    "training of round 0, in the middle": lambda w: epochs(w) >= (0, 5),
    "search of round 1": lambda w: finished_rounds(w) >= 1,
    "queries of round 1": lambda w: answers(w) >= 60 + 30 + 9,
    "training of round 1": lambda w: epochs(w) >= (1, 3),
    "search of round 2": lambda w: finished_rounds(w) >= 2,
    "training of round 2, at its end": lambda w: epochs(w) >= (2, 6),
}


FEW = ("training of round 0, in the middle", "queries of round 1")


@pytest.mark.parametrize(
    "moments", [FEW, pytest.param(tuple(MOMENTS), marks=pytest.mark.heavy)], ids=["few", "many"]
)
def test_killed_at_many_moments_ends_with_the_same_bits(moments, tmp_path, uninterrupted):
    workdir = tmp_path / "run"
    env = command.environment(tmp_path, COUNTING_TEACHER_SLEEP="0.05")
    line = command.arguments(workdir, **command.RESUMABLE)
    for moment in map(MOMENTS.__getitem__, moments):
        process = command.start(line, env)
        command.wait_until(lambda moment=moment: moment(workdir), process)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process.communicate()
    done = command.run(line, env)
    assert done.returncode == 0, done.stderr
    same_result(workdir, uninterrupted / "run")

    times = collections.Counter(counting_teacher.asked(tmp_path / "asked.txt"))
    first = counting_teacher.asked(uninterrupted / "asked.txt")
    assert set(times) == set(first)
    # Only what was in flight at a kill, and so never arrived, may be asked a second time:
    # a batch of at most 8 for each of the three kills inside a query phase.
    assert sum(times.values()) - len(times) <= command.summary(workdir)["lost"] <= 3 * 8


def scanned(workdir):
    """Pairs that the newest checkpoint has as scored, of a search in progress."""
    try:
        newest = max((workdir / "checkpoints").glob("[0-9]*"), key=lambda path: int(path.name))
        return sum(json.loads((newest / "meta.json").read_text())["meta"].get("scanned", ()))
    except (ValueError, OSError):  # none yet, or just replaced
        return 0


def test_killed_in_a_search_continues_it(tmp_path, uninterrupted):
    """It is saved after each of 14 dispatches, and continues in other dispatches."""
    workdir, env = tmp_path / "run", command.environment(tmp_path)
    process = command.start(
        command.arguments(workdir, **{**command.RESUMABLE, "search.chunk": 32}), env
    )
    command.wait_until(lambda: scanned(workdir) >= 64, process)
    process.kill()
    process.communicate()
    done = command.run(command.arguments(workdir, **command.RESUMABLE), env)
    assert done.returncode == 0, done.stderr
    assert re.search(r"round [12] of 0 to 2, selecting its images, \d+ scores are", done.stdout)
    same_result(workdir, uninterrupted / "run")


def test_sigterm_saves_and_exits_cleanly(tmp_path, uninterrupted):
    workdir = tmp_path / "run"
    # Checkpoints are hours apart: only the signal can have saved the epochs.
    fields = {**command.RESUMABLE, "checkpoint.seconds": 9999.0}
    line, env = command.arguments(workdir, **fields), command.environment(tmp_path)
    process = command.start(line, env)
    command.wait_until(lambda: epochs(workdir) >= (1, 2), process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 75 and "Traceback" not in errors and "stopped" in errors
    before, rounds = epochs(workdir), finished_rounds(workdir)
    assert rounds < 3  # wherever the signal came, the run had not ended

    process = command.start(line, env)
    command.wait_until(
        lambda: epochs(workdir) > before or finished_rounds(workdir) > rounds, process
    )
    written = command.rows(workdir, "epoch")
    process.communicate(timeout=300)
    assert process.returncode == 0
    done = 8 * before[0] + before[1]
    assert [(row["round"], row["epoch"]) for row in written[:done]] == [
        (number // 8, number % 8 + 1) for number in range(done)
    ]
    same_result(workdir, uninterrupted / "run")
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) == 60 + 90


def test_teacher_that_fails_in_the_middle_loses_nothing(tmp_path, uninterrupted):
    workdir = tmp_path / "run"
    line = command.arguments(workdir, **command.RESUMABLE)
    failed = command.run(line, command.environment(tmp_path, COUNTING_TEACHER_FAILS="105"))
    assert failed.returncode == 3 and failed.stderr.splitlines()[-1].startswith("error: teacher")
    assert "the service is down (" in failed.stderr and "counting_teacher.py, line" in failed.stderr
    assert "Traceback" not in failed.stderr
    paid = len(counting_teacher.asked(tmp_path / "asked.txt"))
    assert answers(workdir) == paid > 60 + 30

    done = command.run(line, command.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    same_result(workdir, uninterrupted / "run")
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) == 60 + 90


def test_finished_run_prints_its_result_and_asks_nothing(tmp_path, uninterrupted):
    line = command.arguments(uninterrupted / "run", **command.RESUMABLE)
    before = (uninterrupted / "asked.txt").stat().st_mtime_ns
    again = command.run(line, command.environment(uninterrupted))
    assert (
        again.returncode == 0
        and "is finished" in again.stdout
        and "student accuracy" in again.stdout
    )
    assert (uninterrupted / "asked.txt").stat().st_mtime_ns == before


def test_workdir_of_another_configuration_is_refused(uninterrupted):
    line = command.arguments(
        uninterrupted / "run", **{**command.RESUMABLE, "seed": 3, "train.epochs": 9}
    )
    refused = command.run(line, command.environment(uninterrupted))
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert (
        "config.seed: 0 -> 3" in refused.stderr and "config.train.epochs: 8 -> 9" in refused.stderr
    )


def test_what_cannot_go_on_stops_before_asking(tmp_path):
    """A second process, another ledger, a damaged ledger."""
    workdir = tmp_path / "run"
    line, env = command.arguments(workdir, **command.RESUMABLE), command.environment(tmp_path)
    process = command.start(line, command.environment(tmp_path, COUNTING_TEACHER_SLEEP="1"))
    command.wait_until(lambda: (workdir / "config.json").exists(), process)
    refused = command.run(line, env)
    assert refused.returncode == 2 and "another process is using" in refused.stderr
    process.kill()
    process.communicate()

    process = command.start(line, env)
    command.wait_until(lambda: epochs(workdir) >= (1, 2), process)
    process.kill()
    process.communicate()
    asked = len(counting_teacher.asked(tmp_path / "asked.txt"))

    other = command.arguments(
        workdir, **command.RESUMABLE, **{"ledger.path": tmp_path / "other.sqlite"}
    )
    refused = command.run(other, env)
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert "other.sqlite does not contain the run of" in refused.stderr
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) == asked

    ledger = workdir / "ledger.sqlite"
    for companion in workdir.glob("ledger.sqlite-*"):
        companion.unlink()
    ledger.write_bytes(b"this is not a ledger" * 500)
    refused = command.run(line, env)
    assert (
        refused.returncode == 2
        and "Traceback" not in refused.stderr
        and str(ledger) in refused.stderr
    )
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) == asked
