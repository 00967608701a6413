"""A folder of images through a saved student, to a CSV file."""

import csv
import os

import jax
import numpy as np
import pytest
from flax.errors import FlaxError

from amkd import models
from amkd.core import csv_text
from amkd.core.errors import UserError
from amkd.data.decoding import DecodeOptions, decode
from amkd.export import predictions
from amkd.models import prediction
from amkd.models.saved_network import SavedNetwork, load_network, save_network
from tests.support import command
from tests.support.image_files import write_messy, write_png
from tests.support.small import write_digits

NAMES = ["nil", "one, two", 'the "third"', "vier", "fünf", "6", "7", "8", "9", "10"]


def student_of(place, shape, **card):
    """A saved student whose answers differ from image to image."""
    network = models.build("lenet5_half", 10, shape)
    variables = jax.device_get(prediction.init(network, shape, jax.random.key(3)))
    told = {"role": "student", "model": "lenet5_half", "classes": 10, "shape": list(shape)}
    save_network(place, variables, {**told, **card})
    return load_network(place)


def rows_of(path):
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as lines:
        header, *rows = csv.reader(lines)
    assert header == ["file", "class", "probability"]
    return [[csv_text.restore(cell) for cell in row] for row in rows]


@pytest.mark.parametrize(
    ("shape", "mode"), [((8, 8, 1), "grey"), ((12, 20, 3), "rgb")], ids=["grey", "rgb"]
)
def test_every_readable_image_has_a_row(tmp_path, capsys, shape, mode):
    root = tmp_path / "messy"
    messy = write_messy(root)
    odd = [
        "a, b.png",
        'quo"te.png',
        "two\nlines.png",
        "tab\there;.png",
        "日本/ä'.png",
        os.fsdecode(b"latin\xe9.png"),
    ]
    for seed, name in enumerate(odd, 100):
        (root / name).parent.mkdir(exist_ok=True)
        write_png(root / name, seed)
    saved = student_of(tmp_path / "student", shape, class_names=NAMES, pictures={"resize": "pad"})
    written = predictions.write(saved, root, tmp_path / "new" / "out.csv", resize="stretch")

    copies = ["zz copy.png", "zz link.png"]
    rows = rows_of(tmp_path / "new" / "out.csv")
    assert [path for path, _, _ in rows] == sorted([*messy.good, *odd, *copies])
    policy = DecodeOptions(shape[0], "pad", mode, "refuse", width=shape[1])
    images = np.stack([decode(root / path, policy) for path, _, _ in rows])
    answers = saved.predict(images)
    assert [name for _, name, _ in rows] == [NAMES[best] for best in answers.argmax(-1)]
    assert np.allclose([float(share) for _, _, share in rows], answers.max(-1), rtol=0, atol=5.1e-7)
    assert len({share for _, _, share in rows}) > len(rows) // 2  # the student does tell them apart
    told = {path: rest for path, *rest in rows}
    assert told["rgb.png"] == told["zz copy.png"] == told["zz link.png"]

    assert written.images == len(rows)
    assert [path for path, _ in written.broken] == list(messy.broken)
    assert written.ignored == messy.ignored
    assert "warning: 6 of the" in capsys.readouterr().err


def test_blocks_make_no_difference(tmp_path, monkeypatch):
    write_digits(tmp_path / "digits", 0, 11)
    saved = student_of(tmp_path / "student", (8, 8, 1))
    made = []
    for block in (4096, 11, 4, 1):
        monkeypatch.setattr(predictions, "_BLOCK", block)
        predictions.write(saved, tmp_path / "digits", tmp_path / "out.csv", resize="crop")
        made.append((tmp_path / "out.csv").read_bytes())
    assert len(set(made)) == 1 and made[0].count(b"\r\n") == 12


def test_no_decoded_image_is_kept(tmp_path):
    write_digits(tmp_path / "digits", 0, 3)
    saved = student_of(tmp_path / "student", (8, 8, 1))
    before = set(tmp_path.rglob("*"))
    predictions.write(saved, tmp_path / "digits", tmp_path / "out.csv", resize="crop")
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "out.csv"}


def test_a_folder_without_one_good_image_is_refused(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").touch()
    saved = student_of(tmp_path / "student", (8, 8, 1))
    with pytest.raises(UserError, match=r"none of the 1 image files .* 'a.png' \(zero bytes\)"):
        predictions.write(saved, tmp_path / "pictures", tmp_path / "out.csv", resize="crop")
    assert not (tmp_path / "out.csv").exists()


def test_a_network_without_names_numbers_its_classes(tmp_path):
    write_digits(tmp_path / "digits", 0, 3)
    saved = student_of(tmp_path / "student", (8, 8, 1), class_names=[])
    predictions.write(saved, tmp_path / "digits", tmp_path / "out.csv", resize="crop")
    assert {name for _, name, _ in rows_of(tmp_path / "out.csv")} <= {
        str(number) for number in range(10)
    }


@pytest.mark.parametrize(
    ("shape", "card", "expected"),
    [
        ([32, 32, 3], {}, DecodeOptions(32, "stretch", "rgb", "skip", 32)),
        ([8, 8, 1], {"pictures": {"resize": "pad"}}, DecodeOptions(8, "pad", "grey", "skip", 8)),
        ([8, 8, 1], {"pictures": {}}, DecodeOptions(8, "stretch", "grey", "skip", 8)),
    ],
)
def test_policy(shape, card, expected):
    assert (
        predictions.decode_options(SavedNetwork({"shape": shape, **card}, {}), "stretch")
        == expected
    )


@pytest.mark.parametrize("shape", [[8, 8, 2]])
def test_shapes_that_no_file_becomes(shape):
    with pytest.raises(UserError, match=f"takes images of {shape[0]}x{shape[1]}x{shape[2]}"):
        predictions.decode_options(SavedNetwork({"shape": shape}, {}), "crop")


def test_whole_or_not_at_all(tmp_path):
    write_digits(tmp_path / "digits", 0, 3)
    saved = student_of(tmp_path / "student", (8, 8, 1))
    output = tmp_path / "out" / "out.csv"
    output.parent.mkdir()
    output.write_text("file,class,probability\nof yesterday,1,1\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    faults = (
        (saved, empty, UserError, "--images=.*contains no image file"),
        (saved, tmp_path / "nowhere", UserError, "--images=.*no such folder"),
        (saved._replace(variables={}), tmp_path / "digits", FlaxError, "conv1"),
    )
    for network, root, error, message in faults:
        with pytest.raises(error, match=message):
            predictions.write(network, root, output, resize="crop")
        assert [path.name for path in output.parent.iterdir()] == ["out.csv"]
        assert output.read_text() == "file,class,probability\nof yesterday,1,1\n"
    (tmp_path / "a folder").mkdir()
    for unwritable in (tmp_path / "a folder", output / "below a file.csv"):
        with pytest.raises(UserError, match=r"--output=.* cannot be written .*choose another file"):
            predictions.write(saved, tmp_path / "digits", unwritable, resize="crop")
    assert not list(tmp_path.rglob("*.part"))


def test_command_line(tmp_path, tiny_run):
    """By default the run's student, into the run's folder."""
    images = tmp_path / "pictures"
    write_digits(images, 0, 20)
    (images / "torn.png").write_bytes(b"torn")
    line = command.arguments(
        tiny_run / "run", **{**command.PRICED, "cache_dir": tmp_path / "cache"}
    )
    done = command.run(
        [*line, "--mode=predict", f"--images={images}"], command.environment(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    output = tiny_run / "run" / "predictions.csv"
    assert (
        done.stdout == f"{output}: 20 images, 1 broken and left out\n"
        and "'torn.png'" in done.stderr
    )
    saved = load_network(tiny_run / "run" / "student")
    policy = DecodeOptions(8, "crop", "grey", "refuse")
    rows = rows_of(output)
    expected = saved.predict(np.stack([decode(images / path, policy) for path, _, _ in rows]))
    assert [int(name) for _, name, _ in rows] == expected.argmax(-1).tolist()
    assert [path for path, _, _ in rows] == [f"{number:04d}.png" for number in range(20)]
    assert not (tmp_path / "asked.txt").exists()


def predict(folder, output, names=("=1+2.png", "\x1b[31m.png"), **how):
    """Predictions of images of some names, by classes of odd names."""
    for seed, name in enumerate(names):
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        write_png(folder / "pictures" / name, seed)
    classes = [f"@{number}" for number in range(10)]
    saved = student_of(folder / "student", (8, 8, 1), class_names=classes)
    predictions.write(saved, folder / "pictures", output, resize="crop", **how)
    return output.read_bytes().decode()


def test_names_are_neither_formulas_nor_a_terminal_s_commands(tmp_path):
    text = predict(tmp_path, tmp_path / "out.csv")
    assert "\x1b" not in text and "\n\\x1b[31m.png,'@" in text and "\n'=1+2.png,'@" in text
    assert sorted(row[0] for row in rows_of(tmp_path / "out.csv")) == ["\x1b[31m.png", "=1+2.png"]
    plain = predict(tmp_path, tmp_path / "plain.csv", plain=True)
    assert "\n=1+2.png,@" in plain and "\n\x1b[31m.png,@" in plain


OTHERS = {
    "a ledger": b"SQLite format 3\0",
    "a table of another kind": b"file,label\na.png,cat\n",
    "an empty file": b"",
}


@pytest.mark.parametrize("case", OTHERS)
def test_an_output_never_replaces_something_else(case, tmp_path):
    output, beside = tmp_path / "ledger.sqlite", tmp_path / "ledger.sqlite.part"
    output.write_bytes(OTHERS[case])
    beside.write_text("mine")
    with pytest.raises(UserError, match=r"does not contain earlier predictions: nothing"):
        predict(tmp_path, output)
    assert output.read_bytes() == OTHERS[case]
    output.unlink()
    first = predict(tmp_path, output)
    assert predict(tmp_path, output) == first  # an earlier output is replaced
    assert beside.read_text() == "mine"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"cannot be written \(it is not a file\)"):
        predict(tmp_path, tmp_path / "pipe")
