"""Rescue: whatever is done to a file, every answer that comes out of it is one that went in."""

import dataclasses
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import merge, reader, report, verify
from amkd.ledger.rescue import Rescued, rescue
from amkd.ledger.sqlite_pages import Pages
from tests.support import books
from tests.support.books import charge, pay, some_answers, some_images

PAGE = 4096  # SQLite's page size
ROOT = Path(__file__).resolve().parents[2]
COUNT = 1000


class Sound(NamedTuple):
    """A whole ledger's file, and what it holds."""

    content: bytes
    answers: dict[bytes, bytes]
    uses: set[tuple]
    kinds: dict[int, str]  # of each page, what it belongs to

    def pages(self, *names: str) -> list[int]:
        return [page for page, name in self.kinds.items() if name in names]


def make(path: Path, count: int = COUNT, classes: int = 10) -> Sound:
    """A thousand answers of two teachers to two runs, in batches of 25."""
    book = ledger.Ledger(path)
    images, answers = some_images(count), some_answers(count, classes)
    book.begin_run("alpha", "a test", "runs/alpha")
    book.begin_run("beta", "another", "runs/beta")
    for start in range(0, count, 25):
        part = slice(start, start + 25)
        late = start >= count // 2
        who = charge(
            book.teacher("second" if late else "first"),
            "beta" if late else "alpha",
            round_=start // 100,
        )
        pay(book, dataclasses.replace(who, price=0.5, currency="USD"), images[part], answers[part])
    book.begin_batch(
        charge(1, "alpha", round_=10, price=0.5), some_images(5, seed=5)
    )  # in flight when it ended
    book.close()
    return Sound(path.read_bytes(), answers_of(path), uses_of(path), kinds_of(path))


def kinds_of(path: Path) -> dict[int, str]:
    try:
        return dict(books.execute(path, "SELECT pageno, name FROM dbstat"))
    except sqlite3.OperationalError:
        pytest.skip(
            "this SQLite cannot tell which table a page belongs to (SQLITE_ENABLE_DBSTAT_VTAB)"
        )


def answers_of(path: Path) -> dict[bytes, bytes]:
    return dict(books.execute(path, "SELECT image, scores FROM answer"))


def uses_of(path: Path) -> set[tuple]:
    return set(books.execute(path, "SELECT * FROM use"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return make(tmp_path_factory.mktemp("sound") / "ledger.sqlite")


class Case(NamedTuple):
    """One damaged file, and where it is saved."""

    damaged: Path
    new: Path

    def rescue(self, content: bytes, **identities: str) -> Rescued:
        """Rescues this content; checks what must hold of every rescue."""
        self.new.unlink(missing_ok=True)
        self.damaged.write_bytes(content)
        before = {path: path.read_bytes() for path in self.damaged.parent.iterdir()}
        found = rescue(
            self.damaged, self.new, {int(name[1:]): value for name, value in identities.items()}
        )
        after = {
            path: path.read_bytes() for path in self.damaged.parent.iterdir() if path != self.new
        }
        assert after == before  # the original, and no leftovers
        assert report.rescued(found, self.damaged, self.new)
        assert {
            table.name: table.recovered for table in found.tables if table.name != "teacher"
        } == {
            name: books.execute(self.new, f"SELECT count(*) FROM {name}")[0][0]
            for name in ("answer", "use", "batch", "run")
        }
        with reader.open_read_only(
            self.new
        ) as db:  # what is saved is sound but for counts of what is lost
            assert {check.subject for check in verify.checks(db) if check.faults} <= {
                "batches",
                "classes",
            }
        return found


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path / "damaged.sqlite", tmp_path / "new.sqlite")


def rows(found: Rescued) -> dict[str, int]:
    return {table.name: table.recovered for table in found.tables}


def test_a_sound_ledger_comes_out_whole(case: Case, sound: Sound) -> None:
    found = case.rescue(sound.content)
    assert rows(found) == {"teacher": 2, "answer": COUNT, "use": COUNT, "batch": 41, "run": 2}
    assert (found.unreadable, found.missing, found.broken, found.unanswered, found.unnamed) == (
        [],
        0,
        0,
        {},
        [],
    )
    assert not any(table.rejected for table in found.tables)
    assert answers_of(case.new) == sound.answers and uses_of(case.new) == sound.uses
    for name in ("teacher", "batch", "run"):
        assert books.execute(case.new, f"SELECT * FROM {name}") == books.execute(
            case.damaged, f"SELECT * FROM {name}"
        )
    assert books.execute(case.new, "SELECT count(*) FROM pending") == [(0,)]
    assert "no losses were found" in report.rescued(found, case.damaged, case.new)
    book = ledger.Ledger(case.new)  # and goes on as a ledger
    assert books.execute(case.new, "PRAGMA journal_mode") == [("wal",)]
    assert book.begin_run("alpha", "", "") == 5  # what was in flight
    assert book.find(1, list(sound.answers)[:1]) or book.find(2, list(sound.answers)[:1])
    book.close()


@pytest.mark.parametrize("head", [16, 100, PAGE], ids=["magic", "header", "first page"])
def test_without_its_first_page_nothing_is_lost(case: Case, sound: Sound, head: int) -> None:
    found = case.rescue(np.random.default_rng(0).bytes(head) + sound.content[head:])
    assert answers_of(case.new) == sound.answers and uses_of(case.new) == sound.uses
    assert rows(found) == {"teacher": 2, "answer": COUNT, "use": COUNT, "batch": 41, "run": 2}


def test_without_the_tree_that_the_pages_hang_in_nothing_is_lost_but_its_own_rows(
    case: Case, sound: Sound
) -> None:
    """The root pages are overwritten: SQLite itself finds nothing then."""
    content = bytearray(sound.content)
    roots, own = roots_of(sound), 0
    for name in ("answer", "use"):
        page = content[(roots[name] - 1) * PAGE : roots[name] * PAGE]
        assert page[0] == 2  # an inner page
        own += struct.unpack_from(">H", page, 3)[0]
        content[(roots[name] - 1) * PAGE : roots[name] * PAGE] = np.random.default_rng(1).bytes(
            PAGE
        )
    found = case.rescue(bytes(content))
    assert rows(found)["answer"] < COUNT and 0 < COUNT - rows(found)["answer"] < own
    assert answers_of(case.new).items() <= sound.answers.items()
    assert sorted(found.unreadable) == sorted(roots[name] for name in ("answer", "use"))


def roots_of(sound: Sound) -> dict[str, int]:
    """Each table's first page: all of them were made before the first row."""
    return {name: min(sound.pages(name)) for name in ("answer", "use")}


@pytest.mark.parametrize("keep", [0.25, 0.5, 0.9, -1, -PAGE])
def test_a_truncated_file_keeps_what_is_before_its_end(
    case: Case, sound: Sound, keep: float
) -> None:
    length = (
        int(len(sound.content) * keep) if isinstance(keep, float) else len(sound.content) + keep
    )
    found = case.rescue(sound.content[:length])
    whole = length // PAGE
    lost = sum(page > whole for page in sound.pages("answer"))
    here = answers_of(case.new)
    assert here.items() <= sound.answers.items()
    assert (
        COUNT - 46 * lost <= len(here) <= COUNT - max(lost - 1, 0)
    )  # a page holds 46 answers at most, and one at least
    assert found.missing == len(sound.content) // PAGE - found.pages
    assert uses_of(case.new) <= sound.uses


def test_a_flipped_byte_in_any_page_costs_little(case: Case, tmp_path: Path) -> None:
    """In each page in turn: its type, its count of rows, an offset, and somewhere in the rows."""
    count, rng = 300, np.random.default_rng(0)
    sound = make(tmp_path / "sound.sqlite", count)
    for page in range(1, len(sound.content) // PAGE + 1):
        content = bytearray(sound.content)
        place = int(rng.choice([0, 4, 9, rng.integers(PAGE // 2, PAGE)]))
        content[(page - 1) * PAGE + place] ^= 0xFF
        found = case.rescue(bytes(content))
        here = answers_of(case.new)
        assert here.items() <= sound.answers.items()
        limit = {"answer": 46, "use": 60}.get(sound.kinds.get(page, ""), 0)
        assert len(here) >= count - limit, f"page {page}, byte {place}"
        if limit == 0:
            assert rows(found)["use"] == count
        assert found.unanswered.keys() <= {("alpha", "distill"), ("beta", "distill")}


def test_a_wrong_page_type_costs_nothing(case: Case, sound: Sound) -> None:
    content = bytearray(sound.content)
    for page in sound.pages("answer", "use"):
        content[(page - 1) * PAGE] ^= 0xF0
    case.rescue(bytes(content))
    assert answers_of(case.new) == sound.answers and uses_of(case.new) == sound.uses


def test_a_changed_answer_is_left_out_and_told(case: Case, sound: Sound) -> None:
    image, scores = next(iter(sound.answers.items()))
    assert sound.content.count(scores) == 1
    changed = bytes([scores[0] ^ 1]) + scores[1:]
    found = case.rescue(sound.content.replace(scores, changed))
    assert {table.name: table.rejected for table in found.tables if table.rejected} == {"answer": 1}
    assert answers_of(case.new) == {
        other: row for other, row in sound.answers.items() if other != image
    }
    (lost,) = found.unanswered.items()
    assert lost in [(("alpha", "distill"), 1), (("beta", "distill"), 1)]
    assert not any(row[3] == image for row in uses_of(case.new))
    text = report.rescued(found, case.damaged, case.new)
    assert "1 answers have changed" in text and f"run {lost[0][0]} uses to distill are lost" in text


@hypothesis.settings(max_examples=20)
@hypothesis.given(
    st.lists(st.tuples(st.integers(0, 10**9), st.binary(min_size=1, max_size=64)), max_size=12)
)
def test_no_answer_comes_out_that_did_not_go_in(
    tmp_path_factory: pytest.TempPathFactory, sound: Sound, changes: list[tuple[int, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    content = bytearray(sound.content)
    for place, noise in changes:
        place %= len(content)
        content[place : place + len(noise)] = noise
    found = Case(folder / "damaged.sqlite", folder / "new.sqlite").rescue(
        bytes(content[: len(sound.content)])
    )
    here = answers_of(folder / "new.sqlite")
    assert here.items() <= sound.answers.items()
    assert len(here) >= COUNT - 46 * 2 * len(changes)
    assert rows(found)["answer"] == len(here)
    shutil.rmtree(folder)


def overwrite(sound: Sound, *names: str) -> bytes:
    content = bytearray(sound.content)
    for page in sound.pages(*names):
        content[(page - 1) * PAGE : page * PAGE] = b"\xee" * PAGE
    return bytes(content)


def test_names_of_teachers_are_kept_twice(case: Case, sound: Sound) -> None:
    for name in ("teacher", "sqlite_autoindex_teacher_1"):
        found = case.rescue(overwrite(sound, name))
        assert found.unnamed == [] and rows(found)["teacher"] == 2
        assert books.execute(case.new, "SELECT * FROM teacher") == [(1, "first"), (2, "second")]


def test_names_that_do_not_agree_are_told(case: Case, sound: Sound) -> None:
    place = sound.content.index(b"second")
    found = case.rescue(sound.content[:place] + b"sEcond" + sound.content[place + 6 :])
    assert len(found.notes) == 1 and "--identity 2=NAME" in found.notes[0]
    assert (
        case.rescue(
            sound.content[:place] + b"sEcond" + sound.content[place + 6 :], _2="second"
        ).notes
        == []
    )
    assert books.execute(case.new, "SELECT identity FROM teacher WHERE id = 2") == [("second",)]


def test_a_teacher_without_a_name_is_told_and_can_be_named(case: Case, sound: Sound) -> None:
    content = overwrite(sound, "teacher", "sqlite_autoindex_teacher_1")
    found = case.rescue(content)
    assert found.unnamed == [1, 2] and len(found.unreadable) == 2
    identities = [("unknown teacher 1",), ("unknown teacher 2",)]
    assert books.execute(case.new, "SELECT identity FROM teacher ORDER BY id") == identities
    assert answers_of(case.new) == sound.answers
    assert "the name of teacher 2 is lost" in report.rescued(found, case.damaged, case.new)
    with pytest.raises(UserError, match="--identity 1=NAME"):
        merge.merge(case.new.with_name("merged"), [case.new])
    found = case.rescue(content, _1="first", _2="second")
    assert found.unnamed == [] and answers_of(case.new) == sound.answers
    assert merge.merge(case.new.with_name("merged"), [case.new])[0].answers == COUNT
    case.new.with_name("merged").unlink()
    case.new.unlink()
    with pytest.raises(UserError, match="another teacher"):
        rescue(case.damaged, case.new, {1: "same", 2: "same"})
    assert not case.new.exists()


def test_uses_and_batches_may_be_lost(case: Case, sound: Sound) -> None:
    found = case.rescue(overwrite(sound, "use", "batch"))
    assert rows(found) == {"teacher": 2, "answer": COUNT, "use": 0, "batch": 0, "run": 2}
    assert answers_of(case.new) == sound.answers


def test_rows_longer_than_a_page_are_saved(case: Case, tmp_path: Path) -> None:
    """A thousand classes: most of an answer lies on overflow pages."""
    long = make(tmp_path / "long.sqlite", count=50, classes=1000)
    (tmp_path / "long.sqlite").unlink()
    found = case.rescue(b"\0" * 100 + long.content[100:])
    assert rows(found)["answer"] == 50 and answers_of(case.new) == long.answers
    content = bytearray(long.content)
    content[10 * PAGE + 100] ^= 1  # within an answer
    case.rescue(bytes(content))
    here = answers_of(case.new)
    assert 48 <= len(here) <= 50 and here.items() <= long.answers.items()


def test_pages_of_another_size_are_read(case: Case, tmp_path: Path, sound: Sound) -> None:
    (tmp_path / "small").write_bytes(sound.content)
    db = sqlite3.connect(tmp_path / "small", isolation_level=None)
    db.execute("PRAGMA journal_mode=DELETE")
    db.execute("PRAGMA page_size=512")
    db.execute("VACUUM")
    db.close()
    small = (tmp_path / "small").read_bytes()
    (tmp_path / "small").unlink()
    assert Pages(small).size == 512
    case.rescue(small)
    assert answers_of(case.new) == sound.answers and uses_of(case.new) == sound.uses


@pytest.mark.parametrize("size", [b"\x20\x00", b"\x00\x00", b"\x00\x01", b"\x10\x01"])
def test_a_wrong_page_size_in_the_header_costs_nothing(
    case: Case, sound: Sound, size: bytes
) -> None:
    case.rescue(sound.content[:16] + size + sound.content[18:])
    assert answers_of(case.new) == sound.answers and uses_of(case.new) == sound.uses


def test_version_1_is_saved_as_the_current_one(case: Case, tmp_path: Path) -> None:
    books.write_version_1(tmp_path / "old", some_images(60), some_answers(60), [5.0] * 60, paid=40)
    content = (tmp_path / "old").read_bytes()
    (tmp_path / "old").unlink()
    found = case.rescue(b"\xaa" * PAGE + content[PAGE:])
    assert rows(found) == {"teacher": 1, "answer": 60, "use": 60, "batch": 0, "run": 0}
    book = ledger.Ledger(case.new)
    assert book.count("before", "distill", paid_only=True) == 40
    book.close()


# The -wal: what a killed process wrote last.

KILLED = """
import sys
from pathlib import Path
from amkd import ledger
from tests.support.books import pay, charge, some_answers, some_images
book = ledger.Ledger(Path(sys.argv[1]))
who = charge(book.teacher("first"), "gamma")
for batch in range(30):
    pay(book, who, some_images(20, seed=100 + batch), some_answers(20, seed=batch))
print("written", flush=True)
input()
"""


@pytest.fixture
def killed(tmp_path: Path, sound: Sound) -> Path:
    """A ledger whose writer was killed: a part of it is in the -wal alone."""
    path = tmp_path / "killed" / "ledger.sqlite"
    path.parent.mkdir()
    path.write_bytes(sound.content)
    command = [sys.executable, "-c", KILLED, str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    process.stdin.close()
    process.stdout.close()
    assert (path.parent / "ledger.sqlite-wal").stat().st_size > PAGE
    return path


def spoil(path: Path, change: Callable[[bytearray], None]) -> None:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


@pytest.mark.parametrize("head", [0, 100, PAGE])
def test_what_is_in_the_wal_is_saved(killed: Path, tmp_path: Path, sound: Sound, head: int) -> None:
    spoil(killed, lambda content: content.__setitem__(slice(0, head), b"\x77" * head))
    before = {path.name: path.read_bytes() for path in killed.parent.iterdir()}
    found = rescue(killed, tmp_path / "new.sqlite")
    assert {path.name: path.read_bytes() for path in killed.parent.iterdir()} == before
    here = answers_of(tmp_path / "new.sqlite")
    assert len(here) == COUNT + 600 and sound.answers.items() <= here.items()
    assert len(found.notes) == 1 and "pages applied" in found.notes[0]


def test_a_wal_that_cannot_be_read_costs_only_itself(
    killed: Path, tmp_path: Path, sound: Sound
) -> None:
    spoil(
        killed.with_name("ledger.sqlite-wal"),
        lambda content: content.__setitem__(slice(0, 200), b"\x77" * 200),
    )
    rescue(killed, tmp_path / "new.sqlite")
    here = answers_of(tmp_path / "new.sqlite")
    assert sound.answers.items() <= here.items()


# What is refused.


@pytest.mark.parametrize(
    "content", [b"", b"text\n" * 5000, b"\0" * 3 * PAGE], ids=["empty", "text", "zeros"]
)
def test_what_holds_nothing_of_a_ledger_is_refused(case: Case, content: bytes) -> None:
    case.damaged.write_bytes(content)
    with pytest.raises(UserError, match="nothing was written"):
        rescue(case.damaged, case.new)
    assert list(case.damaged.parent.iterdir()) == [case.damaged]


def test_noise_is_refused(case: Case) -> None:
    case.damaged.write_bytes(np.random.default_rng(0).bytes(64 * PAGE))
    with pytest.raises(UserError, match="nothing was written"):
        rescue(case.damaged, case.new)


def test_paths_that_cannot_be_are_refused(case: Case, sound: Sound) -> None:
    with pytest.raises(UserError, match="does not exist"):
        rescue(case.damaged, case.new)
    case.damaged.write_bytes(sound.content)
    case.new.write_text("mine")
    with pytest.raises(UserError, match="already exists"):
        rescue(case.damaged, case.new)
    assert case.new.read_text() == "mine"
    with pytest.raises(UserError, match="cannot be written"):
        rescue(case.damaged, case.new / "below" / "it.sqlite")
