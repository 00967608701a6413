"""A ledger is always a file on disk."""

import os
from pathlib import Path

import pytest

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import disk_path, merge, rescue
from tests.support.books import charge, pay, some_answers, some_images
from tests.support.configuring import changed, complaint

REFUSED = [":memory:", "file:ledger.sqlite", "file::memory:?cache=shared", "file:///x?mode=memory"]


@pytest.mark.parametrize("path", [*REFUSED, " ", "a\0b", "/dev/null", "/", "~nobody-here/x"])
def test_what_is_no_file_is_refused_before_anything_is_loaded(path: str) -> None:
    said = complaint(ledger__path=path)
    assert f"config.ledger.path={path!r}" in said
    assert "name a file on disk" in said or "give the full path" in said


@pytest.mark.parametrize("path", [*REFUSED, "."])
def test_what_is_no_file_is_never_opened(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged").write_bytes(b"x" * 5000)
    for use in (
        lambda: ledger.Ledger(Path(path)),
        lambda: merge.merge(Path(path), []),
        lambda: rescue.rescue(Path("damaged"), Path(path)),
    ):
        with pytest.raises(UserError, match="name a file on disk"):
            use()
    assert os.listdir(tmp_path) == ["damaged"]


@pytest.mark.parametrize("path", ["ledger.sqlite", "a/:memory:", "a/file:b?mode=memory", "ü #?%41"])
def test_any_other_name_is_a_file_at_its_absolute_path(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not list(disk_path.problems(path))
    monkeypatch.chdir(tmp_path)
    book = ledger.Ledger(Path(path))
    monkeypatch.chdir("/")  # as a teacher of the user's own may do
    pay(book, charge(book.teacher("x")), some_images(2), some_answers(2))
    book.close()
    assert (tmp_path / path).is_file()
    again = ledger.Ledger(tmp_path / path)
    assert len(again.find(1, some_images(2))) == 2
    again.close()


def test_the_default_is_no_path_of_its_own() -> None:
    assert changed()["ledger"]["path"] == ""
