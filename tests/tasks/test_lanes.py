"""Lanes as answers: worked numbers, and what a classifier's code makes of several distributions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd.candidates.candidate_set import _confidence
from amkd.candidates.committee import _from_best_classes
from amkd.config.recipe import Recipe
from amkd.core import devices
from amkd.data.records import real_records
from amkd.models import build, uncertainty
from amkd.tasks import LaneTask
from amkd.training import losses, training_set
from amkd.training.train import Training

NAN = np.nan
# Places 0, 2, .. 8; three slots, three rows.
TASK = LaneTask(slots=3, anchors=(0, 10, 20), columns=5, height=21, width=8, near=1.0, drawn=2.0)
WIDE = dataclasses.replace(TASK, columns=51, width=50)


def answers(task, *lanes):
    """The answer that says some lanes, in the first slots; the other slots are empty."""
    labels = np.full((1, task.slots, len(task.anchors)), NAN, np.float32)
    for slot, lane in enumerate(lanes):
        labels[0, slot] = lane
    return task.answers_of(labels, task.length)[0]


def test_an_answer_by_hand():
    """Column 3 lies halfway between the places at 2 and 4; a row without a lane is the last."""
    assert (TASK.groups, TASK.length) == (9, 54)
    rows = answers(TASK, (3, 8, NAN)).reshape(3, 3, 6)
    assert rows[0].tolist() == [[0, 0.5, 0.5, 0, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]]
    assert rows[1:, :, 5].min() == 1


def test_exact_answers_give_the_labels_back():
    labels = np.random.default_rng(0).uniform(0, 8, (20, 3, 3)).astype(np.float32)
    labels[:7, 1] = NAN
    labels[3:5, 2, 0] = NAN
    found = TASK.columns_of(TASK.answers_of(labels, TASK.length))
    np.testing.assert_allclose(found, labels, atol=1e-5)


def test_a_lane_in_one_row_is_none():
    assert np.isnan(TASK.columns_of(answers(TASK, (3, NAN, NAN))[None])).all()


def test_the_worked_gap_of_lanes():
    """From one to the other 1; back, the lane at 40 is 29 from the nearest."""
    one = answers(WIDE, (0, 0, 0), (10, 11, 12))
    other = answers(WIDE, (1, 1, 1), (10, 10, 10), (40, 40, 40))
    np.testing.assert_allclose(WIDE.gap(one, other), 1, atol=1e-4)
    np.testing.assert_allclose(WIDE.gap(other, one), 29, atol=1e-4)
    assert WIDE.gap(answers(WIDE), one) == 50  # one of them sees nothing: the width


def test_where_objects_are():
    """Two lanes in one row: both of their places are sure to hold one."""
    found = TASK.objectness(answers(TASK, (2, 2, 2), (8, 8, 4)))
    assert found.tolist() == [[0, 1, 0, 0, 1], [0, 1, 0, 0, 1], [0, 1, 1, 0, 0]]


def test_figures_of_exact_and_of_empty_answers():
    labels = np.full((2, 3, 3), NAN, np.float32)
    labels[0, 0], labels[1, :2] = 2, [[1, 2, 3], [5, 6, 7]]
    exact = TASK.evaluated(TASK.answers_of(labels, TASK.length), labels)
    assert (exact["student_accuracy"], exact["f1"], exact["lane_fn"]) == (1, 1, 0)
    nothing = TASK.evaluated(np.tile(answers(TASK), (2, 1)), labels)
    assert (nothing["student_accuracy"], nothing["f1"], nothing["lane_fn"]) == (0, 0, 1)
    assert TASK.evaluated(np.tile(answers(TASK), (2, 1)), None)["f1"] is None


def test_agreement_is_the_f1_on_what_was_asked():
    """The teacher was not asked about the second image; on the first, one lane of two is found."""
    student = np.stack([answers(TASK, (1, 1, 1)), answers(TASK)])
    teacher = np.stack([answers(TASK, (1, 1, 1), (6, 6, 6)), np.full(TASK.length, NAN, np.float32)])
    found = TASK.compared(student, teacher)
    np.testing.assert_allclose(found["agreement"], 2 / 3)
    assert TASK.compared(student, None)["agreement"] is None


def test_words_and_drawing():
    """A lane at 4 is drawn at column 36 of an image enlarged 9 times: orange 4 pixels wide, and the
    same lane of the second answer blue and 2 wide upon it; no lane leaves the image as it is.
    """
    one, both, none = answers(TASK, (4, 4, 4)), answers(TASK, (4, 4, 4), (8, NAN, 0)), answers(TASK)
    assert [TASK.words(answer, (), 1) for answer in (none, one, both)] == [
        "0 lanes",
        "1 lane",
        "2 lanes",
    ]
    gray = np.full((21, 8, 1), 90, np.uint8)
    plain = TASK.draw(gray, none)
    assert plain.shape == (189, 72, 3) and np.all(plain == 90)
    assert TASK.colours == ("orange", "blue")
    drawn = TASK.draw(gray, one, one)[90]
    changed = np.flatnonzero((drawn != 90).any(-1))
    red, _, blue = drawn[changed].T.astype(int)
    assert 3 <= len(changed) <= 6 and abs(changed.mean() - 36) <= 1
    assert red[0] > blue[0] and red[-1] > blue[-1] and (blue > red).sum() in (2, 3)
    unknown = TASK.draw(gray, np.full(TASK.length, NAN, np.float32), one)[90]
    assert (unknown[36] != 90).any() and (unknown[..., 2] >= unknown[..., 0]).all()


# Code of classifiers, on answers of several groups


def several(seed, count=4):
    """Answers of random distributions, ``float32[M, Y]``, and the same by group."""
    by_group = np.random.default_rng(seed).dirichlet(np.ones(6), (count, 9)).astype(np.float32)
    return by_group.reshape(count, -1), by_group


def network():
    return build("row_anchor_half", TASK.length, (24, 32, 3), groups=TASK.groups)


def test_probabilities_are_a_softmax_of_each_group():
    logits = np.random.default_rng(0).normal(size=(2, TASK.length)).astype(np.float32)
    split = np.exp(logits.reshape(2, 9, 6))
    wanted = (split / split.sum(-1, keepdims=True)).reshape(2, -1)
    np.testing.assert_allclose(network().probabilities(logits), wanted, rtol=1e-5)


def test_the_entropy_of_an_answer_is_the_sum_over_its_groups():
    rows, by_group = several(1)
    wanted = -(by_group * np.log(by_group)).sum((-1, -2))
    np.testing.assert_allclose(devices.each(uncertainty.entropy, rows), wanted, rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_loss_is_the_mean_over_the_groups(temperature):
    soft, (rows, by_group) = losses.LOSSES["soft"], several(2)
    logits = np.random.default_rng(3).normal(size=rows.shape).astype(np.float32)
    grouped = losses.by_group(soft, 9)
    for z, y, each in zip(logits, rows, by_group, strict=True):
        split = zip(z.reshape(9, 6), each, strict=True)
        wanted = np.mean([soft.of(a, b, temperature) for a, b in split])
        np.testing.assert_allclose(grouped.of(z, y, temperature), wanted, rtol=1e-5)
        same = jnp.log(y)
        np.testing.assert_allclose(
            grouped.of(same, y, temperature), grouped.least(y, temperature), rtol=1e-4
        )
    assert losses.by_group(soft, 1) is soft


def test_best_classes_and_confidence_are_those_of_each_group():
    rows, by_group = several(4)
    images = np.zeros((4, 24, 32, 3), np.uint8)
    data = training_set.make(images, real_records(4), rows, capacity=4)
    training = Training(network=network(), recipe=Recipe(), data=data, count=4, stream=(0, 0))
    best = _from_best_classes(training).data.answers.reshape(4, 9, 6)
    np.testing.assert_array_equal(best.argmax(-1), by_group.argmax(-1))
    np.testing.assert_array_equal(best.sum(-1), np.ones((4, 9)))
    np.testing.assert_allclose(_confidence(rows, 9), by_group.max(-1).mean(-1), rtol=1e-6)


def test_a_task_is_a_value():
    assert dataclasses.replace(TASK) == TASK and hash(TASK) == hash(dataclasses.replace(TASK))
    assert jax.jit(TASK.gap)(answers(TASK, (1, 1, 1)), answers(TASK, (3, 3, 3))) == 2
