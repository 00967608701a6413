"""Reliability by hand: bins, intervals, Brier scores."""

import numpy as np
import pytest

from amkd.reporting import calibration, interval, metrics
from amkd.reporting.calibration import Answers

# Confidence .95, .95, .95, .95 (three right), and .55 (wrong).
SURE = np.array([[0.95, 0.05]] * 4 + [[0.45, 0.55]], np.float32)
RIGHT = np.array([0, 0, 0, 1, 0])


def test_bins_by_hand():
    low, high = calibration.reliability(Answers("student", SURE, RIGHT))
    assert (low.x, low.y) == (pytest.approx(0.55), 0.0)
    assert (high.x, high.y) == (pytest.approx(0.95), 0.75)
    assert (high.low, high.high) == interval.wilson(0.75, 4)


def test_brier_scores_by_hand():
    found = metrics.brier_scores(SURE, RIGHT)
    # .05^2 + .05^2; and where the label is the other class .95^2 + .95^2; and .55^2 + .55^2.
    assert found == pytest.approx([0.005, 0.005, 0.005, 1.805, 0.605], abs=1e-6)


def test_calibration_needs_labels_or_else_the_teacher():
    """ECE: 4/5 |.75 - .95| + 1/5 |0 - .55| = .27; the mean of the Brier scores is .485."""
    by_hand = {"calibration_error": pytest.approx(0.27), "brier_score": pytest.approx(0.485)}
    assert metrics.calibration(SURE, RIGHT, None) == by_hand
    # The teacher was not asked about the first image: 3/4 |2/3 - .95| + 1/4 |0 - .55| = .35.
    teacher = np.eye(2, dtype=np.float32)[RIGHT]
    teacher[0] = np.nan
    asked = {"calibration_error": pytest.approx(0.35), "brier_score": pytest.approx(0.605)}
    assert metrics.calibration(SURE, None, teacher) == asked
    assert metrics.calibration(SURE, RIGHT, teacher) == by_hand
    nothing = {"calibration_error": None, "brier_score": None}
    assert metrics.calibration(SURE, None, None) == nothing
    assert metrics.calibration(SURE, None, np.full_like(teacher, np.nan)) == nothing


def test_the_interval_of_a_mean_by_hand():
    # Mean 2, deviation 1 of three: 2 -+ 1.96 / sqrt 3.
    assert interval.mean(np.array([1.0, 2.0, 3.0])) == pytest.approx((0.8684, 3.1316), abs=1e-4)
    assert interval.mean(np.array([4.0])) == (4.0, 4.0)


def test_part_of_a_page():
    text = "".join(calibration.parts([Answers("student", SURE, RIGHT)], labels=True))
    # ECE: 4/5 |.75 - .95| + 1/5 |0 - .55| = .27; the mean of the Brier scores is .485.
    assert "<td>student</td><td>0.2700</td><td>0.4850</td>" in text
    assert "student: 75.0%, 95% interval 30.1 to 95.4, at 95.0%" in text
    none = Answers("student", SURE[:0], RIGHT[:0])
    assert list(calibration.parts([none], labels=True)) == []
