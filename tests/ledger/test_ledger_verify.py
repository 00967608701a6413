"""Checks of a ledger, and the recount of a run."""

import json
from pathlib import Path

import pytest

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import merge, reader, recount, report, rescue, verify
from tests.support import books
from tests.support.books import charge, pay, some_answers, some_images


def faults(path: Path) -> dict[str, list[str]]:
    with reader.open_read_only(path) as db:
        return {check.subject: check.faults for check in verify.checks(db) if check.faults}


def test_a_sound_ledger_is_found_sound(path: Path) -> None:
    assert faults(path) == {}


def test_every_kind_of_fault_is_found(path: Path) -> None:
    """And no fault is taken for another."""
    (image,) = books.execute(path, "SELECT hex(image) FROM answer WHERE teacher = 2")[0]

    def after(statement: str) -> dict[str, list[str]]:
        other = path.with_name("other.sqlite")
        other.write_bytes(path.read_bytes())
        books.execute(other, statement)
        found = faults(other)
        assert statement_of(other).endswith("is NOT sound")
        return found

    def statement_of(other: Path) -> str:
        with reader.open_read_only(other) as db:
            return report.checks(other, list(verify.checks(db)))

    changed = after(
        f"UPDATE answer SET scores = zeroblob(12) WHERE teacher = 2 AND image = x'{image}'"
    )
    assert changed == {
        "answers": [
            f"the answer of teacher 2 to image {image[:16]} has changed, or is of another teacher"
        ]
    }
    lost = after(f"DELETE FROM answer WHERE teacher = 2 AND image = x'{image}'")
    assert lost == {
        "uses": [f"run beta uses, to distill, image {image[:16]} of teacher 2, which has no answer"]
    }
    many = after("DELETE FROM answer WHERE teacher = 2")["uses"]
    assert len(many) == 6 and many[-1] == "and 1 more"
    assert list(after("UPDATE pending SET batch = 1")) == ["in flight"]
    assert list(after("UPDATE pending SET batch = 99")) == ["in flight"]
    assert after("DELETE FROM teacher WHERE id = 2") == {"teachers": ["teacher 2 has no name"]}
    assert after("DELETE FROM batch WHERE run = 'beta'") == {
        "batches": [
            "run beta, distill, round 0: 0 images were answered in batches, but 6 are recorded as"
            " paid"
        ]
    }
    assert list(after("UPDATE use SET paid = 0 WHERE run = 'beta'")) == ["owners", "batches"]
    # The first image of beta in place of another of its own: two numbers of classes.
    scores = some_answers(1, classes=4)[0].tobytes()
    check = ledger.checksum("cheap", bytes.fromhex(image), scores)
    short = after(
        f"UPDATE answer SET scores = x'{scores.hex()}', checksum = {check} WHERE teacher = 2 AND"
        f" hex(image) = '{image}'"
    )
    assert list(short) == ["classes"] and "3, 4" in short["classes"][0]


CHANGES = [
    ("UPDATE batch SET images = -1000 WHERE id = 1", "money"),
    ("UPDATE batch SET price = 0", "money"),
    ("UPDATE batch SET currency = 'JPY' WHERE id = 2", "money"),
    ("UPDATE batch SET state = 'refused' WHERE state = 'lost'", "money"),
    ("UPDATE batch SET state = 'refused', ended = 1 WHERE state = 'sent'", "money"),
    ("UPDATE batch SET run = 'beta' WHERE state = 'lost'", "money"),
    ("UPDATE batch SET purpose = 'evaluate' WHERE state = 'lost'", "money"),
    ("UPDATE batch SET round = 7 WHERE state = 'lost'", "money"),
    ("UPDATE batch SET teacher = 2 WHERE state = 'lost'", "money"),
    ("UPDATE batch SET sent = sent + 86400 WHERE id = 1", "money"),
    ("UPDATE use SET run = 'gamma' WHERE run = 'beta' AND NOT paid", "owners"),
    ("UPDATE use SET purpose = 'evaluate' WHERE run = 'beta' AND NOT paid", "owners"),
    ("UPDATE use SET round = 7 WHERE run = 'beta' AND NOT paid", "owners"),
    ("UPDATE use SET paid = 1 - paid", "owners"),
    ("UPDATE answer SET teacher = 2 WHERE teacher = 1 AND image NOT IN"
     " (SELECT image FROM answer WHERE teacher = 2)", "answers"),
    ("UPDATE teacher SET identity = 'other' WHERE id = 2", "answers"),
    ("UPDATE answer SET checksum = checksum + 1 WHERE teacher = 2", "answers"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "subject"), CHANGES)
def test_no_money_and_no_owner_can_be_changed_unseen(
    statement: str, subject: str, path: Path, tmp_path: Path
) -> None:
    books.execute(path, statement)
    assert subject in faults(path)
    with pytest.raises(UserError, match="is damaged"):
        merge.merge(tmp_path / "merged.sqlite", [path])
    rescue.rescue(path, tmp_path / "rescued.sqlite")
    assert faults(tmp_path / "rescued.sqlite").keys() <= {"batches"}


def test_what_was_moved_to_another_teacher_is_not_rescued(path: Path, tmp_path: Path) -> None:
    (moved,) = books.execute(path, "SELECT count(*) FROM answer WHERE teacher = 1")[0]
    books.execute(path, "UPDATE OR IGNORE answer SET teacher = 2 WHERE teacher = 1")
    books.execute(path, "VACUUM")  # leaves no earlier copy in unused pages
    found = rescue.rescue(path, tmp_path / "rescued.sqlite")
    assert {table.name: table.rejected for table in found.tables}["answer"] >= moved - 6
    with reader.open_read_only(tmp_path / "rescued.sqlite") as db:
        assert db.execute(
            "SELECT identity, count(*) FROM answer JOIN teacher ON id = teacher GROUP BY 1"
        ).fetchall() == [("cheap", 6), ("dear", 6)]


def test_a_torn_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    book = ledger.Ledger(path)
    pay(book, charge(book.teacher("x")), some_images(900), some_answers(900))
    book.close()
    content = bytearray(path.read_bytes())
    page = content.index(some_answers(900)[400].tobytes()) // 4096
    content[page * 4096 + 8 : page * 4096 + 16] = b"\xff" * 8  # where its rows begin
    path.write_bytes(content)
    assert list(faults(path)) == ["file"]


def test_recount_by_round_and_purpose(path: Path) -> None:
    with reader.open_read_only(path) as db:
        found = recount.recount(db, "al")
    assert found.run == "alpha" and found.missing == 0 and found.summary is None
    assert found.counts == [("distill", 0, 7, 0), ("distill", 1, 4, 2), ("evaluate", 0, 2, 0)]


def test_recount_leaves_out_what_has_no_answer(path: Path) -> None:
    books.execute(path, "DELETE FROM answer WHERE teacher = 2")
    with reader.open_read_only(path) as db:
        found = recount.recount(db, "beta")
    assert found.counts == [("distill", 0, 0, 3)] and found.missing == 6


def write_workdir(folder: Path, run: str = "alpha", **summary: int) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"run": run}))
    (folder / "summary.json").write_text(json.dumps(summary))


def test_recount_compares_with_the_summary(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = {"queries": 13, "queries_paid": 11, "evaluation_queries": 2}
    write_workdir(tmp_path / "right", **right)
    write_workdir(tmp_path / "runs" / "alpha", **right)
    monkeypatch.chdir(tmp_path)
    with reader.open_read_only(path) as db:
        for name in (
            str(tmp_path / "right"),
            "alpha",
        ):  # the second by the place that the run noted
            found = recount.recount(db, name)
            assert found.differences == [] and found.summary is not None
            assert found.summary.parent.name == name.rpartition("/")[2]
        for field in right:
            folder = tmp_path / field
            write_workdir(folder, **{**right, field: 14})
            assert recount.recount(db, str(folder)).differences == [
                f"{field}: {right[field]} in the ledger, but 14 in the summary"
            ]


def test_recount_needs_one_run(path: Path, tmp_path: Path) -> None:
    book = ledger.Ledger(path)
    book.begin_run("alphabet", "", "")
    book.close()
    (tmp_path / "empty").mkdir()
    with reader.open_read_only(path) as db:
        assert recount.find(db, "alpha") == "alpha"  # though it is the beginning of another
        for name, complaint in [
            ("alp", "2 runs"),
            ("gamma", "not a run"),
            (str(tmp_path / "empty"), "config.json"),
        ]:
            with pytest.raises(UserError, match=complaint):
                recount.recount(db, name)


def test_another_run_in_the_noted_workdir_is_not_compared(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_workdir(
        tmp_path / "runs" / "alpha", run="somebody", queries=1, queries_paid=1, evaluation_queries=1
    )
    monkeypatch.chdir(tmp_path)
    with reader.open_read_only(path) as db:
        assert recount.recount(db, "alpha").summary is None
