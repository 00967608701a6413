"""Corrections in a run's training: in place of answers, with a weight, kept as the run began."""

import dataclasses
import json

import numpy as np
import pytest

from amkd.config.recipe import Recipe
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.data.records import Records, real_records
from amkd.ledger import corrections
from amkd.models import build
from amkd.run import corrected
from amkd.run.corrected import Corrections
from amkd.run.targets import Targets
from amkd.training import recipe, train, training_set
from tests.support.small import configured

IMAGES = np.arange(3 * 4, dtype=np.uint8).reshape(3, 2, 2, 1)


def test_applied_by_hand():
    found = Corrections({image_digest(IMAGES[1]): 2, image_digest(IMAGES[0]): 1}, 4.0)
    given = np.full((4, 3), 1 / 3, np.float32)
    # Records 0, 1 and 3 are whole images; record 2 is a mix.
    answers, weights = found.apply(IMAGES, np.array([0, 1, 3]), given)
    third = 1 / 3
    wanted = [[0, 1, 0], [0, 0, 1], [third] * 3, [third] * 3]
    assert answers == pytest.approx(np.array(wanted)) and weights.tolist() == [4, 4, 1, 1]
    assert given == pytest.approx(third)


def test_how_many_corrections_are_used_is_told():
    """A run with another seed draws other images; its corrections would silently do nothing."""
    images = np.random.default_rng(0).integers(0, 256, (5, 2, 2, 1), np.uint8)
    mine = Corrections({image_digest(images[3]): 1, b"\1" * 32: 0}, 2.0)
    assert corrected.line(mine, images) == "1 of 2 corrections are of images of round 0"
    assert corrected.line(mine, images[:3]).startswith("warning: none of the 2 corrections in the")


def test_given_looks_up_whole_images_alone():
    records = Records(*np.array([[0, 0, 2], [0, 1, 2], [65536, 30000, 65536]], np.int32))
    found = Targets(np.full((3, 2), 0.5, np.float32))
    assert corrected.with_corrections(None, found, records, None) is found
    seen = []

    def images_of(part):
        seen.append(part.i.tolist())
        return IMAGES[part.i]

    said = Corrections({image_digest(IMAGES[2]): 1, image_digest(IMAGES[1]): 0}, 3.0)
    given = corrected.with_corrections(said, found, records, images_of)
    assert seen == [[0, 2]] and given.weights.tolist() == [1, 1, 3]
    assert given.answers.tolist() == [[0.5, 0.5], [0.5, 0.5], [0, 1]]
    assert given.arrays().keys() == {"answers", "weights"}


def test_weights_of_batches():
    settings = Recipe(batch_size=4)
    weights = np.array([1, 5, 1, 1, 7, 1], np.float32)
    data = training_set.make(
        np.zeros((6, 8, 8, 1), np.uint8), real_records(6), np.eye(6, dtype=np.float32), capacity=6
    )
    network = build("lenet5_half", 6, (8, 8, 1))
    plain = train.Training(network=network, recipe=settings, data=data, count=6, stream=(0, 0))
    without = train._batches(plain, 0)
    found = train._batches(dataclasses.replace(plain, record_weights=weights), 0)
    assert np.array_equal(found.index, without.index)
    assert np.array_equal(found.weight, without.weight * weights[without.index])
    assert without.weight.sum() == 6 and found.weight.sum() == weights.sum()


def test_of_a_run_are_those_of_its_beginning(tmp_path):
    ledger, workdir, names = tmp_path / "l.sqlite", tmp_path / "run", ("a", "b")
    workdir.mkdir()
    settings = configured(**{"train.corrections": 2.0, "ledger.path": ledger})
    assert corrected.of_run(configured(), workdir, names) is None
    with pytest.raises(UserError, match=r"does not exist"):
        corrected.of_run(settings, workdir, names)
    corrections.record(ledger, ("other", "classes"), {b"\1" * 32: 1})
    with pytest.raises(UserError, match=r"config\.train\.corrections=2: .* has no corrections"):
        corrected.of_run(settings, workdir, names)
    corrections.record(ledger, names, {b"\1" * 32: 1})
    first = corrected.of_run(settings, workdir, names)
    corrections.record(ledger, names, {b"\2" * 32: 0, b"\1" * 32: 0})
    again = corrected.of_run(settings, workdir, names)
    assert first.classes == again.classes == {b"\1" * 32: 1} and first.weight == 2.0
    held = json.loads((workdir / "corrections.json").read_text())
    assert held == {"corrections": {"01" * 32: 1}}
    (workdir / "corrections.json").write_text("{")
    with pytest.raises(UserError, match=r"corrections\.json is damaged"):
        corrected.of_run(settings, workdir, names)


def test_the_field_does_not_change_a_teacher_or_a_step():
    assert "corrections" not in recipe.weight_fields(Recipe())
    assert recipe.step_recipe(Recipe(corrections=3.0)) == recipe.step_recipe(Recipe())


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"train.corrections": 1.0, "train.weighting": "softmax"}, "already sets the weights"),
        ({"train.corrections": 1.0, "train.loss": "pad_kl"}, "already sets the weights"),
        ({"teacher.train.corrections": 1.0}, "omit it"),
        ({"train.corrections": -1.0}, "train.corrections=-1.0"),
    ],
)
def test_impossible(fields, why):
    with pytest.raises(UserError, match=why):
        configured(**fields)
