"""Configurations are found by name or path."""

from pathlib import Path

import pytest

from amkd.config import shipped
from amkd.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


def test_names_are_the_files_of_the_folder():
    assert shipped.folder().resolve() == ROOT / "configs"
    assert {"default", "digits", "best/mnist", "tables/table1"} <= set(shipped.names())
    assert not [name for name in shipped.names() if "__" in name or "." in name]


@pytest.mark.parametrize(
    "name",
    ["tables/table1", "tables/table1.py", "configs/tables/table1", "configs/tables/table1.py"],
)
def test_a_shipped_one_is_found_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shipped.locate(name).resolve() == ROOT / "configs" / "tables" / "table1.py"
    assert shipped.locate_shipped_first(name) == shipped.locate(name)


def test_a_file_that_exists_wins_but_not_in_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = Path("configs/digits.py")
    own.parent.mkdir()
    own.write_text("")
    assert shipped.locate("configs/digits.py") == own
    assert shipped.locate("digits").resolve() == ROOT / "configs" / "digits.py"
    found = shipped.locate_shipped_first("configs/digits.py")
    assert found.resolve() == ROOT / "configs" / "digits.py"
    Path("mine.py").write_text("")
    assert shipped.locate("mine.py") == shipped.locate_shipped_first("mine.py") == Path("mine.py")


def test_a_folder_or_another_file_of_that_name_is_not_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("digits").mkdir()
    Path("mnist").write_text("images")
    assert shipped.locate("digits").name == "digits.py"
    assert shipped.locate("mnist").name == "mnist.py"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("digit", "did you mean digits?"),
        ("configs/fashion_mnst.py", "did you mean fashion_mnist?"),
        ("/nowhere/at_all.py", "there are best/fashion_mnist, best/mnist, cifar10, default"),
        ("../setup", "there are "),
    ],
)
def test_a_missing_one_is_told_with_the_nearest(name, hint):
    with pytest.raises(UserError) as caught:
        shipped.locate(name)
    assert repr(name) in str(caught.value) and hint in str(caught.value)
