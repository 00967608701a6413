"""The cascade's curve, worked by hand."""

import numpy as np
import pytest

from amkd.reporting import cascade, cascade_part, interval

# Confidence .9, .8, .8, .6, .5; the teacher says class 0 but for the images at .6 and one at .8.
STUDENT = np.array([[0.6, 0.4], [0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.8, 0.2]], np.float32)
TEACHER = np.array([[0, 1], [1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
ONE, TWO, THREE = (float(np.float32(value)) for value in (0.9, 0.8, 0.6))


def test_worked_numbers():
    points = cascade.curve(STUDENT, TEACHER, price=0.02)
    # Alone at .9: right. Then both at .8 together, one of them wrong; then .6, wrong; then .5.
    assert [point.threshold for point in points] == [None, ONE, TWO, THREE, 0.5]
    assert [point.local for point in points] == pytest.approx([0, 0.2, 0.6, 0.8, 1])
    assert [point.agreement for point in points] == pytest.approx([1, 1, 0.8, 0.6, 0.6])
    # Five images at .02: 1,000 cost 20 if the teacher answers all.
    assert [point.cost for point in points] == pytest.approx([20, 16, 8, 4, 0])
    # Wilson for 4 of 5: (0.8 + .384146) / 1.768292 -+ 1.96 sqrt(.032 + .038415) / 1.768292.
    assert points[2].low == pytest.approx(0.375535, abs=1e-5)
    assert points[2].high == pytest.approx(0.963773, abs=1e-5)


def test_the_widest_point_of_an_agreement():
    points = cascade.curve(STUDENT, TEACHER)
    assert cascade.widest(points, 0.95).threshold == ONE
    assert cascade.widest(points, 0.8).threshold == TWO
    assert cascade.widest(points, 0.1).threshold == 0.5
    # Five images cannot show an agreement of .95: 5 of 5 have a lower end of 5 / (5 + z^2) = .5655.
    assert cascade.widest(points, 0.95, surely=True) is None
    assert cascade.widest(points, 0.56, surely=True).threshold == ONE


def test_images_that_the_teacher_was_not_asked_about_are_left_out():
    missing = np.full((2, 2), np.nan, np.float32)
    more = np.array([[1, 0], [0.55, 0.45]], np.float32)
    points = cascade.curve(np.concatenate([more, STUDENT]), np.concatenate([missing, TEACHER]))
    assert points == cascade.curve(STUDENT, TEACHER)
    assert cascade.curve(more, missing) == []
    assert cascade.summary(more, missing, price=0, wanted=0.5) is None
    assert cascade.summary(more, None, price=0, wanted=0) is None


def test_images_without_a_class_are_passed_on_and_paid_for():
    """Two more images, of which the teacher names none of the classes: both are the last that the
    student would answer.
    """
    unnamed, unsure = np.full((2, 2), 0.5, np.float32), np.full((2, 2), 0.5, np.float32)
    given = np.concatenate([STUDENT, unsure]), np.concatenate([TEACHER, unnamed])
    points, without = cascade.curve(*given, price=0.07), cascade.curve(STUDENT, TEACHER)
    assert [point[2:5] for point in points] == [point[2:5] for point in without]  # the agreement
    # Seven images at .07: 1,000 cost 70 if the teacher answers all, and 10 for each of the seven.
    assert [point.local for point in points] == pytest.approx([0, 1 / 7, 3 / 7, 4 / 7, 1])
    assert [point.cost for point in points] == pytest.approx([70, 60, 40, 30, 0])
    told = cascade.summary(*given, price=0, wanted=0)
    assert (told["images"], told["named"]) == (7, 5)
    text = "".join(cascade_part.parts(told, ""))
    assert "measured on 7 images" in text and "For 2 of them the teacher names no class" in text
    assert cascade.curve(unsure, unnamed) == []


def test_it_is_the_slow_definition():
    rng = np.random.default_rng(3)
    student = rng.dirichlet(np.ones(4), 200).round(2).astype(np.float32)
    teacher = rng.dirichlet(np.ones(4), 200).astype(np.float32)
    points = cascade.curve(student, teacher, price=1)
    agreements = [point.agreement for point in points]
    assert agreements == sorted(agreements, reverse=True)
    for point in points[1:]:
        alone = student.max(-1) >= np.float32(point.threshold)
        says = np.where(alone, student.argmax(-1), teacher.argmax(-1))
        assert point.local == pytest.approx(alone.mean())
        assert point.agreement == pytest.approx((says == teacher.argmax(-1)).mean())
        assert point.cost == pytest.approx(1000 * (~alone).mean())
        assert (point.low, point.high) == interval.wilson(point.agreement, 200)
    few = cascade.thinned(points)
    assert 15 < len(few) <= 21 and few[0] == points[0] and few[-1] == points[-1]


def test_the_page_has_curve_and_thresholds():
    told = cascade.summary(STUDENT, TEACHER, price=0.02, wanted=0.8)
    assert told["images"] == told["named"] == 5 and len(told["points"]) == 5
    text = "".join(cascade_part.parts(told, "USD"))
    assert "names no class" not in text
    assert text.count('<svg class="chart"') == 1 and text.count("<polygon") == 1
    assert "threshold 0.8000; the student answers 60.00%, 8 USD for 1,000 images." in text
    assert "at or above 80.00%: no threshold; more evaluation images" in text
    assert "<td>37.6 to 96.4</td><td>8</td>" in text
    assert not list(cascade_part.parts(None, ""))
    free = cascade.summary(STUDENT, TEACHER, price=0, wanted=0)
    assert free["wanted"] is None
    assert "cost" not in "".join(cascade_part.parts(free, ""))
