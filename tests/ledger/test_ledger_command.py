"""``python -m amkd.ledger`` as people run it: what it prints, its exit status, and what it leaves
alone.
"""

import contextlib
import csv
import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from amkd import ledger
from amkd.cli.ledger import main
from tests.support import books
from tests.support.books import charge, pay, some_answers, some_images

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object, status: int = 0) -> str:
    """Runs a subcommand; returns its output, or what it complains of."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            found = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse, about the arguments themselves or for --help
            found = int(end.code or 0)
    assert found == status, err.getvalue()
    assert bool(err.getvalue()) == (status == 2)
    return err.getvalue() if status == 2 else out.getvalue()


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A ledger of 900 answers: two runs, two teachers."""
    path = tmp_path_factory.mktemp("made") / "ledger.sqlite"
    book = ledger.Ledger(path)
    who = charge(book.teacher("dear"), "alpha-0001", price=0.25, currency="USD")
    book.begin_run("alpha-0001", "a test", "runs/alpha")
    images, answers = some_images(900), some_answers(900)
    for start in range(0, 600, 100):
        part = slice(start, start + 100)
        pay(book, dataclasses.replace(who, round=start // 300), images[part], answers[part])
    book.record_failure(book.begin_batch(who, some_images(3, seed=1)).number, billed=True)
    other = charge(book.teacher("cheap"), "beta-00002")
    pay(book, other, images[600:], answers[600:])
    book.record_found(dataclasses.replace(other, teacher=1), images[:50])
    book.close()
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, content: bytes) -> Path:
    where = tmp_path / "ledger.sqlite"
    where.write_bytes(content)
    return where


def test_show(path: Path, content: bytes) -> None:
    text = run("show", path)
    assert (
        "900 answers" in text
        and "spent in total: 150.75 USD" in text
        and "no answer: 3 images" in text
    )
    (alpha,) = [line for line in lines(text) if line[:1] == ["alpha-00"]]
    assert alpha[3:12] == ["600", "600", "0", "0", "0", "0", "150.75", "USD", "3"]
    assert ["1", "600", "10", "dear"] in lines(text) and ["2", "300", "10", "cheap"] in lines(text)
    assert path.read_bytes() == content and list(path.parent.iterdir()) == [path]


def test_spend(path: Path) -> None:
    assert ["alpha-00", "7", "603", "600", "0", "0", "3", "0", "150.75", "USD"] in lines(
        run("spend", path)
    )
    rounds = lines(run("spend", path, "--run", "al", "--by", "round"))
    assert [
        "alpha-00",
        "distill",
        "1",
        "3",
        "300",
        "300",
        "0",
        "0",
        "0",
        "0",
        "75",
        "USD",
    ] in rounds
    assert not any(line[:1] == ["beta-000"] for line in rounds)
    assert "not a run of this ledger" in run("spend", path, "--run", "gamma", status=2)


def test_verify(path: Path) -> None:
    assert run("verify", path).endswith("is sound\n")
    books.execute(path, "UPDATE answer SET scores = zeroblob(40) WHERE teacher = 2")
    text = run("verify", path, status=1)
    assert (
        "has changed" in text and "what to do" in text and "rescue" in text and "NOT sound" in text
    )
    path.write_bytes(b"no ledger\n" * 1000)
    assert "is damaged or is not a ledger" in run("verify", path, status=1)


def test_recount(path: Path, tmp_path: Path) -> None:
    assert ["distill", "all", "600", "600", "0"] in lines(run("recount", path, "alpha"))
    workdir = tmp_path / "run"
    workdir.mkdir()
    (workdir / "config.json").write_text(json.dumps({"run": "beta-00002"}))
    told = {"queries": 350, "queries_paid": 300, "evaluation_queries": 0}
    (workdir / "summary.json").write_text(json.dumps(told))
    assert run("recount", path, workdir).endswith("summary.json has the same counts\n")
    (workdir / "summary.json").write_text(json.dumps({**told, "queries_paid": 350}))
    assert "queries_paid: 300 in the ledger, but 350 in the summary" in run(
        "recount", path, workdir, status=1
    )
    (workdir / "summary.json").write_text("{")
    assert "summary.json" in run("recount", path, workdir, status=2)


def test_export(path: Path, tmp_path: Path) -> None:
    table = tmp_path / "answers.csv"
    assert run("export", path, table).startswith("950 rows")
    with table.open() as file:
        assert len({row["image"] for row in csv.DictReader(file)}) == 900
    assert "already exists" in run("export", path, table, status=2)
    assert run(
        "export", path, tmp_path / "few.csv", "--run", "beta", "--teacher", "dear"
    ).startswith("50 rows")


def test_export_to_parquet(path: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    run("export", path, tmp_path / "answers.parquet", "--teacher", "cheap")
    found = parquet.read_table(tmp_path / "answers.parquet")
    assert found.num_rows == 300 and found.column_names[-1] == "scores"


def test_merge(path: Path, tmp_path: Path, content: bytes) -> None:
    target = tmp_path / "target.sqlite"
    assert ["900", "0", "950", "8", "1", str(path)] in lines(run("merge", target, path))
    assert ["0", "0", "0", "0", "0", str(path)] in lines(run("merge", target, path, path))
    assert "the target itself" in run("merge", path, path, status=2)
    assert path.read_bytes() == content
    assert run("verify", target).endswith("is sound\n")


def test_rescue(path: Path, tmp_path: Path, content: bytes) -> None:
    damaged, new = tmp_path / "damaged.sqlite", tmp_path / "new.sqlite"
    damaged.write_bytes(b"\0" * 100 + content[100 : len(content) // 2])
    assert "damaged" in run("show", damaged, status=2)
    text = run("rescue", damaged, new)
    (saved,) = [int(line[1]) for line in lines(text) if line[:1] == ["answer"]]
    assert 200 < saved < 900 and "are lost" in text
    assert f"{saved} answers" in run("show", new)
    assert "already exists" in run("rescue", damaged, new, status=2)
    assert "--identity x" in run("rescue", damaged, tmp_path / "newer", "--identity", "x", status=2)


def test_mistakes_are_told_in_one_line(tmp_path: Path) -> None:
    for command in ("show", "spend", "verify"):
        message = run(command, tmp_path / "absent.sqlite", status=2)
        assert (
            message.startswith("error: ")
            and message.count("\n") == 1
            and "absent.sqlite" in message
        )
    assert list(tmp_path.iterdir()) == []
    assert "COMMAND" in run(status=2)
    assert "rescue" in run("--help") and "--by" in run("spend", "--help")


def test_the_first_version_is_shown_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    books.write_version_1(path, some_images(4), some_answers(4), [1.0, 2.0, 3.0, 4.0], paid=3)
    before = path.read_bytes()
    assert "not recorded" in run("show", path) and "not recorded" in run(
        "spend", path, "--by", "day"
    )
    assert run("verify", path).endswith("is sound\n")
    assert ["distill", "0", "4", "3", "1"] in lines(run("recount", path, "before"))
    assert run("export", path, tmp_path / "old.csv").startswith("4 rows")
    assert path.read_bytes() == before


def test_a_mistake_shows_no_stack_trace(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "amkd.ledger", "show", str(tmp_path / "absent.sqlite")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 2 and ran.stdout == ""
    assert ran.stderr.startswith("error: ") and ran.stderr.count("\n") == 1


def test_a_reader_that_has_had_enough_is_no_fault(path: Path) -> None:
    command = f"{sys.executable} -m amkd.ledger show {path} | true"
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_command_does_without_jax(path: Path) -> None:
    code = (
        "import sys; from amkd.cli.ledger import main; main(['show', sys.argv[1]]);"
        " heavy = {'jax', 'flax', 'matplotlib', 'tensorflow', 'pyarrow'}; print(sorted(heavy &"
        " sys.modules.keys()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0 and ran.stdout.endswith("\n[]\n"), ran.stdout + ran.stderr
