"""Names that are not UTF-8, where the locale knows ASCII alone: nothing that was paid for fails."""

import contextlib
import os
import sqlite3
from pathlib import Path

import numpy as np

from amkd.core import checkpoint, files
from amkd.models.saved_network import load_network
from amkd.teachers import Teacher
from tests.support import command

BAD = os.fsdecode(b"run\xff\xe9")  # latin-1
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ALL_OUTPUTS = {
    **command.TINY,
    "method": "real_only",
    "budget": 30,
    "train.epochs": 1,
    "report.plots": True,
    "report.tensorboard": True,
}


def test_a_whole_run(tmp_path):
    workdir = tmp_path / BAD
    fields = {
        **ALL_OUTPUTS,
        "cache_dir": str(tmp_path / os.fsdecode(b"cache\xfe")),
        "teacher.identity": BAD,
    }
    done = command.run(command.arguments(workdir, **fields), command.environment(tmp_path, **ASCII))
    assert done.returncode == 0, done.stderr
    assert "could not be created" not in done.stdout
    assert rf"{tmp_path}/run\xff\xe9/student" in done.stdout
    for name in ("summary.json", "metrics.jsonl", "report.html", "plots/curves.svg"):
        assert (workdir / name).stat().st_size > 0, name
    assert "→" in (workdir / "report.html").read_text(encoding="utf-8")
    assert load_network(workdir / "student").card["role"] == "student"
    with contextlib.closing(sqlite3.connect(workdir / "ledger.sqlite")) as book:
        ((identity,),) = book.execute("SELECT identity FROM teacher").fetchall()
        ((place,),) = book.execute("SELECT place FROM run").fetchall()
    assert identity == r"run\udcff\udce9" and place == rf"{tmp_path}/run\udcff\udce9"


def test_checkpoints(tmp_path):
    folder = tmp_path / BAD / "1"
    checkpoint.write(folder, {"a": np.arange(3)}, {"name": BAD})
    tree, meta = checkpoint.read(folder)
    assert tree["a"].tolist() == [0, 1, 2] and meta == {"name": BAD}


def test_small_files(tmp_path):
    files.write_text(tmp_path / BAD, f"{BAD} é →\n")
    assert (tmp_path / BAD).read_bytes() == r"run\udcff\udce9 é →".encode() + b"\n"


def test_who_answers():
    assert Teacher(BAD, len).identity == r"run\udcff\udce9"
    assert Teacher("猫 é", len).identity == "猫 é"


def test_folder_under_another_name(tmp_path: Path):
    from amkd.core import utf8_path

    bad = tmp_path / BAD
    bad.mkdir()
    (bad / "x").write_text("kept")
    with utf8_path.named(bad) as place:
        assert str(place).isascii() and (place / "x").read_text() == "kept"
    assert not place.parent.exists() and (bad / "x").exists()
    with utf8_path.named(tmp_path) as place:
        assert place == tmp_path
