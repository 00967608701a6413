"""The cache of decoded images: when it is used, when it is made, and what may go wrong."""

import json
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from amkd.core.errors import UserError
from amkd.data import decoding, folder, image_cache, image_files, seal
from amkd.data.decoding import DecodeOptions
from tests.support.image_files import GREY, RGB, SIDE, colours, write_photo, write_png

ROOT = Path(__file__).parents[2]


def forbidden(*_: object) -> None:
    raise AssertionError("must not be called")


def caches(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "pictures").iterdir() if path.is_dir())


def test_images_are_mapped_and_read_only(root: Path, cache: Path) -> None:
    images = folder.load(root, RGB, cache).images
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_the_good_ones_stay_in_order(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_cache, "_COPIED", 3)
    monkeypatch.setattr(image_cache, "_MAPPED", 2 * SIDE * SIDE * 3)
    root = tmp_path / "root"
    root.mkdir()
    for number in range(20):
        write_png(root / f"{number:02d}.png", number)
    for number in (0, 1, 7, 12, 19):
        (root / f"{number:02d}.png").write_text(f"{number}")
    found = folder.load(root, RGB, cache)
    good = [number for number in range(20) if number not in (0, 1, 7, 12, 19)]
    assert found.paths == [f"{number:02d}.png" for number in good]
    assert np.array_equal(found.images, [colours(number) for number in good])


def test_a_hit_decodes_nothing(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = folder.load(root, RGB, cache)
    monkeypatch.setattr(decoding, "read", forbidden)
    for path in root.iterdir():
        os.utime(path)  # touched, not changed
    (root / "another.txt").touch()
    second = folder.load(root, RGB, cache)
    assert np.array_equal(first.images, second.images)
    assert (second.key, second.ignored) == (first.key, 1)
    with pytest.raises(AssertionError):
        folder.load(root, replace(RGB, size=9), cache)


def test_unchanged_files_are_not_read_again(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "_SETTLED", 0)
    time.sleep(0.02)  # more than one tick of the file system's clock
    first = folder.load(root, RGB, cache)
    with monkeypatch.context() as patch:
        patch.setattr(image_files, "_hash", forbidden)
        assert folder.load(root, GREY, cache).paths == first.paths  # any options
    (root / "b.png").unlink()
    write_png(root / "d.png", 3)
    hashed = image_files._hash
    read: list[str] = []
    monkeypatch.setattr(
        image_files, "_hash", lambda root, path: (read.append(path), hashed(root, path))[1]
    )
    assert folder.load(root, RGB, cache).paths == ["a.png", "c.png", "d.png"]
    assert read == ["d.png"]


def test_what_has_just_been_written_is_read_again(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "_SETTLED", 3600 * 10**9)  # nanoseconds
    folder.load(root, RGB, cache)
    assert list((cache / "pictures").glob("index-*")) == []


def test_a_damaged_index_is_made_anew(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "_SETTLED", 0)
    time.sleep(0.02)
    key = folder.load(root, RGB, cache).key
    (index,) = (cache / "pictures").glob("index-*")
    whole = json.loads(index.read_text())
    index.write_text(index.read_text()[:50])
    assert folder.load(root, RGB, cache).key == key
    assert json.loads(index.read_text()) == whole


def test_a_damaged_cache_is_refused(root: Path, cache: Path) -> None:
    key = folder.load(root, RGB, cache).key
    array = cache / "pictures" / key / "images.npy"
    array.write_bytes(array.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"{key} are damaged .*; delete that folder"):
        folder.load(root, RGB, cache)
    np.save(array, np.zeros((2, SIDE, SIDE, 3), np.uint8))
    with pytest.raises(UserError, match=r"contains uint8\[2, 8, 8, 3\]"):
        folder.load(root, RGB, cache)


@pytest.mark.parametrize("name", ["images.npy", "meta.json", "seal.json"])
def test_every_byte_of_the_cache_is_verified(
    root: Path, cache: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "_SPAN", 64)
    file = cache / "pictures" / folder.load(root, RGB, cache).key / name
    whole = file.read_bytes()
    for place in (0, 13, 40, len(whole) // 2):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match=r"are damaged .*; delete that folder"):
            folder.load(root, RGB, cache)
    file.write_bytes(whole)
    assert len(folder.load(root, RGB, cache).images) == 3


@pytest.mark.parametrize("rules", [{}, {"rules": decoding.VERSION - 1}])
def test_a_cache_of_an_earlier_version_is_made_again(
    root: Path, cache: Path, rules: dict[str, int]
) -> None:
    key = folder.load(root, RGB, cache).key
    made = cache / "pictures" / key
    np.save(made / "images.npy", np.zeros((3, SIDE, SIDE, 3), np.uint8))
    meta = json.loads((made / "meta.json").read_text())
    del meta["rules"]
    (made / "meta.json").write_text(json.dumps({**meta, **rules}))
    (made / "seal.json").unlink()
    found = folder.load(root, RGB, cache)
    assert np.array_equal(found.images, [colours(seed) for seed in range(3)])
    assert (found.key, caches(cache)) == (key, [key])


def test_a_change_that_hides_is_seen(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same name, same size, same time of change: another image was copied over it with its
    times.
    """
    monkeypatch.setattr(image_files, "_SETTLED", 0)
    root = tmp_path / "root"
    root.mkdir()
    write_png(root / "a.bmp", 1)
    before = (root / "a.bmp").stat()
    time.sleep(0.02)
    first = folder.load(root, RGB, cache)
    write_png(root / "a.bmp", 2)
    os.utime(root / "a.bmp", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (root / "a.bmp").stat().st_size == before.st_size
    second = folder.load(root, RGB, cache)
    assert first.key != second.key
    assert np.array_equal(first.images[0], colours(1)) and np.array_equal(
        second.images[0], colours(2)
    )


def test_what_the_key_depends_on(root: Path, cache: Path) -> None:
    def key(options: DecodeOptions = RGB) -> str:
        return folder.load(root, options, cache).key

    keys = [key(), key(GREY), key(replace(RGB, size=9)), key(replace(RGB, resize="pad"))]
    assert key(replace(RGB, broken="refuse")) == keys[0]
    (root / "a.png").rename(root / "z.png")
    keys.append(key())
    (root / "z.png").unlink()
    keys.append(key())
    assert len(set(keys)) == len(keys)
    assert all(len(bytes.fromhex(key)) == 32 for key in keys)
    assert caches(cache) == sorted(keys)


def test_an_interrupted_fill_leaves_nothing(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(path: Path, options: DecodeOptions) -> decoding.Decoded:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "read", stop)
        with pytest.raises(KeyboardInterrupt):
            folder.load(root, RGB, cache)
    assert list((cache / "pictures").iterdir()) == []
    assert len(folder.load(root, RGB, cache).paths) == 3


def test_what_a_kill_left_is_removed_in_the_end(root: Path, cache: Path) -> None:
    key = folder.load(root, RGB, cache).key
    shutil.rmtree(cache / "pictures" / key)
    old, new = (cache / "pictures" / f".{key}-{name}" for name in ("old", "new"))
    for place in (old, new):
        place.mkdir()
        (place / "images.npy").touch()
    for path in (old / "images.npy", old):
        os.utime(path, (0, 0))
    folder.load(root, RGB, cache)
    assert caches(cache) == sorted([new.name, key])


def test_a_full_disk_is_refused_before_it_kills(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(
        UserError, match=r"no space for 3 MiB .*No space left on device.*--config.cache_dir"
    ):
        folder.load(root, replace(RGB, size=600), cache)
    assert list((cache / "pictures").iterdir()) == []


def test_where_no_call_reserves_space_zeros_are_written(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS has no ``posix_fallocate``; a file with holes would kill the process on a full disk."""
    expected = np.array(folder.load(root, RGB, cache).images)
    shutil.rmtree(cache)
    monkeypatch.delattr(os, "posix_fallocate")
    found = folder.load(root, RGB, cache)
    np.testing.assert_array_equal(found.images, expected)
    place = cache / "whole.npy"
    image_cache._create(place, (3, 100, 100, 3))
    assert place.stat().st_blocks * 512 >= 3 * 100 * 100 * 3
    assert not np.load(place).any() and np.load(place).shape == (3, 100, 100, 3)


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"more"), Path.unlink])
def test_a_file_that_changes_meanwhile(
    root: Path, cache: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = decoding.read

    def changing(path: Path, options: DecodeOptions) -> decoding.Decoded:
        if path.name == "b.png":
            change(path)
        return read(path, options)

    monkeypatch.setattr(decoding, "read", changing)
    with pytest.raises(
        UserError, match=r"b.png was changed or removed while it was read; run the same command"
    ):
        folder.load(root, RGB, cache)
    assert list((cache / "pictures").iterdir()) == []


def test_two_processes_fill_the_cache_at_once(root: Path, cache: Path) -> None:
    for number in range(60):
        write_photo(root / f"{number}.jpg", 200, 150, number)
    code = (
        "import pathlib, sys; from amkd.data import folder\n"
        "from amkd.data.decoding import DecodeOptions\n"
        "options = DecodeOptions(32, 'crop', 'rgb', 'skip')\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"found = folder.load(pathlib.Path({str(root)!r}), options,"
        f" pathlib.Path({str(cache)!r})); print(found.key, found.images.sum(), len(found.paths))"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    for run in runs:
        assert run.stdout is not None and run.stdout.readline() == "ready\n"
    answers = []
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    for run in runs:
        answers.append(run.communicate(timeout=60)[0])
        assert run.returncode == 0
    assert answers[0] == answers[1] and answers[0].endswith(" 63\n")
    assert caches(cache) == [answers[0].split()[0]]


def test_memory_does_not_grow_with_the_images(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)  # more threads would read further ahead
    options = DecodeOptions(96, "stretch", "rgb", "skip")  # 27 KiB an image

    def peak(count: int) -> int:
        root = tmp_path / f"{count}"
        root.mkdir()
        for number in range(count):
            Image.new("RGB", (1, 1), (number % 256, number // 256, 0)).save(root / f"{number}.bmp")
        tracemalloc.start()
        try:
            assert len(folder.load(root, options, cache).images) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(100), peak(800)
    assert many - few < 700 * 4096  # names and hashes, but not images
