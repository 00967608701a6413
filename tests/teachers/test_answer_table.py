"""Answers in the rows of tables: in which columns they may stand, and what is refused."""

from typing import Any

import numpy as np
import pytest

from amkd.config.teacher_answers import Form
from amkd.core.errors import UserError
from amkd.teachers.answer_table import AnswerTable

NAMES = ("cat", "dog", "eel")


def read(
    cells: dict[str, Any], form: str = "probabilities", alone: bool = True, **labels: int
) -> list[float] | None:
    found = AnswerTable(NAMES, labels, Form(form=form), alone=alone).read(cells)
    if found is None:
        return None
    assert found.dtype == np.float32
    return [round(score, 4) for score in found.astype(float).tolist()]


@pytest.mark.parametrize(
    "cells",
    [
        {"score:cat": "0.5", "score:eel": "0.3", "score:dog": "0.2"},
        {"score:cat": "50%", "score:dog": " 20% ", "score:eel": 0.3},
        {"cat": "0.5", "dog": "0.2", "eel": "0.3", "path": "x.png"},
        {"p0": "0.5", "p1": "0.2", "p2": "0.3"},
        {"scores": [0.5, 0.2, 0.3]},
        {"scores": "[0.5, 0.2, 0.3]"},
        {"scores": {"dog": 0.2, "cat": 0.5, "eel": 0.3}},
        {"scores": [0.5, 0.2, 0.3], "class": "eel"},  # scores tell more than a class
    ],
)
def test_scores_of_all_classes(cells: dict[str, Any]) -> None:
    assert read(cells) == [0.5, 0.2, 0.3]


def test_classes() -> None:
    assert read({"answer": "Dog"}, "label") == [0, 1, 0]
    assert read({"class": "hound"}, "label", hound=1) == [0, 1, 0]
    assert read({"class": 2}, "label") == [0, 0, 1]
    assert str(read({"answer": "eel", "score": "0.7"}, "top_k")) == "[nan, nan, 0.7]"
    assert str(read({"score:dog": "1", "score:cat": ""}, "scores")) == "[nan, 1.0, nan]"


@pytest.mark.parametrize(
    "cells",
    [{"path": "x"}, {"answer": ""}, {"class": None}, {"scores": ""}, {"score:cat": "", "cat": "1"}],
)
def test_rows_without_an_answer(cells: dict[str, Any]) -> None:
    assert read(cells) is None


def test_a_table_of_images_has_other_columns_beside_its_answers() -> None:
    """There, class is the true label, and cat may be anything."""
    for cells in ({"class": "cat"}, {"cat": "1", "dog": "0", "eel": "0"}, {"p0": 1}):
        assert read(cells, "label", alone=False) is None
    assert read({"answer": "cat", "class": "dog"}, "label", alone=False) == [1, 0, 0]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"answer": "cat"}, "names a class without a score, but config.teacher.answers.form="),
        ({"answer": "bee", "score": 1}, "'bee', which is not a class"),
        ({"score:bee": 1}, "the column 'score:bee' does not name a class"),
        ({"score:cat": "much"}, "'much' is not a score"),
        ({"score:cat": "nan"}, "'nan' is not a score"),
        ({"scores": [0.5, 0.5]}, "contains 2 scores, but there are 3 classes"),
        ({"scores": "0.5;0.5"}, "its scores are not JSON"),
    ],
)
def test_what_is_no_answer(cells: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(cells)
