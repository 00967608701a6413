"""Images of one's own: classes by name, images held out, and whole runs from folders."""

import hashlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from amkd.config.fields import flatten
from amkd.config.identity import differences
from amkd.core.digest import array_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import own_images
from amkd.data.dataset import draw_real
from amkd.export import labelled_set
from amkd.planning import report
from amkd.run import experiment, following, inputs, reviewing, stored_run
from tests.support import command, counting_teacher
from tests.support.small import FOLDER, configured, digits, shrink_and_answer, write_digits

STOP = StopSignal()


def numbered(count):
    """Images that all differ: ``uint8[count, 2, 2, 1]``."""
    return np.arange(4 * count, dtype=np.uint16).view(np.uint8).reshape(-1, 2, 2, 1)[:count]


def addresses(images):
    return {image.tobytes() for image in images}


# Names of classes.


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("  ", ()),
        ("3", ("0", "1", "2")),
        (" 2 ", ("0", "1")),
        ("cat,dog", ("cat", "dog")),
        (" cat , hot dog,9", ("cat", "hot dog", "9")),
        (
            ",".join(f"class number {number}" for number in range(400)),
            tuple(f"class number {n}" for n in range(400)),
        ),
        ("~cat,~dog", ("~cat", "~dog")),
    ],
)
def test_class_names(text, names):
    assert own_images.parse_class_names(text) == names


@pytest.mark.parametrize(
    "content", [b"cat\nhot dog, warm\n\n eel \n", b"\xef\xbb\xbfcat\r\nhot dog, warm\r\neel"]
)
def test_class_names_from_a_file(tmp_path, content):
    path = tmp_path / "classes.txt"
    path.write_bytes(content)
    assert own_images.parse_class_names(str(path)) == ("cat", "hot dog, warm", "eel")


@pytest.mark.parametrize(
    "text", ["1", "0", "cat", "cat,cat", "cat,,dog", "cat,", "classes.txt", "²"]
)
def test_impossible_class_names(text):
    with pytest.raises(
        UserError,
        match=r"config.data.classes=.*two or more different names \('cat,dog'\), their numb",
    ):
        own_images.parse_class_names(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"cat\n", "two or more"), (b"", "two or more"), (b"caf\xe9\ncat\n", "not text in UTF-8")],
)
def test_impossible_files_of_class_names(tmp_path, content, message):
    path = tmp_path / "classes.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        own_images.parse_class_names(str(path))


@pytest.mark.parametrize("name", ["classes.txt", "my, classes.txt", "folder/of/classes", "~/names"])
def test_a_file_of_class_names_that_is_missing(tmp_path, name, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    place = tmp_path / name.removeprefix("~/")
    with pytest.raises(UserError, match=f"config.data.classes='{name}': there is no file {place};"):
        own_images.parse_class_names(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("cat\ndog\n")
    assert own_images.parse_class_names(name) == ("cat", "dog")


def test_a_folder_in_the_place_of_a_file_of_class_names(tmp_path):
    with pytest.raises(UserError, match=r"config.data.classes='/.*' cannot be read \(Is a dir"):
        own_images.parse_class_names(str(tmp_path))


def test_class_names_that_look_the_same_are_one_name_twice():
    with pytest.raises(UserError, match="two or more different names"):
        own_images.parse_class_names("caf\u00e9,cafe\u0301")


# Held-out images.


@given(
    count=st.integers(2, 40), share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1), data=st.data()
)
def test_held_out_images_are_never_drawn(count, share, seed, data):
    images = numbered(count)
    out = int(share * (count - 2))
    found = own_images.with_holdout("memory", images, ("a", "b"), count=out, seed=seed, key="key")
    evaluation, pool = addresses(found.test_images), addresses(images[found.pool_indices])
    assert (len(evaluation), len(pool), found.drawable_count) == (out, count - out, count - out)
    assert not evaluation & pool and evaluation | pool == addresses(images)
    n = data.draw(st.integers(1, found.drawable_count))
    real = draw_real(found, n, seed)
    assert len(real) == n == len(addresses(real)) and addresses(real) <= pool
    assert (found.classes, found.test_labels, found.key, found.shape) == (2, None, "key", (2, 2, 1))
    again = own_images.with_holdout("memory", images, ("a", "b"), count=out, seed=seed, key="key")
    assert np.array_equal(again.test_images, found.test_images)


def test_seeds_hold_out_different_images():
    chosen = [
        addresses(
            own_images.with_holdout(
                "m", numbered(100), ("a", "b"), count=50, seed=seed, key=""
            ).test_images
        )
        for seed in range(4)
    ]
    assert len({frozenset(part) for part in chosen}) == 4
    # A share of the images, not the first or the last of them: each half of the folder gives
    # about half.
    first = addresses(numbered(100)[:50])
    assert all(10 < len(first & part) < 40 for part in chosen)


@pytest.mark.parametrize(("count", "out"), [(2, 1), (10, 9), (1, 0), (0, 0)])
def test_too_few_to_hold_any_out(count, out):
    with pytest.raises(
        UserError, match=f"config.data.held_out={out}: the number of images is {count}, and"
    ):
        own_images.with_holdout("memory", numbered(count), ("a", "b"), count=out, seed=0, key="")


def test_key_tells_images_apart():
    images = numbered(6)
    keys = [
        images,
        images[::-1],
        images[:5],
        images.reshape(6, 4, 1, 1),
        images.reshape(3, 4, 2, 1),
    ]
    assert len({array_digest(each) for each in keys}) == 5
    assert array_digest(images) == array_digest(images.copy())
    assert array_digest(images[::-1]) == array_digest(np.ascontiguousarray(images[::-1]))
    assert array_digest(images[:0]) == hashlib.sha256(b"(0, 2, 2, 1)").hexdigest()


# From folders.


def folder_settings(tmp_path, **fields):
    """Sixty digits in a folder, of which ten are held out."""
    return configured("folder", "smoke", **{**FOLDER, **places(tmp_path), **fields})


def places(tmp_path):
    return {"data.folder": tmp_path / "pictures", "cache_dir": tmp_path / "cache"}


def test_folder_without_labels(tmp_path, capsys):
    write_digits(tmp_path / "pictures", 0, 60)
    config = folder_settings(tmp_path)
    data = inputs.load_data(config)
    assert capsys.readouterr().out == f"{tmp_path / 'pictures'}: 60 images\n"
    assert (data.shape, data.classes, data.test_labels) == ((16, 16, 3), 10, None)
    assert (data.drawable_count, len(data.test_images), len(data.teacher_images)) == (50, 10, 0)
    assert data.class_names == tuple("0123456789") and len(data.key) == 64
    real = draw_real(data, 50, config.seed)
    assert not addresses(real) & addresses(data.test_images)
    fewer = inputs.load_data(folder_settings(tmp_path, **{"data.test_images": 4}))
    assert len(fewer.test_images) == 4 and addresses(fewer.test_images) < addresses(
        data.test_images
    )
    assert fewer.drawable_count == 50


def test_folder_with_test_images(tmp_path):
    """All images may be drawn; the classes are in the teacher's order, and copies count."""
    write_digits(tmp_path / "pictures", 0, 60)
    write_digits(tmp_path / "test", 100, 130, labelled=True)
    (tmp_path / "test" / "0" / "copy.png").write_bytes(
        next((tmp_path / "test" / "0").iterdir()).read_bytes()
    )
    fields = {"data.test_folder": tmp_path / "test", "data.classes": "9,8,7,6,5,4,3,2,1,0"}
    config = folder_settings(tmp_path, **fields)
    data = inputs.load_data(config)
    assert (data.drawable_count, len(data.test_images), data.classes) == (60, 31, 10)
    assert data.class_names == tuple("9876543210")
    _, labels = digits(100, 130)
    assert np.bincount(data.test_labels, minlength=10).sum() == 31
    expected = np.bincount(np.append(9 - labels, 9), minlength=10)
    assert np.bincount(data.test_labels, minlength=10).tolist() == expected.tolist()
    fewer = inputs.load_data(folder_settings(tmp_path, **{**fields, "data.test_images": 16}))
    assert len(fewer.test_images) == len(fewer.test_labels) == 16
    assert addresses(fewer.test_images) <= addresses(data.test_images)
    assert len(set(fewer.test_labels.tolist())) > 4  # not the first classes' alone
    named = inputs.load_data(folder_settings(tmp_path, **{**fields, "data.classes": ""}))
    assert named.class_names == tuple("0123456789") and named.key == data.key


def test_images_with_the_same_pixels_are_drawn_once(tmp_path, capsys):
    """The bytes of their files differ."""
    write_digits(tmp_path / "pictures", 0, 60)
    for path in sorted((tmp_path / "pictures").iterdir())[:12]:
        with Image.open(path) as image:
            image.save(path.with_suffix(".bmp"))
    data = inputs.load_data(folder_settings(tmp_path))
    assert len(data.pool_images) == 72 and len(data.test_images) == 10
    drawn = addresses(data.pool_images[data.drawable])
    assert len(drawn) == data.drawable_count and not drawn & addresses(data.test_images)
    assert len(drawn | addresses(data.test_images)) == 60
    assert "images have the pixels of another image, and are not drawn" in capsys.readouterr().out


def test_a_repeated_class_name_is_named():
    with pytest.raises(UserError, match="these names occur more than once: 'cat', 'cat'; must be"):
        own_images.parse_class_names("cat,dog,cat,bird")


def test_evaluation_images_are_never_drawn(tmp_path, capsys):
    """A test folder inside of the pool's, as people keep them."""
    write_digits(tmp_path / "pictures", 0, 60)
    write_digits(tmp_path / "pictures" / "test", 20, 30, labelled=True)
    fields = {"data.test_folder": tmp_path / "pictures" / "test", "data.classes": ""}
    data = inputs.load_data(folder_settings(tmp_path, **fields))
    assert (len(data.test_images), data.drawable_count) == (10, 50)
    printed = capsys.readouterr().out
    assert "10 images are identical to evaluation images, and are not" in printed
    assert "sorted as numbers: the first of 10 is '0', the last is '9'\n" in printed
    real = draw_real(data, 50, 0)
    assert not addresses(real) & addresses(data.test_images)


def test_copies_of_held_out_images_are_never_drawn():
    images = np.concatenate([digits(0, 20)[0]] * 2)
    data = own_images.with_holdout(
        "memory", images, tuple("0123456789"), count=8, seed=3, key="key"
    )
    drawable = images[data.pool_indices]
    assert not addresses(drawable) & addresses(data.test_images)
    assert data.drawable_count == 20 - len(addresses(data.test_images)) == len(addresses(drawable))


def test_run_without_labels_through_the_command_line(tmp_path):
    write_digits(tmp_path / "pictures", 0, 60)
    fields = {**FOLDER, **places(tmp_path)}
    env = command.environment(tmp_path)
    done = command.run(
        command.arguments(tmp_path / "run", "configs/folder.py:smoke", **fields), env
    )
    assert done.returncode == 0, done.stderr
    summary = command.summary(tmp_path / "run")
    assert summary["dataset"] == "folder" and 0 <= summary["agreement"] <= 1
    assert (
        summary["student_accuracy"]
        is summary["teacher_accuracy"]
        is summary["success_rate"]
        is None
    )
    assert (summary["queries"], summary["evaluation_queries"]) == (40, 10)
    asked = counting_teacher.asked(tmp_path / "asked.txt")
    assert len(asked) == len(set(asked)) == 50
    for line in ("student accuracy", "teacher accuracy", "success rate"):
        assert f"{line:<20} not measured" in done.stdout
    assert f"agreement            {100 * summary['agreement']:.2f}%" in done.stdout


@pytest.mark.heavy
def test_run_with_test_images(tmp_path, monkeypatch):
    """Accuracy on the labels, which costs no query; the agreement only on demand."""
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    write_digits(tmp_path / "pictures", 0, 60)
    write_digits(tmp_path / "test", 100, 200, labelled=True)
    fields = {
        "data.test_folder": tmp_path / "test",
        "data.classes": "",
        "train.epochs": 40,
        "train.learning_rate": 0.01,
    }
    config = folder_settings(tmp_path, **fields)
    summary = experiment.run(config, tmp_path / "run", STOP)
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) == summary["queries"] == 40
    assert (
        summary["evaluation_queries"] == 0
        and summary["agreement"] is summary["teacher_accuracy"] is None
    )
    assert summary["student_accuracy"] > 0.2  # chance is 0.1
    data = inputs.load_data(config)
    teacher = float(np.mean(shrink_and_answer(data.test_images).argmax(-1) == data.test_labels))
    assert teacher > 0.7  # labels and images belong together


def test_with_no_number_all_images_are_asked_about_first(tmp_path, monkeypatch):
    """Those of a smaller budget are paid for. The run is stopped and resumed; the plan agrees."""
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    write_digits(tmp_path / "pictures", 0, 60)
    fields = {"n_real": 0, "ledger.path": tmp_path / "ledger.sqlite"}
    few = experiment.run(folder_settings(tmp_path, **fields, budget=30), tmp_path / "few", STOP)
    assert (few["n_real"], few["queries"], few["method"]) == (30, 30, "real_only")
    config = folder_settings(tmp_path, **fields, budget=60)
    text = report.report(config, tmp_path / "run", STOP)
    assert re.search(r"in the ledger +40 of these", text)  # 10 are held out
    assert re.search(r"real images +50 \(n_real=0: ", text) and re.search(r"round 0: 50\)", text)
    monkeypatch.setenv("COUNTING_TEACHER_FAILS", "64")  # within round 1
    with pytest.raises(UserError, match="the service is down"):
        experiment.run(config, tmp_path / "run", STOP)
    monkeypatch.delenv("COUNTING_TEACHER_FAILS")
    summary = experiment.run(config, tmp_path / "run", STOP)
    assert (summary["n_real"], summary["queries"], summary["method"]) == (50, 60, "random_mixup")
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) == 70
    assert following._load(config, STOP).facts.real_count == 50  # another process of the same job
    assert len(labelled_set.of_run(tmp_path / "run", STOP).images) == 50
    reviewed = reviewing.collect(stored_run.read(tmp_path / "run"))
    assert [len(one.images) for one in reviewed.answered] == [10, 50]


def test_run_is_refused_when_an_image_was_added(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    write_digits(tmp_path / "pictures", 0, 60)
    monkeypatch.setenv("COUNTING_TEACHER_FAILS", "15")  # after the ten held out, within round 0
    config = folder_settings(tmp_path)
    with pytest.raises(UserError, match="the service is down"):
        experiment.run(config, tmp_path / "run", STOP)
    monkeypatch.delenv("COUNTING_TEACHER_FAILS")
    asked = counting_teacher.asked(tmp_path / "asked.txt")
    write_digits(tmp_path / "pictures", 60, 61)
    for attempt in (experiment.run, report.report):
        with pytest.raises(
            UserError, match=r"started with other images.*Restore them, or choose another"
        ) as caught:
            attempt(config, tmp_path / "run", STOP)
        assert f"--config.ledger.path={tmp_path / 'run' / 'ledger.sqlite'}" in str(caught.value)
    assert counting_teacher.asked(tmp_path / "asked.txt") == asked

    (tmp_path / "pictures" / "0060.png").unlink()
    (tmp_path / "pictures").rename(tmp_path / "moved")  # where they lie does not matter
    moved = folder_settings(tmp_path, **{"data.folder": tmp_path / "moved"})
    assert not differences(flatten(config), flatten(moved))
    monkeypatch.setenv("COUNTING_TEACHER_FAILS", str(len(asked)))
    with pytest.raises(UserError, match="the service is down"):
        experiment.run(moved, tmp_path / "run", STOP)
