"""TuSimple and CULane folders: tiny ones, in their published form."""

import json
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from amkd.config.data import DataSettings
from amkd.core.errors import UserError
from amkd.data import image_files, lane_folders
from amkd.data.lane_folders import in_slots, task_of

SIZE = DataSettings(size=72, width=128, resize="stretch", held_out=1)
NAN = np.nan


def image(path, size, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, 90, 90)).save(path, format="JPEG")


def settings(folder, **more):
    return DataSettings(**{**vars(SIZE), "folder": str(folder), **more})


def tusimple(root, count=4, test=2):
    """Each image has a lane at column 400, and one from (700, 240) to (1170, 710)."""
    rows = list(range(160, 711, 10))
    straight = [400 if y >= 240 else -2 for y in rows]
    leaning = [460 + y if y >= 240 else -2 for y in rows]
    for name, numbers in (("label_data_0313", range(count)), ("test_label", range(50, 50 + test))):
        lines = []
        for number in numbers:
            file = f"clips/{name}/{number}/20.jpg"
            image(root / file, (1280, 720), number)
            lines.append({"lanes": [straight, leaning], "h_samples": rows, "raw_file": file})
        if lines:
            (root / f"{name}.json").write_text("\n".join(map(json.dumps, lines)) + "\n")


def test_tusimple(tmp_path):
    """A tenth of the size: the lanes are at 40, and from (70, 24) to (117, 71)."""
    tusimple(tmp_path)
    data = lane_folders.load("tusimple", settings(tmp_path), seed=0, cache_dir=tmp_path / "cache")
    assert data.pool_images.shape == (4, 72, 128, 3) and data.test_images.shape[0] == 2
    assert data.task.anchors == tuple(range(16, 71, 2)) and data.classes == 4 * 28 * 65
    one = data.pool_labels[0]
    at = np.array(data.task.anchors)
    np.testing.assert_allclose(one[1], np.where(at >= 24, 40, NAN), atol=1e-4)
    np.testing.assert_allclose(one[2], np.where(at >= 24, 46 + at, NAN), atol=1e-4)
    assert np.isnan(one[[0, 3]]).all()
    assert (data.task.near, data.pool_images[0, 0, 0, 0]) == (2.0, pytest.approx(0, abs=4))


def culane(root, lists=True):
    """Three lanes on the left of the middle, one on the right; the third from it is left out."""
    lanes = ["100 590 400 300 450 250", "300 590.5 600 300", "700 580 800 300", "1200 590 1000 280"]
    names = [f"driver/1.MP4/{number:05d}.jpg" for number in range(3)]
    for number, name in enumerate(names):
        image(root / name, (1640, 590), 40 * number)
        (root / name).with_suffix(".lines.txt").write_text("\n".join(lanes) + " \n")
    if lists:
        (root / "list").mkdir()
        (root / "list" / "train_gt.txt").write_text(f"/{names[0]} /x.png 1 1 1 1\n/{names[1]}\n")
        (root / "list" / "test.txt").write_text(f"/{names[2]}\n")


def test_culane(tmp_path):
    culane(tmp_path)
    size = settings(tmp_path, size=59, width=164)
    data = lane_folders.load("culane", size, seed=0, cache_dir=tmp_path / "cache")
    assert (len(data.pool_images), len(data.test_images)) == (2, 1)
    at = np.array(data.task.anchors)
    np.testing.assert_array_equal(at, np.arange(25, 58, 2))
    slots = data.test_labels[0]
    inside = (at >= 30) & (at <= 58)
    np.testing.assert_allclose(slots[1], np.where(inside, 70 + (58 - at) * 10 / 28, NAN), atol=1e-3)
    assert np.nanmax(slots[0]) < np.nanmin(slots[1])
    assert np.isnan(slots[2]).sum() < len(at) and np.isnan(slots[3]).all()


def test_without_lists_some_are_held_out(tmp_path):
    culane(tmp_path, lists=False)
    data = lane_folders.load("culane", settings(tmp_path), seed=0, cache_dir=tmp_path / "cache")
    assert (data.drawable_count, len(data.test_images), len(data.teacher_images)) == (2, 1, 2)
    with pytest.raises(UserError, match=r"config\.data\.held_out=2: the number of images is 3"):
        some = settings(tmp_path, held_out=2)
        lane_folders.load("culane", some, seed=0, cache_dir=tmp_path / "cache")


def test_slots_by_where_lanes_meet_the_lower_edge():
    """A lane on the left that leans to the right belongs to the right half."""
    task = task_of("culane", settings(".", size=100, width=100))
    leaning = np.array([[40.0, 50], [45, 60]])  # at the lower edge: 65
    upright = np.array([[10.0, 40], [10, 100]])
    found = in_slots([leaning, upright], task)
    assert (~np.isnan(found)).any(-1).tolist() == [False, True, True, False]


def test_a_lane_that_is_seen_at_one_anchor_is_left_out():
    """No answer can contain it; and it takes no slot from a lane that is seen."""
    task = task_of("tusimple", settings("."))
    long = [np.array([[x, 20.0], [x, 71]]) for x in (10, 30, 90)]
    short = np.array([[50.0, 39], [50, 41]])  # the anchors are 16, 18, ..., 70
    found = in_slots([*long, short], task)
    assert (~np.isnan(found)).any(-1).tolist() == [True, True, True, False]
    np.testing.assert_array_equal(np.nanmax(found[:3], -1), [10, 30, 90])
    figures = task.evaluated(task.answers_of(found[None], task.length), found[None])
    assert figures["f1"] == figures["student_accuracy"] == 1 and figures["lane_fn"] == 0
    two = np.array([[50.0, 39], [50, 43]])
    assert (~np.isnan(in_slots([two], task))).sum() == 2


@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_annotations_are_of_the_image_as_it_is_shown(tmp_path, orientation, kind):
    """A white line at a quarter of the width that people see."""
    shown = np.zeros((80, 40, 3), np.uint8)
    shown[:, 9:11] = 255
    stored = np.rot90(shown, {1: 0, 3: 2, 6: 1}[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / f"a.{kind}", exif=exif)
    Image.fromarray(shown[::-1]).save(tmp_path / "b.png")
    for name in "ab":
        (tmp_path / f"{name}.lines.txt").write_text("10 0 10 79\n")
    some = settings(tmp_path, size=40, width=64, held_out=0)
    data = lane_folders.load("culane", some, seed=0, cache_dir=tmp_path / "cache")
    row = data.task.anchors[0]
    line = np.flatnonzero(data.pool_images[0, row, :, 0] > 128).mean()
    assert abs(line - np.nanmax(data.pool_labels[0, 1])) < 1.5


def test_a_test_image_is_not_drawn(tmp_path, capsys):
    culane(tmp_path)
    first, _, test = sorted((tmp_path / "driver").rglob("*.jpg"))
    test.write_bytes(first.read_bytes())
    data = lane_folders.load("culane", settings(tmp_path), seed=0, cache_dir=tmp_path / "cache")
    assert data.drawable.tolist() == [1]
    assert "1 images are identical to evaluation images, and are not" in capsys.readouterr().out


def test_two_annotations_of_an_image_must_be_the_same(tmp_path):
    tusimple(tmp_path)
    text = (tmp_path / "label_data_0313.json").read_text()
    (tmp_path / "label_data_0531.json").write_text(text)
    data = lane_folders.load("tusimple", settings(tmp_path), seed=0, cache_dir=tmp_path / "cache")
    assert len(data.pool_images) == 4
    (tmp_path / "label_data_0531.json").write_text(text.replace("400", "401", 1))
    with pytest.raises(UserError, match=r"'clips/label_data_0313/0/20.jpg' has two annotations"):
        lane_folders.load("tusimple", settings(tmp_path), seed=0, cache_dir=tmp_path / "cache")


def load_from(folder, dataset="culane"):
    return lane_folders.load(dataset, settings(folder), seed=0, cache_dir=folder / "cache")


def test_where_the_folder_is(tmp_path):
    with pytest.raises(UserError, match="nowhere': there is no such folder; name the folder of"):
        load_from(tmp_path / "nowhere")
    with pytest.raises(
        UserError, match=r"config\.data\.folder='s3://bucket/a': .* on this machine"
    ):
        lane_folders.load("culane", settings("s3://bucket/a"), seed=0, cache_dir=tmp_path / "cache")


def test_image_files_of_any_kind_and_names_with_spaces(tmp_path):
    for name in ("a b.png", "c.webp", "d.jpg"):
        Image.new("RGB", (164, 59), (len(name) * 20, 0, 0)).save(tmp_path / name)
        (tmp_path / name).with_suffix(".lines.txt").write_text("10 20 10 58\n")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "d.lines.txt").write_text("10 20 10 58\n")  # left out
    assert len(load_from(tmp_path).pool_images) == 3
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "train.txt").write_text("/a b.png\n/c.webp\n/d.jpg\n")
    assert len(load_from(tmp_path).pool_images) == 3
    (tmp_path / "a b.lines.txt").unlink()
    with pytest.raises(UserError, match=r"a b\.lines\.txt cannot be read \(No such file"):
        load_from(tmp_path)
    (tmp_path / "list" / "train.txt").unlink()
    (tmp_path / "list").rmdir()
    (tmp_path / "c.webp").unlink()
    with pytest.raises(UserError, match=r"c\.lines\.txt: there is no image file of this name"):
        load_from(tmp_path)


def test_annotations_that_are_not_utf_8(tmp_path):
    tusimple(tmp_path)
    file = tmp_path / "label_data_0313.json"
    text = file.read_bytes()
    file.write_bytes(b"\xef\xbb\xbf" + text)  # the mark that some editors put first
    assert len(load_from(tmp_path, "tusimple").pool_images) == 4
    file.write_bytes(text + b"\xe9")
    with pytest.raises(UserError, match=r"label_data_0313\.json is not text in UTF-8"):
        load_from(tmp_path, "tusimple")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [('{"lanes": []}', "line 1: KeyError"), ("{", "line 1: JSONDecodeError"),
     ('{"lanes": [[1]], "h_samples": [1, 2], "raw_file": "a.jpg"}', "line 1: ValueError")],
)  # fmt: skip
def test_damaged_annotations_are_named(tmp_path, line, wanted):
    (tmp_path / "label_data_1.json").write_text(line)
    with pytest.raises(UserError, match=wanted):
        lane_folders.load("tusimple", settings(tmp_path), seed=0, cache_dir=tmp_path / "cache")


def test_no_annotations(tmp_path):
    for dataset, wanted in (("tusimple", "label_data"), ("culane", "lines.txt")):
        with pytest.raises(UserError, match=f"config.data.folder=.*{wanted}"):
            lane_folders.load(dataset, settings(tmp_path), seed=0, cache_dir=tmp_path / "cache")
    image(tmp_path / "a.jpg", (164, 59), 0)
    (tmp_path / "a.lines.txt").write_text("1 2 3\n")
    with pytest.raises(UserError, match=r"a\.lines\.txt"):
        lane_folders.load("culane", settings(tmp_path), seed=0, cache_dir=tmp_path / "cache")


def test_a_folder_that_is_one_level_too_high(tmp_path):
    """Without the check, CULane's images would be found, but not its lists."""
    tusimple(tmp_path / "a" / "train_set")
    with pytest.raises(UserError, match=r"contains no label_data_\*\.json, but .* 'train_set'"):
        load_from(tmp_path / "a", "tusimple")
    culane(tmp_path / "b" / "CULane")
    with pytest.raises(UserError, match=rf"set --config\.data\.folder={tmp_path}/b/CULane"):
        load_from(tmp_path / "b")
    culane(tmp_path / "c", lists=False)
    (tmp_path / "b" / "CULane").rename(tmp_path / "c" / ".Trash")
    assert load_from(tmp_path / "c").drawable_count == 2  # a hidden folder does not count


@pytest.mark.parametrize("broken", ["refuse", "skip"])
def test_annotations_without_their_images(broken, tmp_path):
    """The annotations of TuSimple's test images are published in another place than the images."""
    tusimple(tmp_path)
    shutil.rmtree(tmp_path / "clips" / "test_label")
    with pytest.raises(
        UserError, match=r"none of the 2 images that test_label\.json names is there, such as"
    ) as caught:
        load_of(tmp_path, broken)
    assert "move test_label.json to another folder, so that data.held_out" in str(caught.value)
    (tmp_path / "test_label.json").rename(tmp_path.parent / f"test_label_{broken}.json")
    assert len(load_of(tmp_path, broken).test_images) == 1
    shutil.rmtree(tmp_path / "clips")
    with pytest.raises(UserError, match=r"none of the 4 images that label_data_\*\.json names"):
        load_of(tmp_path, broken)


def load_of(folder, broken):
    given = settings(folder, broken=broken)
    return lane_folders.load("tusimple", given, seed=0, cache_dir=folder / "cache")


def test_files_that_did_not_change_are_not_read_again(tmp_path, monkeypatch):
    """Training and test images are listed one after the other, in one folder."""
    monkeypatch.setattr(image_files, "_SETTLED", 0)
    tusimple(tmp_path)
    time.sleep(0.02)
    load_from(tmp_path, "tusimple")
    hashed, read = image_files._hash, []
    monkeypatch.setattr(
        image_files, "_hash", lambda root, path: (read.append(path), hashed(root, path))[1]
    )
    load_from(tmp_path, "tusimple")
    assert read == []
    image(tmp_path / "clips" / "test_label" / "50" / "20.jpg", (1280, 720), 200)
    load_from(tmp_path, "tusimple")
    assert read == ["clips/test_label/50/20.jpg"]
