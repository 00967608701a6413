"""``--mode=export``: a finished run's student as files with a model card."""

import json

import jax.export
import numpy as np
import pytest

from amkd.cli import modes
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import sources
from amkd.data.dataset import DataSet
from amkd.models.saved_network import load_network, save_network
from tests.support import command
from tests.support.small import configured


def order(workdir=None, network=None, output=None, **fields):
    config = configured(**{**command.PRICED, **fields})
    return modes.Command(
        config=config,
        workdir=workdir,
        network=network,
        images=None,
        output=output,
        stop=StopSignal(),
    )


def test_command_line(tmp_path, tiny_run):
    workdir = tiny_run / "run"
    line = command.arguments(
        workdir, **command.PRICED, **{"export.formats": "stablehlo", "export.license": "CC0-1.0"}
    )
    done = command.run([*line, "--mode=export"], command.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    folder = workdir / "export"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "card.json",
        "student.stablehlo",
    ]
    assert (
        str(folder / "student.stablehlo") in done.stdout
        and str(folder / "README.md") in done.stdout
    )
    assert not (tmp_path / "asked.txt").exists()

    test_images = sources.load("digits", cache_dir=tmp_path, test_images=60).test_images
    loaded = jax.export.deserialize(bytearray((folder / "student.stablehlo").read_bytes()))
    expected = load_network(workdir / "student").predict(test_images)
    assert np.allclose(loaded.call(test_images), expected, rtol=0, atol=1e-5)

    card, summary = json.loads((folder / "card.json").read_text()), command.summary(workdir)
    for name in (
        "dataset",
        "teacher",
        "n_real",
        "queries",
        "evaluation_queries",
        "cost",
        "currency",
        "agreement",
    ):
        assert card[name] == summary[name]
    assert (card["queries"], card["evaluation_queries"], card["agreement_images"]) == (90, 60, 60)
    assert (card["cost"], card["currency"], card["license"]) == (37.5, "USD", "CC0-1.0")
    assert (card["method"], card["mixes"], card["ground_truth"]) == ("active_mixup", 60, False)
    assert (card["made"], card["white_box"]) == (0, False)
    assert card["test_accuracy"] == summary["student_accuracy"]
    assert card["sha256"] == summary["student_sha256"]
    assert card["class_names"] == [str(digit) for digit in range(10)]
    assert card["config"]["teacher.function"] == command.TINY["teacher.function"]
    assert card["config"]["search.lam_low"] == 0.3 and card["config"]["budget"] == 90
    text = (folder / "README.md").read_text()
    assert "37.5 USD" in text and '"train.epochs": 2' in text and "CC0-1.0" in text


def test_a_named_network_and_a_named_folder(tmp_path, tiny_run, capsys):
    student, output = tiny_run / "run" / "student", tmp_path / "given" / "away"
    modes.export(order(network=student, output=output, **{"export.formats": "stablehlo"}))
    assert (output / "student.stablehlo").stat().st_size > 10_000
    assert f"model card           {output / 'README.md'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("formats", "hint"),
    [("stablehlo,onxx", "did you mean 'onnx'"), ("", "stablehlo, onnx"), ("tflite", "onnx")],
)
def test_unknown_formats_are_refused(formats, hint):
    with pytest.raises(UserError, match=rf"config.export.formats='.*': must be one of .*{hint}"):
        order(**{"export.formats": formats})


def test_nothing_to_export(tmp_path):
    with pytest.raises(UserError, match="--network is missing"):
        modes.export(order())
    with pytest.raises(UserError) as refused:
        modes.export(order(tmp_path / "run"))
    assert str(refused.value) == (
        f"{tmp_path / 'run'} has no student yet: the run is not finished. Run the same command"
        " without --mode first, or name a saved network with --network=FOLDER"
    )
    with pytest.raises(UserError, match="does not contain a saved network"):
        modes.export(order(network=tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []


def test_an_8_bit_file_is_not_compared_on_images_of_another_time(tmp_path, tiny_run):
    """What is held out today may be what the student learned from."""
    saved = load_network(tiny_run / "run" / "student")
    save_network(tmp_path / "old", saved.variables, {**saved.card, "data_key": "before"})
    with pytest.raises(UserError, match="was made from other images than there are now; restore"):
        modes.export(order(network=tmp_path / "old", **{"export.formats": "stablehlo,onnx_int8"}))
    given = {"network": tmp_path / "old", "output": tmp_path / "out"}
    modes.export(order(**given, **{"export.formats": "stablehlo"}))


def test_another_data_set_is_refused(tmp_path, tiny_run):
    run, output = tiny_run / "run", tmp_path / "out"
    with pytest.raises(
        UserError, match=r"made for images \[8, 8, 1\] of 10 classes.*has \[16, 16, 1\] of 10"
    ):
        modes.export(order(network=run / "student", output=output, **{"data.size": 16}))
    with pytest.raises(UserError, match=r"omit --config.*\n  config\.data\.size: 0 -> 16"):
        modes.export(order(run, output=output, **{"data.size": 16}))
    assert list(tmp_path.iterdir()) == []


def sorted_by_class(tested):
    """A data set of four classes, whose test images are sorted by class, as in folders."""
    labels = np.repeat(np.arange(4, dtype=np.int32), tested // 4)
    images = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), np.uint8)
    return DataSet(
        name="folder",
        classes=4,
        teacher_images=images,
        teacher_labels=np.zeros(300, np.int32),
        pool_images=images,
        test_images=np.tile(labels[:, None, None, None], (1, 8, 8, 1)).astype(np.uint8),
        test_labels=labels,
    )


def test_an_8_bit_file_is_compared_on_images_of_all_classes():
    """Of 4,000 sorted test images, the first 2,000 have only two of four classes."""
    found = modes._quantization(configured(n_real=50, budget=80), sorted_by_class(4000))
    assert len(found.calibration) == 50 and found.fresh
    assert len(found.held_out) == 2000 and found.labels is not None
    assert np.array_equal(found.held_out[:, 0, 0, 0], found.labels)  # images keep their labels
    assert np.bincount(found.labels).min() > 400


@pytest.mark.parametrize("tested", [0, 40])
def test_a_student_of_made_images_is_calibrated_on_real_ones(tested):
    """zskd draws no real image; 200 are drawn for the ranges, and others for the comparison."""
    zskd = configured(method="zskd", **{"teacher.kind": "flax", "zskd.steps": 2})
    found = modes._quantization(zskd, sorted_by_class(tested))
    assert len(found.calibration) == 200 and found.fresh
    assert len(found.held_out) == (tested or 100)
    rows = {image.tobytes() for image in found.calibration}
    assert rows.isdisjoint(image.tobytes() for image in found.held_out)
