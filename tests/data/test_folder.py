"""A folder of images: what is found in it, labels, and what a person reads about it."""

import csv
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.data import class_names, folder, image_cache, image_files
from tests.support.image_files import RGB, SIDE, colours, write_bomb, write_messy, write_png


def test_everything_in_a_messy_folder(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messy = write_messy(tmp_path / "messy")
    found = folder.load(tmp_path / "messy", RGB, cache)
    assert found.paths == sorted(messy.good)
    assert (found.images.shape, found.images.dtype) == ((len(messy.good), SIDE, SIDE, 3), np.uint8)
    for image, path in zip(found.images, found.paths, strict=True):
        expected, tolerance = messy.good[path]
        assert np.abs(image.astype(int) - expected).max() <= tolerance, path
    assert [path for path, _ in found.broken] == list(messy.broken)
    for path, reason in found.broken:
        assert messy.broken[path] in reason
    assert (found.duplicates, found.ignored) == (messy.duplicates, messy.ignored)
    assert (found.labels, found.classes) == (None, ())
    warning = capsys.readouterr().err
    assert (
        warning.startswith("warning: 6 of the ")
        and ". They are skipped\n" in warning
        and "'truncated.jpg' (image file is truncated" in warning
    )

    again = folder.load(tmp_path / "messy", RGB, cache)
    assert capsys.readouterr().err == warning  # of a cache hit, too
    assert np.array_equal(again.images, found.images)
    assert (again.paths, again.broken, again.key) == (found.paths, found.broken, found.key)


def test_broken_images_are_refused(root: Path, cache: Path) -> None:
    (root / "a.jpg").touch()
    with pytest.raises(
        UserError, match=r"config.data.broken='refuse': 1 of the 4 .* 'a.jpg' \(zero bytes\)"
    ) as refusal:
        folder.load(root, replace(RGB, broken="refuse"), cache)
    assert "--config.data.broken=skip" in str(refusal.value)
    place = str(refusal.value).split("all are listed in ")[1].split(". Repair")[0]
    assert list(csv.reader(Path(place).read_text().splitlines())) == [
        ["path", "reason"],
        ["a.jpg", "zero bytes"],
    ]


def test_ten_broken_images_are_shown_and_all_are_listed(
    root: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(13):
        (root / f"no {number:02d}.jpg").write_text(f"{number}")
    found = folder.load(root, RGB, cache)
    shown = capsys.readouterr().err
    assert "'no 09.jpg'" in shown and "'no 10.jpg'" not in shown and "and 3 more" in shown
    assert len(found.broken) == 13
    assert len((cache / "pictures" / found.key / "broken.csv").read_text().splitlines()) == 14


def test_a_folder_without_one_good_image(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.jpg").touch()
    write_bomb(tmp_path / "b.png")
    with pytest.raises(
        UserError,
        match=r"none of the 2 image files .* 'a.jpg' \(zero bytes\), 'b.png' \(decompression",
    ):
        folder.load(tmp_path, RGB, cache)
    assert list((cache / "pictures").iterdir()) == []


def test_an_unreadable_file_is_broken(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = image_files._hash
    denied = image_files.ImageFile("b.png", (0, 0, 0), "", "Permission denied")
    monkeypatch.setattr(
        image_files, "_hash", lambda root, path: denied if path == "b.png" else hashed(root, path)
    )
    found = folder.load(root, RGB, cache)
    assert (found.paths, found.broken) == (["a.png", "c.png"], [("b.png", "Permission denied")])


def test_pipes_are_not_opened(root: Path, cache: Path) -> None:
    os.mkfifo(root / "pipe.png")
    found = folder.load(root, RGB, cache)
    assert (found.paths, found.ignored) == (["a.png", "b.png", "c.png"], 1)


def test_a_name_that_is_no_unicode(
    root: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = os.fsdecode(b"bad \xff\nname.png")
    shutil.copy(root / "a.png", root / odd)
    (root / os.fsdecode(b"\xfe.png")).touch()
    for _ in range(2):
        found = folder.load(root, RGB, cache, drop_duplicates=False)
        assert odd in found.paths
        assert "\\udcfe.png" in capsys.readouterr().err
        folder.describe(found, root).encode()


def test_links_to_folders_are_followed_once(tmp_path: Path, cache: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    for place in (outside, root / "zz real"):
        place.mkdir(parents=True)
    write_png(outside / "1.png", 1)
    write_png(root / "zz real" / "2.png", 2)
    (root / "a link").symlink_to("zz real")  # comes first, but the real folder's name is used
    (root / "b out").symlink_to(outside)
    (root / "c out").symlink_to(outside)
    (outside / "back").symlink_to(root)
    assert folder.load(root, RGB, cache).paths == ["b out/1.png", "zz real/2.png"]


def test_duplicates_may_be_kept(root: Path, cache: Path) -> None:
    shutil.copy(root / "b.png", root / "d.png")
    dropped, kept = (folder.load(root, RGB, cache, drop_duplicates=drop) for drop in (True, False))
    assert (dropped.paths, dropped.duplicates) == (["a.png", "b.png", "c.png"], 1)
    assert (kept.paths, kept.duplicates) == (["a.png", "b.png", "c.png", "d.png"], 0)
    assert np.array_equal(kept.images[3], colours(1))
    assert dropped.key != kept.key


def test_labels_are_the_subfolders_in_order(labelled: Path, cache: Path) -> None:
    found = folder.load(labelled, RGB, cache, labelled=True)
    assert found.classes == ("cat", "dog", "eel")
    assert found.paths == ["cat/1.png", "cat/deep/er/2.png", "dog/1.png", "eel/1.png"]
    assert found.labels is not None
    assert (found.labels.tolist(), found.labels.dtype) == ([0, 0, 1, 2], np.int32)
    assert [np.array_equal(found.images[i], colours(i)) for i in range(4)] == [True] * 4


@pytest.mark.parametrize(
    ("names", "ordered", "kind"),
    [
        ("1 10 2 3", "1 2 3 10", "numbers"),
        ("0 1 11 2", "0 1 2 11", "numbers"),
        ("01 02 10", "01 02 10", "numbers"),
        ("01 1 10 9", "01 1 9 10", "numbers"),
        ("-1 0.5 1 10 9.5", "-1 0.5 1 9.5 10", "numbers"),
        ("1 10 2 other", "1 10 2 other", "text"),
        ("c1 c10 c2", "c1 c10 c2", "text"),
    ],
)
def test_the_order_of_subfolders(
    tmp_path: Path, cache: Path, names: str, ordered: str, kind: str
) -> None:
    for seed, name in enumerate(names.split()):
        (tmp_path / "test" / name).mkdir(parents=True)
        write_png(tmp_path / "test" / name / "a.png", seed)
    found = folder.load(tmp_path / "test", RGB, cache, labelled=True)
    order = ordered.split()
    assert found.classes == tuple(order)
    assert found.labels is not None
    assert [order[label] for label in found.labels] == [path[:-6] for path in found.paths]
    assert class_names.described(found.classes) == (
        f"the classes are the subfolders, sorted as {kind}: the first of {len(order)} is"
        f" {order[0]!r}, the last is {order[-1]!r}"
    )


@pytest.mark.parametrize("name", ["caf\u00e9", "cafe\u0301"])  # é as one character, and as two
@pytest.mark.parametrize("subfolder", ["caf\u00e9", "cafe\u0301"])
def test_labels_that_look_the_same_are_the_same(
    labelled: Path, cache: Path, name: str, subfolder: str
) -> None:
    (labelled / "cat").rename(labelled / subfolder)
    for classes in (("dog", name, "eel"), ()):
        found = folder.load(labelled, RGB, cache, labelled=True, classes=classes)
        assert found.labels is not None
        assert [found.classes[label] for label in found.labels] == [
            {"dog": "dog", "eel": "eel"}.get(path.split("/")[0], name if classes else subfolder)
            for path in found.paths
        ]


def test_subfolders_that_look_the_same_are_refused(labelled: Path, cache: Path) -> None:
    for seed, name in enumerate(("caf\u00e9", "cafe\u0301"), 10):
        (labelled / name).mkdir()
        write_png(labelled / name / "a.png", seed)
    with pytest.raises(UserError, match="subfolder names occur more than once: 'caf\u00e9'"):
        folder.load(labelled, RGB, cache, labelled=True)
    classes = ("cat", "dog", "eel", "cafe\u0301")
    found = folder.load(labelled, RGB, cache, labelled=True, classes=classes)
    assert found.labels is not None and np.bincount(found.labels).tolist() == [2, 1, 1, 2]


def test_labels_follow_given_classes(labelled: Path, cache: Path) -> None:
    found = folder.load(
        labelled, RGB, cache, labelled=True, classes=("eel", "ape", "dog", "cat", "gnu")
    )
    assert found.labels is not None
    assert found.labels.tolist() == [3, 3, 2, 0]
    assert folder.describe(found, labelled).splitlines()[1] == "5 classes, no image of 'ape', 'gnu'"


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("kat", "dog", "eel"), "not among the 3 classes: 'cat' \\(did you mean 'kat'\\?\\)"),
        (("x", "dog"), "not among the 2 classes: 'cat', 'eel'; rename or remove them"),
        (("cat", "dog", "eel", "dog"), "more than once: 'dog'"),
    ],
)
def test_impossible_classes(
    labelled: Path, cache: Path, classes: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        folder.load(labelled, RGB, cache, labelled=True, classes=classes)


def test_an_image_beside_the_subfolders_is_refused(labelled: Path, cache: Path) -> None:
    write_png(labelled / "lost.png", 9)
    with pytest.raises(
        UserError, match=r"config.data.test='.*labelled': .* 'lost.png'; move them into subfolders"
    ):
        folder.load(labelled, RGB, cache, labelled=True, field="config.data.test")
    assert folder.load(labelled, RGB, cache).labels is None


@pytest.mark.parametrize(
    ("one", "hint"), [("all/cat", "too high: .*, such as config.data.test=.../all$"), ("cat", "")]
)
def test_a_single_class_is_refused(tmp_path: Path, cache: Path, one: str, hint: str) -> None:
    (tmp_path / "test" / one).mkdir(parents=True)
    write_png(tmp_path / "test" / one / "a.png", 1)
    load = partial(folder.load, tmp_path / "test", RGB, cache, labelled=True)
    with pytest.raises(UserError, match=f"config.data.test='.*test': contains only one .*{hint}"):
        load(field="config.data.test")
    assert load(classes=(one[:3], "dog")).labels.tolist() == [0]


def test_the_metadata_of_macos_are_no_images(labelled: Path, cache: Path) -> None:
    write_png(labelled / "cat" / "__MACOSX.png", 20)
    (labelled / "__MACOSX" / "cat").mkdir(parents=True)
    write_png(labelled / "__MACOSX" / "cat" / "1.png", 21)
    found = folder.load(labelled, RGB, cache, labelled=True)
    assert found.classes == ("cat", "dog", "eel")
    assert "cat/__MACOSX.png" in found.paths and len(found.paths) == 5


def test_the_same_image_in_two_classes_is_refused(labelled: Path, cache: Path) -> None:
    shutil.copy(labelled / "cat/1.png", labelled / "cat/3.png")  # in one class: dropped
    (labelled / "cat/zero.png").touch()
    (labelled / "dog/zero.png").touch()  # no image at all: no matter
    assert folder.load(labelled, RGB, cache, labelled=True).duplicates == 1
    shutil.copy(labelled / "cat/1.png", labelled / "eel/9.png")
    for drop in (True, False):
        with pytest.raises(UserError, match=r"two classes: 'cat/1.png' = 'eel/9.png'; keep"):
            folder.load(labelled, RGB, cache, labelled=True, drop_duplicates=drop)


def test_folders_without_images(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(UserError, match=r"config.data.folder='.*none': there is no such folder"):
        folder.load(tmp_path / "none", RGB, cache)
    (tmp_path / "a.txt").touch()
    (tmp_path / ".a.png").touch()
    with pytest.raises(
        UserError, match=r"config.data.folder='.*': contains no image file .* only 1 other file"
    ):
        folder.load(tmp_path, RGB, cache)


def test_a_folder_that_cannot_be_listed(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(
        UserError, match=r"config.data.folder='.*root': .* cannot be listed \(Permission denied\)"
    ):
        folder.load(root, RGB, cache)


def test_photographs_in_other_formats_are_named(root: Path, cache: Path) -> None:
    for name in ("a.HEIC", "b.heic", "c.dng", "d.txt"):
        (root / name).touch()
    told = folder.describe(folder.load(root, RGB, cache), root)
    assert told == (
        f"{root}: 3 images, 4 other files ignored\nwarning: 1 .dng, 2 .heic: formats that amkd does"
        " not read; convert these photographs to JPEG or PNG"
    )
    for path in root.glob("*.png"):
        path.unlink()
    with pytest.raises(UserError, match=r"no image file .* only 4 other files\. 1 \.dng, 2 \.heic"):
        folder.load(root, RGB, cache)


def test_descriptions(labelled: Path, root: Path, cache: Path) -> None:
    assert folder.describe(folder.load(root, RGB, cache), root) == f"{root}: 3 images"
    (labelled / "dog" / "zero.png").touch()
    shutil.copy(labelled / "cat/1.png", labelled / "cat/3.png")
    found = folder.load(labelled, RGB, cache, labelled=True)
    listing = cache / "pictures" / found.key / image_cache.BROKEN_LIST
    assert folder.describe(found, labelled) == (
        f"{labelled}: 4 images, 1 duplicate dropped, 1 broken skipped (list: {listing}), 1 other"
        " file ignored"
        "\n3 classes"
    )
    assert listing.exists()
