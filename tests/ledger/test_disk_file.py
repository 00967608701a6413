"""A ledger that is deleted while it is written: nothing more is sent, and nothing is lost."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import disk_file
from tests.support.books import charge, pay, some_answers, some_images


def delete_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def delete_file(path: Path) -> None:
    path.unlink()


def delete_wal(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere.sqlite"))


def replace(path: Path) -> None:
    copy = path.with_name("copy.sqlite")
    shutil.copyfile(path, copy)
    copy.replace(path)


def make_anew(path: Path) -> None:
    for part in path.parent.glob(f"{path.name}*"):
        part.unlink()
    ledger.Ledger(path).close()


@pytest.mark.parametrize("loss", [delete_folder, delete_file, delete_wal, move, replace, make_anew])
def test_nothing_is_sent_for_a_ledger_that_is_gone_and_what_it_held_is_saved(
    loss: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run" / "ledger.sqlite"
    book, images, answers = ledger.Ledger(path), some_images(9), some_answers(9)
    book.begin_run("run", "", "")
    who = charge(book.teacher("x"), price=1.0)
    pay(book, who, images[:3], answers[:3])
    flying = book.begin_batch(who, images[3:6])
    loss(path)
    with pytest.raises(UserError, match=r"is not the file that this run writes.*Nothing more is"):
        book.begin_batch(who, images[6:])
    # What was on its way is paid for, and kept as well.
    book.record_answers(who, flying.number, images=flying.images, answers=answers[3:6])
    book.close()
    saved = path.with_name("ledger.saved-1.sqlite")
    assert f"saved in {saved}" in capsys.readouterr().out
    again = ledger.Ledger(saved)
    found = again.find(again.teacher("x"), images)
    assert found.keys() == set(images[:6])
    assert np.array_equal(np.stack([found[image] for image in images[:6]]), answers[:6])
    again.close()


def test_a_ledger_that_is_there_leaves_no_copy(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    for _ in range(2):
        book = ledger.Ledger(path)
        pay(book, charge(book.teacher("x")), some_images(2), some_answers(2))
        book.close()
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("error", "message"),
    [(sqlite3.OperationalError("unable to open"), "unable to open.*ulimit"), (None, "was deleted")],
)
def test_a_batch_that_cannot_be_read_back_costs_nothing(
    error: sqlite3.Error | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    book.begin_run("run", "", "")
    who = charge(book.teacher("x"), price=1.0)

    def holds(*_: object) -> bool:
        if error is not None:
            raise error
        return False

    with monkeypatch.context() as patched:
        patched.setattr(disk_file.DiskFile, "holds", holds)
        with pytest.raises(UserError, match=message):
            book.begin_batch(who, some_images(3))
    assert book.spent("run") == 0 and book.lost("run") == 0
    pay(book, who, some_images(3), some_answers(3))
    assert book.spent("run") == 3
    book.close()
