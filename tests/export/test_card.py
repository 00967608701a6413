"""The model card: what is known, what is not, and code that runs."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from amkd.core import checkpoint
from amkd.data.decoding import DecodeOptions, decode
from amkd.export import card, photograph
from amkd.models.saved_network import SavedNetwork
from tests.support.image_files import orientation, write_photo
from tests.support.students import KNOWN, LENET, card_of

pytest.importorskip("jax2onnx", reason="pip install -e '.[onnx]'")
pytest.importorskip("onnxruntime", reason="pip install -e '.[onnx]'")


def row(text: str, name: str) -> str:
    (found,) = re.findall(rf"^\| {re.escape(name)} \| (.*) \|$", text, re.MULTILINE)
    return found


def test_the_card_says_what_is_known(lenet: SavedNetwork, exported: Path) -> None:
    text = (exported / "README.md").read_text()
    assert text.startswith("# lenet5_half, a distilled student\n")
    expected = {
        "Network": "lenet5_half",
        "Classes": "10; names: 0 nil, 1 one, 2 two, 3 three, 4 four, 5 five, 6 six, 7 seven, 8"
        " eight, 9 nine",
        "SHA-256 of the student": checkpoint.sha256(lenet.variables),
        "Licence": "CC-BY-4.0",
        "Teacher": "oip:host/digits:3",
        "Queries to the teacher": "1000",
        "Queries for evaluation": "497",
        "Cost of the run": "1.25 EUR",
        "Data set": "digits",
        "Key of the data": "5d1f",
        "Real images in round 0": "200",
        "Accuracy on test images": "97.10% (95.2 to 98.3), on 497 images",
        "Agreement with the teacher": "98.23% (96.6 to 99.1), on 497 images",
    }
    assert {name: row(text, name) for name in expected} == expected
    assert row(text, "Input").startswith("`uint8[B, 28, 28, 1]`")
    assert "values from 0 to 255" in row(text, "Input")
    (config,) = re.findall(r"```json\n(.*?)\n```", text, re.DOTALL)
    assert json.loads(config) == KNOWN["config"]


def test_the_card_as_data_says_the_same(lenet: SavedNetwork, exported: Path) -> None:
    found = json.loads((exported / "card.json").read_text())
    assert {name: found[name] for name in lenet.card} == lenet.card
    assert found["license"] == "CC-BY-4.0"
    for facts in found["formats"].values():
        path = exported / facts["file"]
        assert facts["bytes"] == path.stat().st_size
        assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(found["formats"]) == {"onnx", "stablehlo"}


def test_what_is_unknown_is_said_to_be() -> None:
    text = card.text(card.complete(card_of("lenet5", LENET), {}, ""))
    for name in (
        "Teacher",
        "Queries to the teacher",
        "Queries for evaluation",
        "Cost of the run",
        "Data set",
        "Real images in round 0",
    ):
        assert row(text, name).strip() == "not recorded"
    for name in (
        "Key of the data",
        "SHA-256 of the student",
        "Accuracy on test images",
        "Agreement with the teacher",
    ):
        assert row(text, name) == "not recorded"
    assert row(text, "Licence") == "not stated: set --config.export.license"
    assert row(text, "Classes") == "10; names: not recorded"
    assert text.endswith("## Configuration of the run\n\nnot recorded\n")


LEARNED = "without ground-truth labels: it has also learned the teacher's mistakes."
DISTILLED = "distilled from a black-box teacher"
ANSWERS = "It was trained on the teacher's answers"


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (
            {"method": "active_mixup", "queries": 24000, "mixes": 22000},
            f"{DISTILLED} by the method `active_mixup` of amkd. {ANSWERS} to 24,000 images, 22,000"
            f" of which are mixes of two, {LEARNED}",
        ),
        (
            {"method": "active_labelling", "queries": 1800, "mixes": 0},
            f"{DISTILLED} by the method `active_labelling` of amkd. {ANSWERS}, {LEARNED}",
        ),
        (
            {"method": "random_crops", "queries": 900, "mixes": 0, "made": 600},
            f"{DISTILLED} by the method `random_crops` of amkd. {ANSWERS} to 900 images, 600 of"
            f" which were made by the method, {LEARNED}",
        ),
        (
            {"method": "zskd", "queries": 1200, "mixes": 0, "made": 1200, "white_box": True},
            f"distilled from a teacher by the method `zskd` of amkd. {ANSWERS} to 1,200 images,"
            f" 1,200 of which were made by the method, {LEARNED} The training also used the"
            " teacher's network (its weights, features or gradients).",
        ),
        (
            {"method": "supervised_real", "queries": 500, "mixes": 0, "ground_truth": True},
            "trained by the method `supervised_real` of amkd. It was trained on ground-truth"
            " labels; there was no teacher.",
        ),
        ({}, f"{DISTILLED}. {ANSWERS}, {LEARNED}"),
    ],
    ids=["mixes", "no mixes", "crops", "white box", "labels", "an older student"],
)
def test_the_card_says_what_the_student_learned_from(known: dict[str, Any], told: str) -> None:
    text = card.text(card.complete({**card_of("lenet5", LENET), **known}, {}, ""))
    first = " ".join(text.partition("## The model")[0].split())
    assert first.endswith(f"An image classifier, {told}")


def test_what_was_not_measured_is_said_to_be() -> None:
    text = card.text(
        card.complete(
            {**card_of("lenet5", LENET), "test_accuracy": None, "agreement": None, "cost": 0},
            {},
            "",
        )
    )
    assert row(text, "Accuracy on test images") == "not measured"
    assert row(text, "Agreement with the teacher") == "not measured"
    assert row(text, "Cost of the run").strip() == "0"


def test_the_card_tells_what_an_assistant_answered() -> None:
    told = {"model": "lenet5", "mixes": 9000, "near": 0, "real_images": 0, "share": 0.25}
    weights = {"source": "hf:timm/x.y@1", "sha256": "ab12", "license": None}
    student = card_of("lenet5_half", LENET)
    text = card.text(card.complete({**student, "assistant": {**told, "weights": weights}}, {}, ""))
    assert row(text, "Answered by an assistant, not by the teacher") == (
        "lenet5 answered 9,000 fresh mixes, without a query; they make up 25% of each of the"
        " student's batches"
    )
    assert "answers that the teacher did not give" in text
    assert row(text, "Initial weights of the assistant") == "hf:timm/x.y@1, SHA-256 ab12"
    assert row(text, "Licence of the assistant's initial weights") == "not recorded"
    assert "assistant" not in card.text(card.complete(student, {}, ""))


@given(st.text())
def test_no_text_breaks_out_of_its_cell(words: str) -> None:
    text = card.text(
        card.complete(
            {**card_of("lenet5", LENET), "teacher": words, "class_names": [words]}, {}, words
        )
    )
    lines = text.split("\n")
    for name in ("Teacher", "Classes", "Licence"):
        (line,) = [line for line in lines if line.startswith(f"| {name} |")]
        assert len(re.findall(r"(?<!\\)\|", line)) == 3
    plain = card.text(
        card.complete({**card_of("lenet5", LENET), "teacher": "t", "class_names": ["t"]}, {}, "t")
    )
    assert len(lines) == len(plain.split("\n"))


def test_the_cards_code_answers_a_photograph_as_the_student_does(
    lenet: SavedNetwork, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("student.onnx", "student.stablehlo"):
        (tmp_path / name).symlink_to(exported / name)
    write_photo(tmp_path / "photo.jpg", 301, 200, seed=3, exif=orientation(6))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # the code raises it
    image = decode(tmp_path / "photo.jpg", DecodeOptions(28, "crop", "grey", "refuse"))
    wanted = lenet.predict(image[None])
    blocks = re.findall(r"```python\n(.*?)```", (exported / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    exec(blocks[0], names)
    for block in blocks[1:]:
        exec(block, names)
        assert np.array_equal(names["images"], image[None])
        assert np.abs(names["probabilities"] - wanted).max() <= 1e-4


@pytest.mark.parametrize("mode", ["rgb", "grey"])
@pytest.mark.parametrize("kind", ["crop", "pad", "stretch"])
def test_the_cards_photograph_is_the_students_pixel_by_pixel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mode: str
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)  # the code raises it
    channels = 3 if mode == "rgb" else 1
    told = {"shape": [16, 16, channels], "pictures": {"resize": kind}}
    names: dict[str, Any] = {}
    exec(photograph.code(told), names)
    options = DecodeOptions(16, kind, mode, "refuse")
    sides = ((201, 90), (91, 200), (640, 481), (16, 16), (9, 5))
    for number, (width, height) in enumerate(sides):
        path = tmp_path / f"{number}.jpg"
        write_photo(path, width, height, seed=number, exif=orientation((6, 3, 8, 1, 5)[number]))
        assert np.array_equal(names["image_of"](path), decode(path, options)), path
    rng = np.random.default_rng(0)
    for layers in (1, 2, 3, 4):
        pixels = rng.integers(0, 256, (40, 30, layers), np.uint8)
        path = tmp_path / f"{layers}.png"
        turned = orientation(4 + layers)  # on their side
        Image.fromarray(pixels[..., 0] if layers == 1 else pixels).save(path, exif=turned)
        assert np.array_equal(names["image_of"](path), decode(path, options)), path


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_the_cards_code_refuses_more_than_eight_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: type
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # the code raises it
    Image.fromarray(np.full((4, 4), 300, dtype)).save(tmp_path / "deep.tif")
    names: dict[str, Any] = {}
    exec(photograph.code({"shape": [4, 4, 1], "pictures": {"resize": "crop"}}), names)
    with pytest.raises(ValueError, match=r"deep\.tif has more than 8 bits per colour: save it"):
        names["image_of"](tmp_path / "deep.tif")


@pytest.mark.parametrize("of_files", [True, False])
def test_the_card_does_not_speak_of_files_that_were_not_there(of_files: bool) -> None:
    told = {**card_of("lenet5", LENET), "shape": [8, 8, 1]}
    told["pictures"] = {"resize": "crop", "of_files": of_files}
    text = card.text(card.complete(told, {}, ""))
    assert "image_of" in text
    assert ("converted in this way" in text) == of_files
    assert ("did not come from image files" in text) != of_files


def test_a_student_of_no_photographs_says_so() -> None:
    text = card.text(card.complete(card_of("lenet5", LENET), {}, ""))
    assert "image_of" not in text and "not image files" in text


def test_the_card_of_a_rectangle_tells_how_its_images_are_made() -> None:
    told = {**card_of("lenet5", LENET), "shape": [16, 8, 3], "pictures": {"resize": "crop"}}
    assert photograph.code(told) == ""
    text = card.text(card.complete(told, {}, ""))
    assert "crop, to a height of 16 and a width of 8 pixels" in text
    assert "image_of" not in text and "not image files" not in text


NAMES = {
    "a command": ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    "a link": ("[x](javascript:alert(1))", r"\[x\]\(javascript:alert(1))"),
    "a picture": ("![x](http://a/b)", r"\!\[x\]\(http\://a/b)"),
    "a link in angles": ("<javascript:x>", "&lt;javascript:x&gt;"),
    "a reference": ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
    "emphasis": ("*a* _b_ `c` ~d~", r"\*a\* \_b\_ \`c\` \~d\~"),
    "another cell": ("a | b\n| c", r"a \| b \| c"),
    "a terminal's commands": ("\x1b]0;x\x07", r"\\x1b\]0;x\\x07"),
    "plain": ("lenet5_half (1.5, a-b)", "lenet5_half (1.5, a-b)"),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_are_no_markup(case: str) -> None:
    name, shown = NAMES[case]
    names = {"teacher": name, "dataset": name, "class_names": [name, "b"], "model": name}
    known = {**card_of("lenet5", LENET), **names, "cost": 1.0, "currency": name}
    text = card.text(card.complete(known, {}, name))
    for field in ("Teacher", "Data set", "Network", "Licence"):
        assert row(text, field) == shown
    assert row(text, "Cost of the run") == f"1.0 {shown}"
    assert row(text, "Classes").endswith(f"names: 0 {shown}, 1 b")
    assert text.startswith(f"# {shown}, a distilled student\n")
