"""Measures the speed of the ledger, compared with simpler stores that keep less.

The three stores are filled in turns, a few batches at a time, so that all of them run under the
same conditions of disk and machine. Each store writes an answer to disk before it continues:

* ``ledger``: ``Ledger.send`` and ``Ledger.answered``, two transactions for each batch;
* ``bare``: a SQLite table with one ``INSERT OR IGNORE`` transaction for each batch, with WAL and
  synchronous=FULL;
* ``lines``: a JSON-lines file with one fsync for each batch; it does not support look-ups.

``python benchmarks/ledger.py --answers=1000000``
"""

import argparse
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from amkd import ledger
from amkd.ledger import accounts, reader, verify

_BLOCK = 20  # batches that one store keeps before the next one takes its turn


class LedgerStore:
    """The ledger, as a run uses it."""

    def __init__(self, folder: Path, price: float = 0.0) -> None:
        self.path = folder / "ledger.sqlite"
        self._book = ledger.Ledger(self.path)
        self._book.begin_run("run", "a benchmark", str(folder))
        limit = 1e9 if price else 0.0
        self._charge = ledger.Charge(
            run="run",
            purpose="distill",
            teacher=self._book.teacher("teacher"),
            round=0,
            price=price,
            currency="USD",
            limit=limit,
        )

    def keep(self, images: Sequence[bytes], scores: np.ndarray) -> None:
        """Sends a batch and keeps its answers."""
        sent = self._book.begin_batch(self._charge, images)
        self._book.record_answers(self._charge, sent.number, images=images, answers=scores)

    def find(self, images: Sequence[bytes]) -> int:
        """Looks answers up, and returns how many were found."""
        return len(self._book.find(self._charge.teacher, images))

    def close(self) -> None:
        """Closes the file."""
        self._book.close()


class BareStore:
    """One table that contains only the answers."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bare.sqlite"
        self._db = sqlite3.connect(self.path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS answer (image BLOB PRIMARY KEY, scores BLOB) WITHOUT ROWID"
        )

    def keep(self, images: Sequence[bytes], scores: np.ndarray) -> None:
        """Keeps a batch's answers."""
        self._db.execute("BEGIN IMMEDIATE")
        rows = [(image, row.tobytes()) for image, row in zip(images, scores, strict=True)]
        self._db.executemany("INSERT OR IGNORE INTO answer VALUES (?, ?)", rows)
        self._db.execute("COMMIT")

    def find(self, images: Sequence[bytes]) -> int:
        """Looks answers up, and returns how many were found."""
        marks = ",".join("?" * len(images))
        rows = self._db.execute(
            f"SELECT image, scores FROM answer WHERE image IN ({marks})", images
        )
        return len({image: np.frombuffer(scores, np.float32) for image, scores in rows})

    def close(self) -> None:
        """Closes the file."""
        self._db.close()


class LinesStore:
    """A file to which lines are appended."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "answers.jsonl"
        self._file = self.path.open("a")

    def keep(self, images: Sequence[bytes], scores: np.ndarray) -> None:
        """Keeps a batch's answers."""
        for image, row in zip(images, scores.tolist(), strict=True):
            self._file.write(json.dumps({"image": image.hex(), "scores": row}) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


Store = LedgerStore | BareStore | LinesStore


def fill(
    stores: dict[str, Store], count: int, *, batch: int, classes: int, seed: int
) -> dict[str, float]:
    """Gives the same answers to every store, in turns.

    Returns:
      The seconds that each took.
    """
    rng, seconds = np.random.default_rng(seed), dict.fromkeys(stores, 0.0)
    for start in range(0, count, batch * _BLOCK):
        block = min(batch * _BLOCK, count - start)
        images, scores = addresses(rng, block), rng.random((block, classes), np.float32)
        for name, store in stores.items():
            begun = time.perf_counter()
            for place in range(0, block, batch):
                store.keep(images[place : place + batch], scores[place : place + batch])
            seconds[name] += time.perf_counter() - begun
    return seconds


def addresses(rng: np.random.Generator, count: int) -> list[bytes]:
    """Returns addresses of images that do not exist."""
    data = rng.bytes(32 * count)
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def look_up(
    store: LedgerStore | BareStore, images: Sequence[bytes], *, count: int, batch: int
) -> float:
    """Returns the seconds for ``count`` look-ups of images drawn at random."""
    rng = np.random.default_rng(1)
    wanted = [
        [images[place] for place in rng.integers(0, len(images), batch)]
        for _ in range(count // batch)
    ]
    begun = time.perf_counter()
    for part in wanted:
        store.find(part)
    return time.perf_counter() - begun


def timed(work: Callable[[], object]) -> float:
    """Returns the seconds that a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def check(path: Path) -> None:
    """Does the same checks as ``python -m amkd.ledger verify``."""
    with reader.open_read_only(path) as db:
        assert not any(one.faults for one in verify.checks(db))


def show(path: Path) -> None:
    """Reads the same data as ``python -m amkd.ledger show``."""
    with reader.open_read_only(path) as db:
        accounts.runs(db), accounts.teachers(db)


def main() -> None:
    """Fills, looks up, verifies; prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=1_000_000, help="kept in batches of --batch")
    parser.add_argument("--singles", type=int, default=2_000, help="kept one by one after these")
    parser.add_argument("--look-ups", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument(
        "--folder", default=None, help="on the disk to be measured (default: the temporary folder)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        measure(args, Path(folder))


def measure(args: argparse.Namespace, folder: Path) -> None:
    """Measures once in an empty folder."""
    book, bare = LedgerStore(folder), BareStore(folder)
    stores: dict[str, Store] = {"ledger": book, "bare": bare, "lines": LinesStore(folder)}
    tell(
        f"keep, batches of {args.batch}",
        args.answers,
        fill(stores, args.answers, batch=args.batch, classes=args.classes, seed=0),
    )
    tell(
        "keep, one by one",
        args.singles,
        fill(stores, args.singles, batch=1, classes=args.classes, seed=1),
    )
    here = addresses(np.random.default_rng(0), min(args.answers, args.batch * _BLOCK))
    absent = addresses(np.random.default_rng(2), args.batch * _BLOCK)
    for name, images in (("hit", here), ("miss", absent)):
        for size in (args.batch, 1):
            count = args.look_ups // size * size
            pair = {
                "ledger": look_up(book, images, count=count, batch=size),
                "bare": look_up(bare, images, count=count, batch=size),
            }
            tell(f"find, {name}, {size} at a time", count, pair)
    for store in stores.values():
        store.close()
    priced: dict[str, Store] = {"ledger": LedgerStore(folder, price=0.001)}
    tell(
        "keep, one by one, with a price and a limit",
        args.singles,
        fill(priced, args.singles, batch=1, classes=args.classes, seed=3),
    )
    priced["ledger"].close()
    report_whole(args.answers + args.singles, stores, book.path)


def report_whole(answers: int, stores: dict[str, Store], path: Path) -> None:
    """Reports the figures of the whole file."""
    sizes = {name: store.path.stat().st_size for name, store in stores.items()}
    print(
        "on disk: "
        + ", ".join(
            f"{name} {size / 2**20:.1f} MiB, {size / answers:.0f} B" for name, size in sizes.items()
        )
    )
    print(f"open (with SQLite's quick check): {timed(lambda: ledger.Ledger(path).close()):.2f} s")
    print(f"show: {timed(lambda: show(path)):.2f} s")
    print(f"verify: {timed(lambda: check(path)):.2f} s")


def tell(what: str, count: int, seconds: dict[str, float]) -> None:
    """Prints answers per second, and how many times as long the ledger takes, in one line."""
    rates = ", ".join(f"{name} {count / spent:,.0f}/s" for name, spent in seconds.items())
    ratios = [
        f"{seconds['ledger'] / spent:.2f} x {name}"
        for name, spent in seconds.items()
        if name != "ledger"
    ]
    print(f"{what}: {rates}" + (f" (time: {', '.join(ratios)})" if ratios else ""), flush=True)


if __name__ == "__main__":
    main()
