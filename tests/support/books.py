"""Ledgers for tests: images, answers, and runs that pay for them."""

import sqlite3
import zlib
from pathlib import Path

import numpy as np

from amkd import ledger


def some_answers(count: int, classes: int = 10, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).random((count, classes)).astype(np.float32)
    return raw / raw.sum(-1, keepdims=True)


def some_images(count: int, seed: int = 0) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [rng.bytes(32) for _ in range(count)]


def charge(
    teacher: int, run: str = "run", purpose: str = "distill", round_: int = 0, **terms
) -> ledger.Charge:
    return ledger.Charge(run=run, purpose=purpose, teacher=teacher, round=round_, **terms)


def pay(
    book: ledger.Ledger, who: ledger.Charge, images: list[bytes], answers: np.ndarray
) -> ledger.SentBatch:
    """Has all images answered that are still to be sent."""
    sent = book.begin_batch(who, images)
    if sent.number:
        place = [images.index(image) for image in sent.images]
        book.record_answers(who, sent.number, images=sent.images, answers=answers[place])
    return sent


# The tables as the first version made them.
TABLES_1 = """
CREATE TABLE teacher (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE answer (
  teacher INTEGER NOT NULL REFERENCES teacher, image BLOB NOT NULL,
  probabilities BLOB NOT NULL, checksum INTEGER NOT NULL, answered REAL NOT NULL,
  PRIMARY KEY (teacher, image)) WITHOUT ROWID;
CREATE TABLE use (
  run TEXT NOT NULL, purpose TEXT NOT NULL, teacher INTEGER NOT NULL REFERENCES teacher,
  image BLOB NOT NULL, round INTEGER NOT NULL, paid INTEGER NOT NULL,
  PRIMARY KEY (run, purpose, teacher, image)) WITHOUT ROWID;
"""


def write_version_1(
    path: Path, images: list[bytes], answers: np.ndarray, moments: list[float], paid: int
) -> None:
    """A ledger of version 1: teacher "old" and run "before", which paid for the first few and found
    the rest.
    """
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(TABLES_1)
    db.execute("PRAGMA application_id=1634560868")  # 0x616d6b64
    db.execute("PRAGMA user_version=1")
    db.execute("INSERT INTO teacher VALUES (1, 'old')")
    for place, image in enumerate(images):
        row = answers[place].astype("<f4").tobytes()
        db.execute(
            "INSERT INTO answer VALUES (1, ?, ?, ?, ?)",
            (image, row, zlib.crc32(image + row), moments[place]),
        )
        db.execute(
            "INSERT INTO use VALUES ('before', 'distill', 1, ?, 0, ?)", (image, int(place < paid))
        )
    db.close()


def execute(path: Path, statement: str, *parameters: object) -> list[tuple]:
    """Runs SQL on the file behind the ledger's back."""
    db = sqlite3.connect(path)
    with db:
        rows = db.execute(statement, parameters).fetchall()
    db.close()
    return rows
