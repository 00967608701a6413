"""Two answers to one image, by hand."""

import numpy as np
import pytest

from amkd.config.teacher_answers import Form
from amkd.teachers.repeated import same

NAN = float("nan")


@pytest.mark.parametrize(
    ("form", "before", "after", "wanted"),
    [
        ("probabilities", (0.7, 0.2, 0.1), (0.7, 0.2, 0.1), True),
        ("probabilities", (0.7, 0.2, 0.1), (0.68, 0.215, 0.105), True),
        ("probabilities", (0.7, 0.2, 0.1), (0.67, 0.23, 0.1), False),
        ("probabilities", (0.98, 0.01, 0.01), (0.94, 0.03, 0.03), False),  # of the same class
        ("logits", (5.0, 1.0, 0.0), (105.0, 101.0, 100.0), True),  # the same softmax
        ("logits", (5.0, 1.0, 0.0), (1.0, 5.0, 0.0), False),
        ("percentages", (71.0, 20.0, 9.0), (70.0, 20.0, 10.0), True),
        ("percentages", (71.0, 20.0, 9.0), (67.0, 24.0, 9.0), False),
        ("scores", (0.9, 0.6, NAN), (1.8, 1.2, 0.0), True),  # the same shares
        ("scores", (0.9, 0.6, NAN), (0.6, 0.9, NAN), False),
        ("top_k", (0.8, 0.1, NAN, NAN), (0.8, 0.1, NAN, NAN), True),
        ("top_k", (0.8, 0.1, NAN, NAN), (0.8, NAN, 0.1, NAN), True),  # as good as equal
        ("top_k", (0.8, 0.1, NAN, NAN), (0.8, 0.1, 0.09, 0.01), True),  # more is told
        ("top_k", (0.8, 0.1, NAN, NAN), (0.6, 0.1, 0.3, NAN), False),
        ("label", (0.0, 1.0, 0.0), (0.0, 1.0, 0.0), True),
        ("label", (0.1, 0.9, NAN), (0.4, 0.6, NAN), True),  # the same class
        ("label", (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), False),
    ],
)
def test_by_hand(form, before, after, wanted):
    rows = np.float32(before), np.float32(after)
    assert same(*rows, Form(form=form)) is wanted
    assert same(*rows[::-1], Form(form=form)) is wanted
