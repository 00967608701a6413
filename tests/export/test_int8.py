"""The student in 8 bits: checked against full precision, and told in the card."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from amkd import export
from amkd.core.errors import UserError
from amkd.export import Quantization, int8, onnx, quantised
from amkd.models.saved_network import SavedNetwork
from amkd.reporting import metrics
from tests.support.students import LENET, digits, sample_of

pytest.importorskip("jax2onnx", reason="pip install -e '.[onnx]'")
pytest.importorskip("onnxruntime", reason="pip install -e '.[onnx]'")


def test_the_file_runs_and_the_card_tells_what_it_costs(
    lenet: SavedNetwork, tmp_path: Path
) -> None:
    sample = sample_of(LENET)
    labels = lenet.predict(sample).argmax(-1)
    given = Quantization(sample[:10], sample[10:], labels[10:], 0.0)
    formats = ("onnx_int8", "onnx")
    told = export.write(lenet, tmp_path / "out", sample, formats=formats, quantization=given)
    path = tmp_path / "out" / "student.int8.onnx"
    assert told["onnx_int8"]["path"] == path
    assert told["onnx_int8"]["bytes"] == path.stat().st_size < told["onnx"]["bytes"] / 2
    found = onnx.load(path)(sample[10:])
    facts = json.loads((tmp_path / "out" / "card.json").read_text())["formats"]["onnx_int8"]
    compared = facts["compared"]
    agreement = float(np.mean(found.argmax(-1) == labels[10:]))
    assert compared["agreement"] == agreement and compared["images"] == 10
    assert compared["accuracy"] == [1.0, agreement]  # the labels are the student's own classes
    assert 0 < compared["divergence"] < 1
    assert facts["full"]["bytes"] == told["onnx"]["bytes"]
    assert facts["calibration_images"] == 10
    for one in (facts, facts["full"]):
        assert one["latency"]["one_thread"] > 0 and one["latency"]["all_threads"] > 0
    text = (tmp_path / "out" / "README.md").read_text()
    assert "| ECE |" in text and "| Latency, one thread |" in text
    assert "`student.int8.onnx`" in text and 'InferenceSession("student.int8.onnx"' in text
    assert ("**Warning:**" in text) == (agreement < 1) == bool(told["onnx_int8"]["warning"])


def shares(*rows: float) -> np.ndarray:
    first = np.array(rows, np.float32)
    return np.stack([first, 1 - first], -1)


def test_a_runtime_never_gets_many_images_at_once() -> None:
    """It keeps all activations of the images that it gets, which are large for photographs."""
    images, sizes = np.zeros((150, 1, 1, 1), np.uint8), []

    def small(part: np.ndarray) -> np.ndarray:
        sizes.append(len(part))
        return np.tile(shares(0.9), (len(part), 1))

    given = Quantization(images, images, None, 0.0)
    told = quantised.compare(lambda part: np.tile(shares(0.8), (len(part), 1)), small, given)
    assert sizes == [64, 64, 22] and (told["images"], told["agreement"]) == (150, 1.0)


def test_a_loss_is_a_warning() -> None:
    """Of four images, one changes its class: 25 points."""
    images = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    full, other = shares(0.9, 0.8, 0.7, 0.6), shares(0.9, 0.8, 0.7, 0.4)

    def told(most_loss: float) -> dict:
        given = Quantization(images, images, np.array([0, 0, 0, 1]), most_loss)
        return quantised.compare(lambda _: full, lambda _: other, given)

    assert told(25.0)["warning"] is None
    assert "for 25.00% of the images" in told(24.9)["warning"]
    assert told(2.0)["accuracy"] == [0.75, 1.0]
    # KL of the one that changed, over four: (.6 ln(.6/.4) + .4 ln(.4/.6)) / 4.
    assert told(2.0)["divergence"] == pytest.approx(0.0810930 / 4, abs=1e-6)


def test_calibration_error_by_hand() -> None:
    """Two bins: .6 and .7 of which one is right; .9, right."""
    rows, labels = shares(0.6, 0.7, 0.9), np.array([0, 1, 0])
    # Bins of 1/15: .6 and .7 fall apart: |.6 - 1|, |.7 - 0| and |.9 - 1|, over three.
    assert metrics.calibration_error(rows, labels) == pytest.approx((0.4 + 0.7 + 0.1) / 3)
    # Bins of 1/2: all in one: |2.2 - 2| / 3.
    assert metrics.calibration_error(rows, labels, bins=2) == pytest.approx(0.2 / 3)
    assert metrics.calibration_error(rows, None) is None


def test_at_most_so_many_images_calibrate(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = int8._reader(digits(8)[:3])
    assert [reader.get_next() is None for _ in range(4)] == [False, False, False, True]


def test_a_missing_package_is_named(
    lenet: SavedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization", None)
    sample = sample_of(LENET, 2)
    with pytest.raises(UserError, match=r"onnx_int8 needs onnxruntime.quantization .*\[onnx\]"):
        export.write(
            lenet,
            tmp_path / "out",
            sample,
            formats=("onnx_int8",),
            quantization=Quantization(sample, sample, None, 2.0),
        )
