"""The form of a few answers is found, for rows whose form is known."""

import numpy as np
import pytest

from amkd.planning import answer_form

NO = np.nan


@pytest.mark.parametrize(
    ("rows", "form", "said"),
    [
        ([[0, 1, 0], [1, 0, 0]], "label", "a hard label only"),
        ([[0.123456789, 0.876543211], [0.4, 0.6]], "probabilities", "whose sum is 1"),
        ([[2.5, -1.0, 0.3]], "logits", "negative"),
        ([[0.5, NO, 0.25], [NO, 0.9, NO]], "top_k", "1 to 2 of 3 classes"),
        ([[0.9, NO, 0.8], [NO, 0.9, 0.7]], "scores", "independent scores of 2 of 3 classes"),
        ([[0.9, 0.8, 0.0]], "scores", "independent scores of all classes"),
        ([[45, 35, 20]], "percentages", "whose sum is 100"),
        ([[45.0, 35.2, 19.8]], "scores", "whose sum is 100, with decimal digits"),
        ([[45, 35, 20], [99.7, 0.2, 0.1]], "scores", "whose sum is 100, with decimal digits"),
        ([[93.0, NO, 5.0]], "scores", "teacher.json.scale=0.01"),
        ([[7.0, 3.0, 2.0]], "scores", "perhaps logits"),
    ],
)
def test_the_form_is_found(rows, form, said):
    found = answer_form.find(np.array(rows, np.float32))
    assert found.form == form
    assert said in found.text
    assert found.silent == 0


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[0.93, 0.07], [0.5, 0.5]], "to 2 decimal digits"),
        ([[0.9, 0.1]], "to 1 decimal digit"),
        ([[45, 35, 20]], "to 0 decimal digits"),
        ([[0.9937, 0.0063]], "to 4 decimal digits"),
        ([[1 / 3, 2 / 3]], "none found"),
        ([[0, 1]], "nothing to round"),
        (np.float16([[1 / 3, 2 / 3]]), "half precision"),
    ],
)
def test_rounding_is_found(rows, said):
    assert said in answer_form.find(np.array(rows, np.float32)).rounding


def test_answers_that_name_no_class_are_counted_apart():
    rows = np.array([[1 / 3] * 3, [0.5, 0.25, 0.25]], np.float32)
    found = answer_form.find(rows)
    assert (found.form, found.silent) == ("probabilities", 1)
    assert answer_form.find(rows[:1]).form == ""
