"""A finished run whose small files a power cut has damaged: the same command mends them."""

import json
import shutil

from tests.support import command, counting_teacher


def test_small_files_and_the_newest_state_are_mended_without_a_question(tiny_run, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(tiny_run / "run", workdir)
    sound = {name: (workdir / name).read_bytes() for name in ("config.json", "metrics.jsonl")}
    before = command.summary(workdir)
    (workdir / "summary.json").write_text("null")
    (workdir / "config.json").write_bytes(bytes(100))
    # What was trained after the checkpoint before the newest is trained, and written, again.
    (workdir / "metrics.jsonl").write_bytes(b"\xff\xfe\n" + sound["metrics.jsonl"])
    newest = max(int(path.name) for path in (workdir / "checkpoints").glob("[0-9]*"))
    (workdir / "checkpoints" / str(newest) / "meta.json").write_text("")

    line = command.arguments(workdir, **command.PRICED)
    done = command.run(line, command.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    for name in ("summary.json", "config.json", "metrics.jsonl", f"checkpoints/{newest}"):
        assert str(workdir / name) in done.stdout, name
    assert "resumed: round 2 of 0 to 2, " in done.stdout
    assert "90 answers to queries and 60 to evaluation queries" in done.stdout
    assert "not requested again; 37.5 USD spent so far" in done.stdout
    after = command.summary(workdir)
    changing = {"seconds", "peak_memory_mib", "paths", "rounds", "queries_paid"}
    assert {name: after[name] for name in after.keys() - changing} == {
        name: before[name] for name in before.keys() - changing
    }
    kept, own = (
        json.loads(one)
        for one in (sound["config.json"], workdir.joinpath("config.json").read_text())
    )
    assert own == {**kept, "ledger": str(workdir / "ledger.sqlite")}  # it is a copy of the run
    lines = [json.loads(line) for line in sound["metrics.jsonl"].splitlines()]
    assert [_timeless(row) for row in command.rows(workdir)] == [_timeless(row) for row in lines]
    assert counting_teacher.asked(tmp_path / "asked.txt") == []


def _timeless(row):
    return {name: value for name, value in row.items() if name not in ("seconds", "time")}
