"""Where a run stands: as it is noted, kept on disk, checked, and shown to Prometheus."""

import dataclasses
import datetime
import json
import threading
import time
import urllib.error
import urllib.request

import pytest

from amkd.cli import subcommands
from amkd.core.errors import UserError
from amkd.core.redaction import Hidden
from amkd.core.stopping import Stopped
from amkd.reporting import progress_file, prometheus
from amkd.reporting.progress import Counts, RunProgress

NOW = datetime.datetime(2026, 11, 28, 12, 0, 0, tzinfo=datetime.UTC)


def noted():
    progress = RunProgress(budget=900, currency="USD")
    progress.follow(lambda: Counts(240, 50, 0.75), rounds=3, budget=640)
    return progress


def test_phases_and_bars_are_noted():
    progress = noted()
    assert progress.facts()["phase"] == "load" and progress.facts()["round"] is None
    progress.phase("query", 1)
    before = progress.state.advanced
    with progress.bar(200, "round 1 query", "img") as advance:
        advance(0)  # a wait is no progress
        assert progress.state.done == 0
        advance(8)
        advance(8, loss="1.2")
    told = progress.facts()
    assert told.pop("advanced").endswith("Z") and progress.state.advanced >= before
    assert told == {
        **{"phase": "query", "round": 1, "rounds": 3, "done": 16, "total": 200, "unit": "img"},
        **{"queries": 240, "budget": 640, "evaluation_queries": 50},
        **{"spent": 0.75, "currency": "USD"},
    }
    progress.phase("report")
    assert (progress.state.round, progress.state.total) == (1, 0)


def test_a_ledger_in_trouble_stops_no_report():
    def fails():
        raise UserError("the ledger is held")

    progress = noted()
    progress.phase("query", 0)
    progress.follow(fails, rounds=3, budget=640)
    progress.phase("train", 0)
    assert progress.state.counts.queries == 240


def read(folder):
    return json.loads((folder / "progress.json").read_text())


def test_it_beats_while_the_run_waits(tmp_path):
    progress = noted()
    with progress_file.kept(progress, tmp_path, 0.01):
        first = read(tmp_path)
        assert first["state"] == "running" and first["phase"] == "load"
        progress.phase("train", 2)
        time.sleep(0.02)  # `updated` has milliseconds
        end = time.monotonic() + 30
        while (later := read(tmp_path))["phase"] != "train" and time.monotonic() < end:
            time.sleep(0.01)
    assert later["updated"] > first["updated"] and later["begun"] == first["begun"]
    assert (later["round"], later["phase"], later["spent"]) == (2, "train", 0.75)
    assert read(tmp_path)["state"] == "finished"
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


@pytest.mark.parametrize(
    ("raised", "state", "why"),
    [
        (Stopped(), "stopped", "asked to stop"),
        (KeyboardInterrupt(), "stopped", "asked to stop"),
        (UserError("config.x=1: no\nmore"), "failed", "config.x=1: no"),
        (ValueError(), "failed", "ValueError"),
    ],
)
def test_how_it_ends(tmp_path, raised, state, why):
    with pytest.raises(type(raised)), progress_file.kept(noted(), tmp_path, 60):
        raise raised
    assert (read(tmp_path)["state"], read(tmp_path)["why"]) == (state, why)
    found = progress_file.health(tmp_path, 60, None)
    assert not found.healthy and f"{state}: {why}" in found.message


def test_no_file_where_none_is_wanted(tmp_path):
    with progress_file.kept(noted(), tmp_path, 0):
        assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"progress\.json does not exist: no run was started"):
        progress_file.health(tmp_path, 60, None)


def write(folder, **changed):
    progress = noted()
    progress.phase("query", 1)
    told = {"state": "running", **progress.facts(), "done": 16, "total": 200, "unit": "img"}
    (folder / "progress.json").write_text(json.dumps({**told, **changed}))


@pytest.mark.parametrize(
    ("updated", "advanced", "idle", "well", "words"),
    [
        ("11:59:30", "11:50:00", None, True, "last heartbeat 30 s ago, last progress 600 s ago"),
        ("11:59:00", "11:59:00", None, True, "last heartbeat 60 s ago"),
        ("11:58:59", "11:58:59", None, False, "no heartbeat for 61 s"),
        ("11:59:30", "11:50:00", 300, False, "it has a heartbeat, but no progress for 600 s"),
        ("11:59:30", "11:50:00", 900, True, "last heartbeat"),
    ],
)
def test_heartbeats_and_progress_decide_the_health(tmp_path, updated, advanced, idle, well, words):
    at = "2026-11-28T{}.000Z"
    write(tmp_path, updated=at.format(updated), advanced=at.format(advanced))
    found = progress_file.health(tmp_path, 60, idle, NOW)
    assert found.healthy is well and words in found.message
    standing = "round 1 of 3, query, 16 of 200 img, 240 of 640 queries, 0.75 USD spent"
    assert f"{tmp_path}: {standing}" in found.message


def test_a_damaged_file(tmp_path):
    for updated in ("soon", "2026-11-28T12:00:00"):
        write(tmp_path, updated=updated)
        with pytest.raises(UserError, match="is damaged"):
            progress_file.health(tmp_path, 60, None, NOW)
    (tmp_path / "progress.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        progress_file.health(tmp_path, 60, None, NOW)


def test_the_command_tells_by_its_exit_status(tmp_path, capsys):
    write(tmp_path, updated="2026-11-28T11:00:00.000Z")
    with pytest.raises(SystemExit) as ended:
        subcommands.run(["status", str(tmp_path)])
    assert ended.value.code == 1 and "no heartbeat for" in capsys.readouterr().out
    subcommands.run(["status", str(tmp_path), "--within=1e12"])
    assert "last heartbeat" in capsys.readouterr().out
    write(tmp_path, updated="2026-11-28T11:00:00.000Z", advanced="2026-11-28T10:00:00.000Z")
    with pytest.raises(SystemExit):
        subcommands.run(["status", str(tmp_path), "--within=1e12", "--idle=1"])
    assert "but no progress for" in capsys.readouterr().out
    with pytest.raises(UserError, match="--within"):
        subcommands.run(["status", str(tmp_path), "--within=soon"])


def test_a_finished_run_without_heartbeats_is_finished(tmp_path, capsys):
    with pytest.raises(UserError, match="does not exist"):
        subcommands.run(["status", str(tmp_path)])
    (tmp_path / "summary.json").touch()
    subcommands.run(["status", str(tmp_path)])
    assert "finished" in capsys.readouterr().out


SHOWN = """\
# HELP amkd_run_round the round; -1 before the first
# TYPE amkd_run_round gauge
amkd_run_round 1
# HELP amkd_run_phase 1 for the current phase of the run
# TYPE amkd_run_phase gauge
amkd_run_phase{phase="query"} 1
# HELP amkd_run_spent amount that may have been billed
# TYPE amkd_run_spent gauge
amkd_run_spent{currency="U\\\\S\\"D"} 0.75
"""


def test_what_prometheus_reads():
    progress = RunProgress(budget=900, currency='U\\S"D')
    progress.follow(lambda: Counts(240, 50, 0.75), rounds=3, budget=640)
    assert "amkd_run_round -1\n" in prometheus.text(progress)
    progress.phase("query", 1)
    text = prometheus.text(progress)
    assert SHOWN in text and "amkd_run_queries 240\n" in text and "amkd_run_budget 640\n" in text
    with prometheus._Server(lambda: text, 0) as free:
        port = free.server_port
    place = f"http://127.0.0.1:{port}"
    with prometheus.served(progress, port):
        with urllib.request.urlopen(f"{place}/metrics") as reply:
            assert reply.read().decode() == text
            assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{place}/secrets")
        with (
            pytest.raises(UserError, match=rf"config\.report\.prometheus_port={port}: cannot be"),
            prometheus.served(progress, port),
        ):
            pass
    with prometheus.served(progress, 0):  # none
        pass


def test_rare_signs_of_life_are_waited_for(tmp_path):
    at = "2026-11-28T11:50:00.000Z"  # 600 s ago
    for every, well in ((200, True), (199, False), (None, False)):
        write(tmp_path, updated=at, advanced=at, beat_seconds=every)
        assert progress_file.health(tmp_path, None, None, NOW).healthy is well
    assert not progress_file.health(tmp_path, 60, None, NOW).healthy  # as was asked for


def test_no_secret_in_the_reason(tmp_path):
    hidden = Hidden("geheim12")
    with pytest.raises(OSError, match="geheim12"), progress_file.kept(noted(), tmp_path, 7):
        raise OSError("http://me:geheim12@example.com is gone")
    assert read(tmp_path)["why"] == "http://me:***@example.com is gone"
    assert read(tmp_path)["beat_seconds"] == 7
    del hidden


def test_a_log_that_cannot_be_written_ends_no_heartbeat(tmp_path, monkeypatch):
    def full(event):
        raise OSError("no space left")

    progress = noted()
    monkeypatch.setattr(progress_file.console, "note", full)
    with progress_file.kept(progress, tmp_path, 0.01):
        progress.state = dataclasses.replace(progress.state, done=1, advanced=1.0)
        time.sleep(0.1)
        assert "progress" in [thread.name for thread in threading.enumerate()]
