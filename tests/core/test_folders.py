"""A folder is replaced whole or not at all; what a kill leaves is cleared away."""

import os
import subprocess
import sys
import time

import pytest

from amkd.core import files, folders
from tests.support.command import ROOT


def hidden(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def fill(folder, text):
    with folders.replacing(folder) as new:
        (new / "a").write_text(text)


def killed(folder, moment):
    """Ends a process in the middle of a replacement, as SIGKILL does."""
    code = f"""
import os, pathlib, sys
from amkd.core import folders
if {moment!r} == "between":  # the earlier folder is away, and the new one not in its place
    rename = pathlib.Path.rename
    pathlib.Path.rename = lambda path, to: os._exit(9) if path.name == "new" else rename(path, to)
with folders.replacing(pathlib.Path({str(folder)!r})) as new:
    (new / "a").write_text("half")
    if {moment!r} == "writing":
        os._exit(9)
    if {moment!r} == "at work":
        print("ready", flush=True)
        sys.stdin.read()
"""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_folder_is_replaced(tmp_path):
    for text in ("first", "second"):
        fill(tmp_path / "out", text)
        assert (tmp_path / "out" / "a").read_text() == text
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_leaves_what_was_there(tmp_path):
    fill(tmp_path / "out", "first")
    with pytest.raises(KeyError), folders.replacing(tmp_path / "out"):
        raise KeyError
    assert (tmp_path / "out" / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("moment", ["writing", "between"])
@pytest.mark.parametrize("earlier", [True, False])
def test_what_a_kill_leaves_goes_at_the_next_time(tmp_path, moment, earlier):
    folder = tmp_path / "out"
    if earlier:
        fill(folder, "first")
    process = killed(folder, moment)
    process.communicate(timeout=60)
    assert process.returncode == 9
    assert len(hidden(tmp_path)) == 1
    assert folder.exists() == (earlier and moment == "writing")
    with pytest.raises(KeyError), folders.replacing(folder):  # even one that fails
        raise KeyError
    assert hidden(tmp_path) == []
    assert folder.exists() == earlier
    fill(folder, "second")
    assert (folder / "a").read_text() == "second"


def test_a_process_that_is_at_work_is_left_alone(tmp_path):
    folder = tmp_path / "out"
    process = killed(folder, "at work")
    try:
        assert process.stdout.readline() == "ready\n"
        fill(folder, "second")
        fill(tmp_path / "out-2", "another")
        assert len(hidden(tmp_path)) == 1
        process.communicate("", timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
    assert (folder / "a").read_text() == "half"
    assert hidden(tmp_path) == []


def test_hidden_folders_of_others_stay(tmp_path):
    for name in (".git", ".out", ".out-2-abcdefgh", ".other-abcdefgh", ".outside"):
        (tmp_path / name).mkdir()
    before = hidden(tmp_path)
    fill(tmp_path / "out", "first")
    assert hidden(tmp_path) == before


def test_old_scratch_files_go_and_fresh_ones_stay(tmp_path):
    path = tmp_path / "a[1].json"
    old, fresh = (tmp_path / f"a[1].json.{number}.part" for number in (1, 2))
    for one in (old, fresh):
        one.write_text("half")
    os.utime(old, (time.time() - 7200,) * 2)
    files.write_text(path, "{}")
    assert sorted(tmp_path.iterdir()) == sorted([path, fresh])
