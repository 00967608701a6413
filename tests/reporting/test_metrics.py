"""Accuracy, agreement and success rate."""

import numpy as np
import pytest

from amkd.reporting import metrics

STUDENT = np.array([(0.7, 0.2, 0.1), (0.1, 0.5, 0.4), (0.3, 0.3, 0.4), (0.2, 0.6, 0.2)])
TEACHER = np.array([(0.4, 0.3, 0.3), (0.1, 0.4, 0.5), (0.0, 0.1, 0.9), (0.5, 0.4, 0.1)])


def test_accuracy_counts_the_most_probable_class():
    assert metrics.accuracy(STUDENT, np.array([0, 1, 2, 0])) == 0.75
    assert metrics.accuracy(STUDENT, np.array([1, 0, 0, 0])) == 0
    assert metrics.accuracy(STUDENT, np.array([0, 1, 2, 1])) == 1


def test_agreement_compares_classes_and_not_probabilities():
    assert metrics.agreement(STUDENT, TEACHER) == 0.5
    assert metrics.agreement(TEACHER, STUDENT) == 0.5
    assert metrics.agreement(STUDENT, STUDENT**2) == 1


def test_divergence_by_hand():
    """.5 ln(.5/.25) + .5 ln(.5/.75), and ln 2 where the teacher is certain: .143841 and .693147."""
    teacher = np.array([[0.5, 0.5], [1.0, 0.0]], np.float32)
    student = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
    assert metrics.divergence(student, teacher) == pytest.approx(
        (0.143841 + 0.693147) / 2, abs=1e-6
    )
    assert metrics.divergence(teacher, teacher) == pytest.approx(0, abs=1e-7)
    assert np.isfinite(metrics.divergence(teacher[::-1], teacher))
    assert (
        metrics.divergence(student, None) is None
        and metrics.divergence(student[:0], teacher[:0]) is None
    )


def test_agreement_with_certain_labels_is_accuracy():
    labels = np.array([0, 2, 2, 1])
    assert (
        metrics.agreement(STUDENT, np.eye(3)[labels]) == metrics.accuracy(STUDENT, labels) == 0.75
    )


@pytest.mark.parametrize(
    ("student", "teacher", "percent"), [(74.60, 83.07, 89.80), (98.77, 99.34, 99.43)]
)
def test_success_rate_of_published_rows(student, teacher, percent):
    assert round(100 * metrics.success_rate(student, teacher), 2) == percent


def test_figures_are_plain_floats():
    assert type(metrics.accuracy(STUDENT, np.zeros(4, int))) is float
    assert type(metrics.agreement(STUDENT, TEACHER)) is float


def test_what_cannot_be_measured_is_none():
    assert metrics.accuracy(STUDENT, None) is None
    assert metrics.accuracy(None, np.array([0])) is None
    assert metrics.accuracy(np.empty((0, 3)), np.empty(0, int)) is None
    assert metrics.agreement(STUDENT, None) is None
    assert metrics.agreement(np.empty((0, 3)), np.empty((0, 3))) is None
    assert metrics.success_rate(None, 0.9) is None
    assert metrics.success_rate(0.9, None) is None
    assert metrics.success_rate(0.9, 0.0) is None


def test_a_student_on_the_images_that_the_teacher_answered() -> None:
    """The second image is left out: the student is right on one of the two others."""
    none = np.full(2, np.nan)
    teacher = np.float32([[0.9, 0.1], none, [0.2, 0.8]])
    student = np.float32([[0.6, 0.4], [0.3, 0.7], [0.7, 0.3]])
    found = metrics.where_answered(student, teacher)
    assert metrics.accuracy(found, np.array([0, 1, 1])) == 0.5
    assert metrics.accuracy(student, np.array([0, 1, 1])) == pytest.approx(2 / 3)
    assert metrics.where_answered(student, None) is None


def test_images_that_the_teacher_was_not_asked_about_are_left_out() -> None:
    teacher = TEACHER.copy()
    teacher[1:3] = np.nan
    asked = [0, *range(3, len(TEACHER))]
    assert metrics.answered(teacher) == len(asked) and metrics.answered(None) == 0
    assert metrics.agreement(STUDENT, teacher) == metrics.agreement(STUDENT[asked], TEACHER[asked])
    assert metrics.divergence(STUDENT, teacher) == metrics.divergence(
        STUDENT[asked], TEACHER[asked]
    )
    labels = np.arange(len(TEACHER)) % 3
    assert metrics.accuracy(teacher, labels) == metrics.accuracy(TEACHER[asked], labels[asked])
    assert metrics.agreement(STUDENT, np.full_like(TEACHER, np.nan)) is None
