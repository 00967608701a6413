"""The ledger: what was paid for is found again, and damage is never taken for an answer."""

import itertools
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from amkd.errors import UserError

PAGE = 4096  # SQLite's page size
ROOT = Path(__file__).resolve().parents[1]


def some_answers(count: int, classes: int = 10, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).random((count, classes)).astype(np.float32)
    return raw / raw.sum(-1, keepdims=True)


def some_images(count: int, seed: int = 0) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [rng.bytes(32) for _ in range(count)]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[ledger.Ledger]:
    found = ledger.Ledger(tmp_path / "ledger.sqlite")
    yield found
    found.close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a closed ledger of many pages."""
    path = tmp_path_factory.mktemp("sound") / "ledger.sqlite"
    book = ledger.Ledger(path)
    teacher = book.teacher("someone")
    for batch in range(20):
        book.add_paid("run", "distill", teacher, some_images(20, batch), some_answers(20), 0)
    book.close()
    assert list(path.parent.iterdir()) == [path]  # all of it in the one file
    return path.read_bytes()


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        ledger.Ledger(path)
    message = str(caught.value)
    assert str(path) in message
    return message


# Addresses.


def test_digest_depends_on_every_byte() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    seen = {ledger.digest(image)}
    for place in np.ndindex(image.shape):
        other = image.copy()
        other[place] += 1
        seen.add(ledger.digest(other))
    assert len(seen) == 13


def test_digest_depends_on_the_shape() -> None:
    flat = np.arange(12, dtype=np.uint8)
    shapes = [(2, 3, 2), (3, 2, 2), (2, 2, 3), (12, 1, 1), (1, 12, 1), (1, 1, 12)]
    assert len({ledger.digest(flat.reshape(shape)) for shape in shapes}) == len(shapes)


def test_digest_depends_on_values_and_not_on_memory_layout() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    strided = np.asfortranarray(image)
    assert not strided.flags.c_contiguous
    assert ledger.digest(strided) == ledger.digest(image)
    assert ledger.digest(image[::-1]) != ledger.digest(image)


# Round trip.


def test_answers_come_back_bit_for_bit(opened: ledger.Ledger) -> None:
    teacher = opened.teacher("someone")
    images = some_images(1203)  # more than fit one SQL statement
    answers = some_answers(1203)
    answers[0] = [1, 0, *[np.float32(1e-45)] * 8]  # subnormal: kept too
    opened.add_paid("run", "distill", teacher, images, answers, 0)
    found = opened.find(teacher, images)
    assert len(found) == 1203
    assert all(found[image].dtype == np.float32 for image in images)
    assert b"".join(found[image].tobytes() for image in images) == answers.tobytes()


def test_only_what_is_there_is_found(opened: ledger.Ledger) -> None:
    teacher = opened.teacher("someone")
    here, absent = some_images(3), some_images(3, seed=1)
    opened.add_paid("run", "distill", teacher, here, some_answers(3), 0)
    assert opened.find(teacher, [*absent, here[1]]).keys() == {here[1]}
    assert opened.find(teacher, []) == {}


def test_the_first_answer_stays(opened: ledger.Ledger) -> None:
    teacher, images = opened.teacher("someone"), some_images(1)
    opened.add_paid("run", "distill", teacher, images, some_answers(1, seed=1), 0)
    opened.add_paid("run", "distill", teacher, images, some_answers(1, seed=2), 0)
    assert np.array_equal(opened.find(teacher, images)[images[0]], some_answers(1, seed=1)[0])


def test_a_teacher_keeps_its_number(opened: ledger.Ledger) -> None:
    numbers = [opened.teacher(name) for name in ("a", "b", "a", "b", "c")]
    assert numbers[0] == numbers[2]
    assert numbers[1] == numbers[3]
    assert len(set(numbers)) == 3


def test_identities_do_not_share_answers(opened: ledger.Ledger) -> None:
    images = some_images(4)
    one, two = opened.teacher("one"), opened.teacher("two")
    opened.add_paid("run", "distill", one, images, some_answers(4, seed=1), 0)
    assert opened.find(two, images) == {}
    opened.add_paid("run", "distill", two, images, some_answers(4, seed=2), 0)
    for teacher, seed in ((one, 1), (two, 2)):
        found = opened.find(teacher, images)
        assert np.array_equal(np.stack([found[image] for image in images]), some_answers(4, seed=seed))


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    path, images = tmp_path / "deep" / "er" / "ledger.sqlite", some_images(5)
    for _ in range(2):
        book = ledger.Ledger(path)
        book.add_paid("run", "distill", book.teacher("someone"), images, some_answers(5), 3)
        book.close()
    book = ledger.Ledger(path)
    found = book.find(book.teacher("someone"), images)
    assert np.array_equal(np.stack([found[image] for image in images]), some_answers(5))
    assert book.count("run", "distill") == 5
    book.close()


# Uses.


def test_uses_are_kept_apart_by_run_purpose_and_teacher(opened: ledger.Ledger) -> None:
    one, two = opened.teacher("one"), opened.teacher("two")
    a, b, c, d = some_images(4)
    opened.add_paid("run", "distill", one, [a, b], some_answers(2), 0)
    opened.add_paid("run", "evaluate", one, [c], some_answers(1), 0)
    opened.add_paid("other", "distill", one, [d], some_answers(1), 0)
    opened.add_paid("run", "distill", two, [d], some_answers(1), 0)
    assert opened.used("run", "distill", one) == {a, b}
    assert opened.used("run", "evaluate", one) == {c}
    assert opened.used("other", "distill", one) == {d}
    assert opened.used("run", "distill", two) == {d}
    assert opened.used("nobody", "distill", one) == set()


def test_count_tells_paid_from_found(opened: ledger.Ledger) -> None:
    teacher = opened.teacher("someone")
    paid, found = some_images(3), some_images(5, seed=1)
    opened.add_paid("run", "distill", teacher, paid, some_answers(3), 0)
    opened.note_found("run", "distill", teacher, found, 0)
    assert opened.count("run", "distill") == 8
    assert opened.count("run", "distill", paid_only=True) == 3
    assert opened.count("run", "evaluate") == 0
    assert opened.used("run", "distill", teacher) == {*paid, *found}


def test_what_was_paid_stays_paid(opened: ledger.Ledger) -> None:
    """A resumed run finds what it paid for itself: still paid, and not counted twice."""
    teacher, images = opened.teacher("someone"), some_images(4)
    opened.add_paid("run", "distill", teacher, images, some_answers(4), 0)
    opened.note_found("run", "distill", teacher, images, 1)
    assert opened.count("run", "distill") == 4
    assert opened.count("run", "distill", paid_only=True) == 4


# Several at once.


def test_two_ledgers_on_one_file_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    books = [ledger.Ledger(path), ledger.Ledger(path)]
    for batch in range(10):
        for number, book in enumerate(books):
            teacher = book.teacher("shared")
            images = some_images(4, seed=100 * number + batch)
            book.add_paid(f"run {number}", "distill", teacher, images, some_answers(4, seed=batch), 0)
    for book, number in itertools.product(books, range(2)):  # each sees what either wrote
        assert book.count(f"run {number}", "distill") == 40
        for batch in range(10):
            images = some_images(4, seed=100 * number + batch)
            found = book.find(book.teacher("shared"), images)
            assert np.array_equal(np.stack([found[image] for image in images]), some_answers(4, seed=batch))
    for book in books:
        book.close()


WRITER = """
import sys, itertools
from pathlib import Path
import numpy as np
from amkd import ledger

path, name, batches = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
book = ledger.Ledger(path)
teacher = book.teacher("shared")
for batch in range(batches) if batches else itertools.count():
    images = [f"{name} {batch} {place}".encode().ljust(32) for place in range(7)]
    answers = np.full((7, 3), batch, np.float32)
    book.add_paid(name, "distill", teacher, images, answers, batch)
    print(batch, flush=True)
book.close()
"""


def writer(path: Path, name: str, batches: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(batches)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def written(book: ledger.Ledger, name: str, batch: int) -> list[list[float]]:
    images = [f"{name} {batch} {place}".encode().ljust(32) for place in range(7)]
    found = book.find(book.teacher("shared"), images)
    return [found[image].tolist() for image in images if image in found]


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    processes = [writer(path, name, 40) for name in ("left", "right")]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    book = ledger.Ledger(path)
    for name in ("left", "right"):
        assert book.count(name, "distill", paid_only=True) == 280
        assert all(written(book, name, batch) == [[batch] * 3] * 7 for batch in range(40))
    book.close()


@pytest.mark.parametrize("after", [1, 23])
def test_a_killed_writer_leaves_every_committed_batch(tmp_path: Path, after: int) -> None:
    path = tmp_path / "ledger.sqlite"
    process = writer(path, "victim", 0)
    assert process.stdout is not None and process.stderr is not None
    done = [int(process.stdout.readline()) for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    done += [int(line) for line in process.stdout.read().splitlines()]
    assert process.wait(timeout=60) == -signal.SIGKILL
    process.stdout.close()
    process.stderr.close()

    book = ledger.Ledger(path)
    assert all(written(book, "victim", batch) == [[batch] * 3] * 7 for batch in done)
    # The one in flight is there whole or not at all.
    more = book.count("victim", "distill") - 7 * len(done)
    assert more == len(written(book, "victim", done[-1] + 1))
    assert more in (0, 7)
    book.add_paid("next", "distill", book.teacher("shared"), some_images(2), some_answers(2, 3), 0)
    book.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


# Transactions.


def test_an_interrupted_transaction_leaves_nothing(opened: ledger.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher, images = opened.teacher("someone"), some_images(6)

    def interrupt(*args: object, **kwargs: object) -> None:
        assert len(opened.find(teacher, images)) == 6  # written, but not committed
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(opened, "_note", interrupt)
        with pytest.raises(KeyboardInterrupt):
            opened.add_paid("run", "distill", teacher, images, some_answers(6), 0)
    other = ledger.Ledger(opened.path)
    for book in (opened, other):
        assert book.find(teacher, images) == {}
        assert book.count("run", "distill") == 0
    # Nor does it block anyone.
    other.add_paid("other", "distill", teacher, images[:3], some_answers(3), 0)
    opened.add_paid("run", "distill", teacher, images, some_answers(6), 0)
    assert other.count("run", "distill") == 6
    other.close()


def test_fewer_answers_than_images_are_not_kept(opened: ledger.Ledger) -> None:
    teacher, images = opened.teacher("someone"), some_images(3)
    with pytest.raises(ValueError):
        opened.add_paid("run", "distill", teacher, images, some_answers(2), 0)
    assert opened.find(teacher, images) == {}


# Damage.


@pytest.mark.parametrize("keep", [50, 1000, PAGE, 0.5, -PAGE])
def test_a_truncated_ledger_is_refused(tmp_path: Path, sound: bytes, keep: float) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(sound[: int(len(sound) * keep) if isinstance(keep, float) else keep])
    message = refused(path)
    assert "damaged" in message
    assert "--config.ledger.path" in message and ".recover" in message


@pytest.mark.parametrize(
    "content",
    [b"not a ledger\n" * 1000, np.random.default_rng(0).bytes(3 * PAGE), b"\0" * PAGE, b'{"run": 1}'],
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
        damaged[start + (0 if start else 100)] ^= 0xFF  # the b-tree page's type; page 1 opens with the file's header
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
    assert re.search(r"--config\.ledger\.path|newer|upgrade|later amkd", message), "no remedy in: " + message
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
