"""Arrays on disk: every byte is the one that was written, or the file counts as not there."""

from pathlib import Path

import numpy as np
import pytest

from amkd.core import files

ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_an_array_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.npy"
    files.write_array(path, ARRAY)
    for found in (files.read_array(path), np.load(path)):  # earlier versions read it, too
        assert found is not None and found.dtype == ARRAY.dtype and np.array_equal(found, ARRAY)
    assert list(path.parent.iterdir()) == [path]


def test_an_array_of_an_earlier_version(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ARRAY)
    found = files.read_array(tmp_path / "a.npy")
    assert found is not None and np.array_equal(found, ARRAY)


@pytest.mark.parametrize("place", [0, 20, 70, 128, 150, 151, 152, 160, 183])
def test_a_spoilt_array_counts_as_not_there(
    tmp_path: Path, place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    files.write_array(tmp_path / "a.npy", ARRAY)
    whole = (tmp_path / "a.npy").read_bytes()
    assert len(whole) == 128 + 24 + 32  # header, values, checksum
    flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    torn = whole[:place]
    for spoilt in (flipped, torn) if place != 152 else (flipped,):
        (tmp_path / "a.npy").write_bytes(spoilt)
        assert files.read_array(tmp_path / "a.npy") is None
        assert "a.npy is damaged" in capsys.readouterr().out
