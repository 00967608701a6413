"""What an export checks and refuses, and what it does with the folder."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from amkd import export
from amkd.core.errors import UserError
from amkd.export import card, same_answers
from amkd.models.saved_network import SavedNetwork
from tests.support.students import LENET, sample_of

pytest.importorskip("jax2onnx", reason="pip install -e '.[onnx]'")
pytest.importorskip("onnxruntime", reason="pip install -e '.[onnx]'")


def test_a_file_of_another_network_is_not_left_behind(
    lenet: SavedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = jax.tree.map(lambda leaf: leaf * np.float32(0.9), lenet.variables)
    dump, sample = export.onnx.dump, sample_of(LENET)
    wanted = np.abs(SavedNetwork(lenet.card, other).predict(sample) - lenet.predict(sample)).max()
    assert wanted > 1e-3
    monkeypatch.setattr(
        export.onnx, "dump", lambda network, variables, shape: dump(network, other, shape)
    )
    with pytest.raises(UserError, match=r"the onnx file differs by .*formats=stablehlo") as raised:
        export.write(lenet, tmp_path / "out", sample)
    assert f"differs by {wanted:.2g} " in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def answers_of(batch: np.ndarray) -> np.ndarray:
    share = batch[:, 0, 0, 0].astype(np.float32) / 255
    return np.stack([share, 1 - share], -1)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda batch: answers_of(batch) + np.float32(2e-4), "differs by 0.0002"),
        (
            lambda batch: np.where(batch[:, 0, 0] == 19, np.float32(np.nan), answers_of(batch)),
            "differs by nan",
        ),
        (lambda batch: answers_of(batch)[:1], r"gives float32\[1, 2\] for 3 images"),
        (lambda batch: answers_of(batch).astype(np.float64), r"gives float64\[1, 2\] for 1 images"),
        (lambda batch: answers_of(batch).reshape(5, -1), r"cannot be run on 1 images \(ValueError"),
    ],
)
def test_what_the_check_refuses(run: Callable[[np.ndarray], np.ndarray], said: str) -> None:
    sample = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
    with pytest.raises(UserError, match=f"the stablehlo file {said}.*formats=onnx"):
        same_answers.check("stablehlo", run, sample, answers=answers_of(sample))


def test_the_check_sees_every_image_and_three_batch_sizes() -> None:
    sample, seen = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1), []

    def run(batch: np.ndarray) -> np.ndarray:
        seen.append(batch.ravel().tolist())
        return answers_of(batch) + np.float32(5e-5) * (batch[:, 0, 0] == 199)

    assert same_answers.check("onnx", run, sample, answers=answers_of(sample)) == pytest.approx(
        5e-5, rel=1e-2
    )
    assert seen == [[0], [0, 1, 2], list(range(17)), list(range(200))]
    assert same_answers.check("onnx", answers_of, sample[:1], answers=answers_of(sample[:1])) == 0


def test_an_earlier_export_is_replaced(lenet: SavedNetwork, tmp_path: Path) -> None:
    sample, folder = sample_of(LENET, 2), tmp_path / "deep" / "out"
    for license in ("first", "second"):
        told = export.write(lenet, folder, sample, formats=("stablehlo",), license=license)
        assert set(told) == {"stablehlo", "card"}
        assert json.loads((folder / "card.json").read_text())["license"] == license
    assert [path.name for path in folder.parent.iterdir()] == ["out"]
    assert folder.stat().st_mode & 0o777 == (tmp_path / "deep").stat().st_mode & 0o777


def test_a_failure_leaves_the_earlier_export(
    lenet: SavedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample, folder = sample_of(LENET, 2), tmp_path / "out"
    export.write(lenet, folder, sample, formats=("stablehlo",))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(card, "text", lambda found: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export.write(lenet, folder, sample, formats=("stablehlo",))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.txt", "x"),
        ("card.json", '{"kind": "other"}'),
        ("card.json", "{"),
        ("card.json", "[]"),
    ],
)
def test_what_is_not_ours_is_refused(
    lenet: SavedNetwork, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    for folder in (tmp_path, tmp_path / name):
        with pytest.raises(UserError, match="is not an earlier export"):
            export.write(lenet, folder, sample_of(LENET, 1), formats=("stablehlo",))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == content


def test_an_export_with_a_file_of_the_users_is_refused(lenet: SavedNetwork, tmp_path: Path) -> None:
    sample, folder = sample_of(LENET, 1), tmp_path / "out"
    folder.mkdir()  # an empty folder is no obstacle
    export.write(lenet, folder, sample, formats=("stablehlo",))
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not an earlier export"):
        export.write(lenet, folder, sample, formats=("stablehlo",))
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("missing", ["jax2onnx", "onnxruntime", "onnx"])
def test_a_missing_package_is_named(
    lenet: SavedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    sample = sample_of(LENET, 1)
    with pytest.raises(
        UserError, match=rf"needs {missing} .*'\.\[onnx\]'.*--config\.export\.formats=stablehlo"
    ):
        export.write(lenet, tmp_path / "out", sample)
    export.write(lenet, tmp_path / "out", sample, formats=("stablehlo",))


def test_a_network_that_cannot_be_converted_is_reported(
    lenet: SavedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jax2onnx

    def fail(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("no plugin for 'sort'")

    monkeypatch.setattr(jax2onnx, "to_onnx", fail)
    with pytest.raises(UserError, match=r"no plugin for 'sort'.*formats=stablehlo"):
        export.write(lenet, tmp_path / "out", sample_of(LENET, 1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("formats", [(), ("tflite",), ("onnx", "pickle")])
def test_unknown_formats_are_refused(
    lenet: SavedNetwork, tmp_path: Path, formats: tuple[str, ...]
) -> None:
    with pytest.raises(UserError, match=r"config\.export\.formats=.*stablehlo, onnx"):
        export.write(lenet, tmp_path / "out", sample_of(LENET, 1), formats=formats)


@pytest.mark.parametrize(
    "sample",
    [
        np.zeros((0, 28, 28, 1), np.uint8),
        np.zeros((2, 28, 28, 3), np.uint8),
        np.zeros((28, 28, 1), np.uint8),
        np.zeros((2, 28, 28, 1), np.float32),
    ],
)
def test_images_of_another_kind_are_refused(
    lenet: SavedNetwork, tmp_path: Path, sample: np.ndarray
) -> None:
    with pytest.raises(UserError, match=r"config\.data\.size"):
        export.write(lenet, tmp_path / "out", sample, formats=("stablehlo",))


def test_teachers_are_not_exported(lenet: SavedNetwork, tmp_path: Path) -> None:
    teacher = lenet._replace(card={**lenet.card, "role": "teacher"})
    with pytest.raises(UserError, match="a saved teacher cannot be exported"):
        export.write(teacher, tmp_path / "out", sample_of(LENET, 1), formats=("stablehlo",))
