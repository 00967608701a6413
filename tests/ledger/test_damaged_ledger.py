"""Damage, and what is not a ledger of this version, is never taken for an answer."""

import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from amkd.core.errors import UserError
from tests.support import books
from tests.support.books import charge, pay, some_answers, some_images
from tests.support.ledger_writer import writer

PAGE = 4096  # SQLite's page size


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a closed ledger of many pages."""
    path = tmp_path_factory.mktemp("sound") / "ledger.sqlite"
    book = ledger.Ledger(path)
    teacher = book.teacher("someone")
    for batch in range(20):
        pay(book, charge(teacher), some_images(20, batch), some_answers(20))
    book.close()
    assert list(path.parent.iterdir()) == [path]  # all of it in the one file
    return path.read_bytes()


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        ledger.Ledger(path)
    message = str(caught.value)
    assert str(path) in message
    return message


# The first version.


def test_a_ledger_of_version_1_is_brought_up(tmp_path: Path) -> None:
    path, images, answers = tmp_path / "ledger.sqlite", some_images(7), some_answers(7)
    books.write_version_1(path, images, answers, [1000.0 + place for place in range(7)], paid=5)
    for _ in range(2):  # the second opening finds it done
        book = ledger.Ledger(path)
        assert book.teacher("old") == 1
        found = book.find(1, images)
        assert np.array_equal(np.stack([found[image] for image in images]), answers)
        assert book.rows("SELECT answered FROM answer ORDER BY answered") == [
            (1000.0 + place,) for place in range(7)
        ]
        assert book.used("before", "distill", 1) == set(images)
        assert book.count("before", "distill") == 7
        assert book.count("before", "distill", paid_only=True) == 5
        assert book.spent("before") == 0 and book.lost("before") == 0
        assert book.rows("PRAGMA user_version") == [(3,)]
        book.close()
    book = ledger.Ledger(path)
    assert book.begin_run("now", "", "") == 0
    sent = pay(book, charge(1, "now"), [*images, *some_images(2, seed=1)], some_answers(9))
    assert len(sent.images) == 2 and book.count("now", "distill") == 9
    book.close()
    fresh = tmp_path / "fresh.sqlite"
    ledger.Ledger(fresh).close()
    columns = (
        "SELECT m.name, i.name FROM sqlite_master m JOIN pragma_table_info(m.name) i"
        " WHERE m.type = 'table'"
    )
    assert sorted(books.execute(path, columns)) == sorted(books.execute(fresh, columns))
    names = "SELECT type, name FROM sqlite_master ORDER BY 1, 2"
    assert books.execute(path, names) == books.execute(fresh, names)


def test_two_processes_may_bring_it_up_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    books.write_version_1(path, some_images(3), some_answers(3), [1.0, 2.0, 3.0], paid=3)
    processes = [writer(path, name, 2) for name in ("left", "right")]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    book = ledger.Ledger(path)
    assert [book.count(name, "distill") for name in ("before", "left", "right")] == [3, 14, 14]
    book.close()


# Damage.


@pytest.mark.parametrize("keep", [50, 1000, PAGE, 0.5, -PAGE])
def test_a_truncated_ledger_is_refused(tmp_path: Path, sound: bytes, keep: float) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(sound[: int(len(sound) * keep) if isinstance(keep, float) else keep])
    message = refused(path)
    assert "damaged" in message
    assert "--config.ledger.path" in message and f"python -m amkd.ledger rescue {path}" in message


@pytest.mark.parametrize(
    "content",
    [
        b"not a ledger\n" * 1000,
        np.random.default_rng(0).bytes(3 * PAGE),
        b"\0" * PAGE,
        b'{"run": 1}',
    ],
    ids=["text", "noise", "zeros", "json"],
)
def test_garbage_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    assert "--config.ledger.path" in refused(path)
    assert path.read_bytes() == content


def test_a_flipped_byte_in_any_page_header_is_noticed(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    assert len(sound) >= 10 * PAGE
    for start in range(0, len(sound), PAGE):
        damaged = bytearray(sound)
        damaged[start + (0 if start else 100)] ^= (
            0xFF  # the b-tree page's type; page 1 opens with the file's header
        )
        path.write_bytes(damaged)
        message = refused(path)
        assert "damaged" in message and "--config.ledger.path" in message


def test_a_flipped_byte_in_the_file_header_is_noticed(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"s" + sound[1:])
    assert "--config.ledger.path" in refused(path)


def test_a_sound_copy_is_read(tmp_path: Path, sound: bytes) -> None:
    """What the damage above was done to is in order."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(sound)
    book = ledger.Ledger(path)
    assert book.count("run", "distill") == 400
    book.close()


def test_a_later_version_is_refused(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(sound)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=7")
    db.close()
    message = refused(path)
    assert "version 7" in message
    assert re.search(r"--config\.ledger\.path|newer|upgrade|later amkd", message), (
        "no remedy in: " + message
    )
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (7,)
    db.close()


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE bookmarks (url TEXT)")
    db.commit()
    db.close()
    assert "--config.ledger.path" in refused(path)
    db = sqlite3.connect(path)
    assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    db.close()


def test_a_folder_in_the_ledgers_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.mkdir()
    assert "--config.ledger.path" in refused(path)


def test_a_file_in_the_ledgers_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "ledger" in refused(tmp_path / "file" / "ledger.sqlite")
