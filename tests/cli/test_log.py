"""A run that a platform watches: its log in JSON, its heartbeat, and its port."""

import json
import signal
import urllib.request

from amkd.reporting import progress_file
from tests.support import command
from tests.support.ports import free_port


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def of_event(lines, event):
    return [line for line in lines if line.get("event") == event]


def test_a_run_is_watched_and_stopped(tmp_path):
    """While its teacher is slow, it has a heartbeat."""
    port = free_port()
    watched = {"report.beat_seconds": 0.05, "report.prometheus_port": port}
    line = command.arguments(tmp_path / "run", **command.PRICED, **watched)
    env = command.environment(tmp_path, COUNTING_TEACHER_SLEEP="1")
    process = command.start([*line, "--log=json"], env)
    path = tmp_path / "run" / progress_file.NAME

    def asks():
        return path.exists() and json.loads(path.read_text())["done"] >= 8

    command.wait_until(asks, process)
    assert progress_file.health(tmp_path / "run", 60, 60).healthy
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as reply:
        assert 'amkd_run_phase{phase="evaluation_query"} 1' in reply.read().decode()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 75, err
    assert json.loads(path.read_text())["state"] == "stopped"
    lines = objects(out)
    assert all(line["time"].endswith("Z") for line in lines)
    assert [line["phase"] for line in of_event(lines, "phase")] == ["evaluation_query"]
    assert of_event(lines, "progress")[-1]["total"] == 60
    (ended,) = objects(err)
    assert (ended["event"], ended["exit_status"], ended["level"]) == ("ended", 75, "warning")


def test_a_mistake_is_a_line_of_the_log(tmp_path):
    wrong = command.arguments(tmp_path / "run", n_rael=3)
    ran = command.run([*wrong, "--log=json"], command.environment(tmp_path))
    (told,) = objects(ran.stderr)
    assert ran.returncode == told["exit_status"] == 2 and ran.stdout == ""
    assert told["level"] == "error" and "did you mean config.n_real?" in told["message"]


def test_a_finished_run_says_so(tiny_run):
    told = json.loads((tiny_run / "run" / progress_file.NAME).read_text())
    assert (told["state"], told["phase"], told["round"]) == ("finished", "report", 2)
    assert (told["queries"], told["evaluation_queries"], told["spent"]) == (90, 60, 37.5)
    found = progress_file.health(tiny_run / "run", 0, None)
    assert found.healthy and found.message.endswith("finished")
