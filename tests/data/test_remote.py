"""Images in a bucket, as fsspec's file system in memory: listed, fetched once, kept."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amkd.config.data import DataSettings
from amkd.core.errors import UserError
from amkd.data import file_sources, remote
from tests.support.image_files import SIDE, colours, rows, write_png

fsspec = pytest.importorskip("fsspec")
BUCKET = "memory://bucket/photos"


@pytest.fixture
def bucket(tmp_path: Path) -> Any:
    """A bucket with three images, of which one lies deeper, and other files."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    for seed, name in enumerate(("a.png", "deep/er/b.PNG", "c.png")):
        put(system, name, seed, tmp_path)
    system.pipe("/bucket/photos/notes.txt", b"hello")
    system.pipe("/bucket/photos/.hidden.png", b"hello")
    system.pipe("/bucket/photos/__MACOSX/a.png", b"hello")
    system.pipe("/bucket/photos-of-others/x.png", b"hello")
    yield system
    system.store.clear()


def put(system: Any, name: str, seed: int, tmp_path: Path) -> None:
    write_png(tmp_path / "one.png", seed)
    system.pipe(f"/bucket/photos/{name}", (tmp_path / "one.png").read_bytes())


@pytest.fixture
def fetched(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are fetched, in order."""
    names: list[str] = []
    original = type(bucket).get_file

    def get_file(self: Any, source: str, target: str, **options: Any) -> None:
        names.append(source.removeprefix("/bucket/photos/"))
        original(self, source, target, **options)

    monkeypatch.setattr(type(bucket), "get_file", get_file)
    return names


def names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "index.json"
    )


def test_a_folder_is_fetched_once(
    bucket: Any, fetched: list[str], cache: Path, tmp_path: Path
) -> None:
    first = remote.local_folder(BUCKET, cache, "field")
    assert names(first) == sorted(fetched) == ["a.png", "c.png", "deep/er/b.PNG"]
    assert remote.local_folder(f"{BUCKET}/", cache, "field") == first and len(fetched) == 3
    put(bucket, "c.png", 7, tmp_path)
    put(bucket, "d.png", 8, tmp_path)
    bucket.rm("/bucket/photos/a.png")
    again = remote.local_folder(BUCKET, cache, "field")
    assert again == first and sorted(fetched[3:]) == ["c.png", "d.png"]
    assert names(first) == ["c.png", "d.png", "deep/er/b.PNG"]
    (first / "d.png").unlink()
    remote.local_folder(BUCKET, cache, "field")
    assert fetched[5:] == ["d.png"] and (first / "d.png").exists()


def test_names_with_two_slashes_are_kept_unless_they_are_one_path(
    bucket: Any, cache: Path, tmp_path: Path
) -> None:
    put(bucket, "deep//d.png", 8, tmp_path)
    assert "deep/d.png" in names(remote.local_folder(BUCKET, cache, "field"))
    put(bucket, "deep/d.png", 9, tmp_path)
    with pytest.raises(UserError, match=r"'deep/+d.png' and 'deep/+d.png' cannot be told apart"):
        remote.local_folder(BUCKET, cache, "field")


def test_what_another_run_is_fetching_is_left_alone(bucket: Any, cache: Path) -> None:
    place = remote.local_folder(BUCKET, cache, "field")
    for name, age in ((".x.png.1.part", 0), (".y.png.2.part", 2 * 86400)):
        (place / name).write_bytes(b"half")
        os.utime(place / name, (time.time() - age,) * 2)
    remote.local_folder(BUCKET, cache, "field")
    assert (place / ".x.png.1.part").exists() and not (place / ".y.png.2.part").exists()


def test_a_fetch_that_breaks_off_goes_on_where_it_was(
    bucket: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = type(bucket).get_file

    def get_file(self: Any, source: str, target: str, **options: Any) -> None:
        if source.endswith("c.png"):
            Path(target).write_bytes(b"half")
            raise OSError("connection lost")
        original(self, source, target, **options)

    monkeypatch.setattr(type(bucket), "get_file", get_file)
    with pytest.raises(UserError, match=r"cannot be read .OSError: connection lost.*credentials"):
        remote.local_folder(BUCKET, cache, "field")
    monkeypatch.undo()
    place = remote.local_folder(BUCKET, cache, "field")
    assert names(place) == ["a.png", "c.png", "deep/er/b.PNG"]
    assert (place / "c.png").read_bytes() == bucket.cat("/bucket/photos/c.png")


def test_a_data_set_of_a_bucket(bucket: Any, cache: Path) -> None:
    settings = DataSettings(folder=BUCKET, size=SIDE, held_out=1, classes="2", resize="stretch")
    data = file_sources.load("folder", settings, seed=0, cache_dir=cache)
    assert np.array_equal(data.pool_images, np.stack([colours(seed) for seed in (0, 2, 1)]))


@pytest.mark.parametrize("place", ["in the bucket", "on disk"])
def test_a_manifest_of_images_in_a_bucket(
    bucket: Any, cache: Path, tmp_path: Path, place: str
) -> None:
    """Paths are relative to a manifest in the bucket, or are addresses."""
    base = "" if place == "in the bucket" else f"{BUCKET}/"
    text = f"path,label\n{base}c.png,dog\n{base}deep/er/b.PNG,cat\n{BUCKET}/a.png,cat\n"
    bucket.pipe("/bucket/photos/list.csv", text.encode())
    (tmp_path / "list.csv").write_text(text)
    listed = f"{BUCKET}/list.csv" if base == "" else str(tmp_path / "list.csv")
    settings = DataSettings(manifest=listed, size=SIDE, held_out=0, resize="stretch")
    data = file_sources.load("manifest", settings, seed=0, cache_dir=cache)
    assert data.pool_labels is not None
    shown = dict(zip(rows(data.pool_images), data.pool_labels.tolist(), strict=True))
    expected = {colours(0).tobytes(): 0, colours(1).tobytes(): 0, colours(2).tobytes(): 1}
    assert shown == expected


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("memory://bucket/nothing", "contains no image file|there is no such folder"),
        ("nonsense://bucket", "cannot be read .ValueError"),
    ],
)
def test_addresses_without_images(bucket: Any, cache: Path, place: str, message: str) -> None:
    with pytest.raises(UserError, match=f"field='{place}': ({message})"):
        remote.local_folder(place, cache, "field")


def test_a_service_whose_package_is_missing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def url_to_fs(place: str) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", url_to_fs)
    with pytest.raises(UserError, match=r"Install s3fs to access S3.*pip install 'amkd\[remote\]'"):
        remote.local_folder("s3://bucket/photos", cache, "field")


def test_names_that_would_leave_the_copy(bucket: Any, cache: Path) -> None:
    assert not remote._is_safe("../x.png") and not remote._is_safe("a/../../x.png")
    assert remote._is_safe("a..b/x.png")
