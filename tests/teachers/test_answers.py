"""Answers: what counts as one, and what is said of one that is none."""

import numpy as np
import pytest

from amkd.config.teacher_answers import Form
from amkd.core.errors import UserError
from amkd.teachers import answers

NAN = float("nan")
INF = float("inf")


def good(count: int = 5, classes: int = 3) -> np.ndarray:
    """Probabilities, ``float32[count, classes]``."""
    return np.random.default_rng(0).dirichlet(np.ones(classes), count).astype(np.float32)


def raw(told: object, form: str = "probabilities", images: int = 5, classes: int = 3) -> np.ndarray:
    return answers.raw(told, images=images, classes=classes, form=Form(form), identity="my teacher")


def fault(row: list[float], form: str = "probabilities") -> str:
    return answers.faults(np.array([row], np.float32), Form(form))[0]


# What comes, as rows.


def test_rows_keep_their_bits() -> None:
    told = good()
    told[0] = [1, 0, 0]
    told[1] = [1e-45, 1 - 1e-7, 1e-7]
    told[2] = [NAN, -INF, -0.0]
    for form in answers.FORMS:
        rows = raw(told, form)
        assert rows.dtype == np.float32
        assert rows.tobytes() == told.tobytes()


@pytest.mark.parametrize("form", answers.FORMS)
def test_other_types_become_float32(form: str) -> None:
    for told in (good().astype(np.float64), good().tolist(), [list(row) for row in good()]):
        rows = raw(told, form)
        assert rows.dtype == np.float32
        assert np.array_equal(rows, good())
    assert np.array_equal(raw([[0, 1, 0]], form, images=1), np.float32([[0, 1, 0]]))
    assert np.array_equal(raw([["0.5", "1e-3", "2"]], form, images=1), np.float32([[0.5, 1e-3, 2]]))


@pytest.mark.parametrize("form", answers.FORMS)
def test_none_is_nan_and_what_float32_cannot_hold_is_infinity(form: str) -> None:
    rows = raw([[None, 1e300, -1e300]], form, images=1)
    assert np.isnan(rows[0, 0])
    assert rows[0, 1:].tolist() == [INF, -INF]


@pytest.mark.parametrize(
    ("told", "rows"),
    [
        ([2, 0], [[0, 0, 1], [1, 0, 0]]),
        (np.array([1, 2], np.uint8), [[0, 1, 0], [0, 0, 1]]),
        ([1.0, 2.0], [[0, 1, 0], [0, 0, 1]]),
        ([True, False], [[0, 1, 0], [1, 0, 0]]),
        (["1", "2"], [[0, 1, 0], [0, 0, 1]]),
        ([3, 1], [[0, 0, 0], [0, 1, 0]]),
        ([-1, 1], [[0, 0, 0], [0, 1, 0]]),
        ([1.5, 1], [[0, 0, 0], [0, 1, 0]]),
        ([NAN, INF], [[0, 0, 0], [0, 0, 0]]),
        ([None, 1], [[0, 0, 0], [0, 1, 0]]),
        ([2**70, 1], [[0, 0, 0], [0, 1, 0]]),
    ],
)
def test_class_numbers_are_rows_of_one_1(told: object, rows: list[list[int]]) -> None:
    """A number that is not a class's is a row of zeros, which is then a fault."""
    found = raw(told, "label", images=2)
    assert found.dtype == np.float32
    assert found.tolist() == rows
    said = answers.faults(found, Form("label"))
    assert [bool(words) for words in said] == [not any(row) for row in rows]


@pytest.mark.parametrize("form", ["label", "any"])
@pytest.mark.parametrize("told", [[[2], [0]], np.array([[2], [0]], np.float64)])
def test_class_numbers_in_a_column_are_read_without_it(told: object, form: str) -> None:
    assert raw(told, form, images=2).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_a_column_is_the_score_of_the_only_class() -> None:
    assert raw([[2], [0]], "any", images=2, classes=1).tolist() == [[2], [0]]


@pytest.mark.parametrize("form", ["probabilities", "logits", "top_k", "scores", "percentages"])
def test_class_numbers_in_a_column_get_the_right_advice(form: str) -> None:
    with pytest.raises(answers.BadAnswer, match=r"shape \(2, 1\) instead .*form=label"):
        raw([[2], [0]], form, images=2)


@pytest.mark.parametrize("classes", [127, 128, 200, 256, 257, 1000])
@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.float16])
def test_narrow_class_numbers_do_not_wrap_around(kind: type, classes: int) -> None:
    """-1 as int8 is not class 255, nor is the mark of what is out of range a class."""
    told = np.array([-1, 0, 100, 127], np.int64).astype(kind)
    rows = raw(told, "label", images=4, classes=classes)
    assert rows.shape == (4, classes)
    for number, row in zip(told.tolist(), rows, strict=True):
        wanted = [int(number)] if 0 <= number < classes else []
        assert np.flatnonzero(row).tolist() == wanted


def test_as_many_images_as_classes_are_not_mistaken_for_a_row() -> None:
    assert raw([0, 2, 1], "label", images=3).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    for form in set(answers.FORMS) - {"label"}:
        with pytest.raises(
            answers.BadAnswer, match=r"shape \(3,\) instead of \(3, 3\).*form=label"
        ):
            raw([0, 2, 1], form, images=3)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (good(5, 4), "shape (5, 4) instead of (5, 3)"),
        (good(4, 3), "shape (4, 3) instead of (5, 3)"),
        (good()[0], "shape (3,) instead of (5, 3)"),
        (good()[None], "shape (1, 5, 3)"),
        (np.full((5, 1), 0.5), "shape (5, 1)"),
        (None, "shape ()"),
        ([["a"] * 3] * 5, "did not answer with numbers"),
        ([[1.0], [0.5, 0.5]], "did not answer with numbers"),
        ({"p": 1}, "did not answer with numbers"),
    ],
)
@pytest.mark.parametrize("form", answers.FORMS)
def test_what_is_no_answer_is_told_of(told: object, said: str, form: str) -> None:
    with pytest.raises(answers.BadAnswer) as caught:
        raw(told, form)
    assert said in str(caught.value)
    assert "teacher my teacher " in str(caught.value)
    assert isinstance(caught.value, UserError)
    if "shape" in said:
        assert str(answers.explain("", Form(form), "my teacher")).split(": ", 1)[1] in str(
            caught.value
        )
        assert "number of classes" in str(caught.value)


def test_an_array_type_that_raises_is_told_of() -> None:
    class Tensor:
        def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
            raise RuntimeError("use detach()")

    with pytest.raises(answers.BadAnswer, match=r"did not answer with numbers: use detach\(\)"):
        raw(Tensor())


# What is wrong with a row.

PROBABILITIES = [
    ([0.2, 0.3, 0.5], ""),
    ([1, 0, 0], ""),
    ([0.2, 0.3, 0.5009], ""),
    ([0.2, 0.3, 0.4991], ""),
    ([0.2, 0.3, 0.502], "probabilities that sum to 1.002 and not to 1"),
    ([0.2, 0.3, 0.498], "probabilities that sum to 0.998 and not to 1"),
    ([20, 30, 50], "probabilities that sum to 100 and not to 1"),
    ([0, 0, 0], "probabilities that sum to 0 and not to 1"),
    ([1.5, -0.5, 0], "-0.5, which is negative"),
    ([-1e-20, 0.5, 0.5], "-1e-20, which is negative"),
    ([0.5, NAN, 0.5], "NaN or infinity"),
    ([INF, -INF, NAN], "NaN or infinity"),
    ([3e38, 3e38, 0], "probabilities that sum to 6e+38 and not to 1"),
    ([0.33, 0.33, 0.33], ""),  # rounded to two digits
    ([0.34, 0.34, 0.33], ""),
    ([0.33, 0.33, 0.32], "probabilities that sum to 0.98 and not to 1"),
    ([0.3333, 0.3333, 0.3329], ""),
    ([0.33333, 0.33333, 0.332], "probabilities that sum to 0.99866 and not to 1"),
    ([0.3, 0.3, 0.3], "probabilities that sum to 0.9 and not to 1"),
    ([0.5, 0.498046875, 0], ""),  # of bfloat16 or float16
    ([0.5, 0.4921875, 0], ""),
    ([0.5, 0.490234375, 0], "probabilities that sum to 0.990234 and not to 1"),
    ([0.5, 0.49755859375, 0], ""),  # of float16
    ([0.5, 0.4951171875, 0], "probabilities that sum to 0.995117 and not to 1"),
    ([0.5, 0.497559, 0], "probabilities that sum to 0.997559 and not to 1"),  # of neither
]
LOGITS = [
    ([-3, 20, 0], ""),
    ([0, 0, 0], ""),
    ([3e38, -3e38, 0], ""),
    ([NAN, 1, 1], "NaN or infinity"),
    ([1, INF, 1], "NaN or infinity"),
    ([1, -INF, 1], "NaN or infinity"),
]
TOP_K = [
    ([0.7, NAN, NAN], ""),
    ([0.7, 0.2, NAN], ""),
    ([0.7, 0, 0], ""),
    ([0.2, 0.3, 0.5], ""),
    ([0.7, 0.3009, NAN], ""),
    ([0.7, 0.302, NAN], "scores that sum to 1.002, more than 1"),
    ([70, 20, NAN], "scores that sum to 90, more than 1"),
    ([NAN, NAN, NAN], "no score at all"),
    ([NAN, 0, NAN], "no score above 0"),
    ([0, 0, 0], "no score above 0"),
    ([0.7, -0.1, NAN], "-0.1, which is negative"),
    ([INF, NAN, 0], "NaN or infinity"),
    ([-INF, NAN, INF], "NaN or infinity"),
    ([0.34, 0.34, 0.33], ""),  # rounded to two digits
    ([0.51, 0.5, NAN], ""),
    ([0.52, 0.5, NAN], "scores that sum to 1.02, more than 1"),
    ([0.335, 0.334, 0.332], ""),
    ([0.336, 0.334, 0.332], "scores that sum to 1.002, more than 1"),
    ([0.7, 0.4, NAN], "scores that sum to 1.1, more than 1"),
    ([0.5, 0.505859375, NAN], "scores that sum to 1.00586, more than 1"),
    ([0.5, 0.50390625, NAN], ""),  # of bfloat16
    ([0.9, 0.8, NAN], "scores that sum to 1.7, more than 1"),
]
SCORES = [
    ([0.9, 0.8, 0.1], ""),
    ([0.9, NAN, NAN], ""),
    ([0, 0.02, NAN], ""),
    ([90, 80, 10], ""),
    ([0.2, 0.3, 0.5], ""),
    ([NAN, NAN, NAN], "no score at all"),
    ([NAN, 0, 0], "no score above 0"),
    ([0.9, -0.1, 0.1], "-0.1, which is negative"),
    ([INF, NAN, 0], "NaN or infinity"),
]
PERCENTAGES = [
    ([20, 30, 50], ""),
    ([33, 33, 33], ""),  # 99, as thirds are
    ([34, 34, 33], ""),  # 101
    ([0.2, 0.3, 0.5], ""),
    ([0.33, 0.33, 0.33], ""),
    ([0.34, 0.34, 0.33], ""),
    ([100, 0, 0], ""),
    ([1, 0, 0], ""),
    ([33.4, 33.3, 33.3], ""),
    ([33, 33, 32], "percentages that sum to 98"),
    ([34, 34, 34], "percentages that sum to 102"),
    ([0.5, 0.5, 0.5], "percentages that sum to 1.5"),
    ([2, 3, 5], "percentages that sum to 10"),
    ([0, 0, 0], "percentages that sum to 0"),
    ([101, -1, 0], "-1, which is negative"),
    ([50, NAN, 50], "NaN or infinity"),
    ([50, INF, 50], "NaN or infinity"),
]
LABEL = [
    ([0, 1, 0], ""),
    ([0.2, 0.3, 0.5], ""),
    ([-3, -2, -1], ""),  # logits
    ([NAN, -1, NAN], ""),
    ([0, 0, 0], "a class number out of range, or scores of 0 only"),
    ([NAN, 0, NAN], "a class number out of range, or scores of 0 only"),
    ([NAN, NAN, NAN], "no score at all"),
    ([INF, 0, 0], "NaN or infinity"),
]
CASES = {
    "probabilities": PROBABILITIES,
    "logits": LOGITS,
    "top_k": TOP_K,
    "scores": SCORES,
    "percentages": PERCENTAGES,
    "label": LABEL,
}


@pytest.mark.parametrize(
    ("form", "row", "said"), [(form, *case) for form, cases in CASES.items() for case in cases]
)
def test_faults_are_put_in_words(form: str, row: list[float], said: str) -> None:
    assert fault(row, form) == said


@pytest.mark.parametrize("form", answers.FORMS)
def test_every_row_has_its_own_fault(form: str) -> None:
    """Together they are what they are alone, in any order."""
    cases = CASES[form] + CASES[form][::-1]
    rows = np.array([row for row, _ in cases], np.float32)
    kept = rows.copy()
    assert answers.faults(rows, Form(form)) == [said for _, said in cases]
    assert rows.tobytes() == kept.tobytes()
    assert answers.faults(rows[:0], Form(form)) == []


def test_many_classes_may_be_off_by_a_half_each() -> None:
    classes = 40
    row = [100.0 - classes, *[0.0] * (classes - 1)]
    assert (
        fault([row[0] + 20.5, *row[1:]], "percentages") == ""
    )  # 80.5 of 100, 39 of them rounded from below 0.5
    assert fault([row[0] + 19.0, *row[1:]], "percentages") == "percentages that sum to 79"
    assert fault([0.1] * 1000, "percentages") == "percentages that all round to 0"
    assert fault([0.001] * 1000, "percentages") == "percentages that all round to 0"


def test_rounding_does_not_explain_everything() -> None:
    """Not half a unit for each of very many scores: these are independent."""
    assert fault([0.02] * 54 + [0.01], "top_k") == ""  # 1.09
    assert fault([0.02] * 56, "top_k") == "scores that sum to 1.12, more than 1"


@pytest.mark.parametrize(
    ("row", "form", "remedy"),
    [
        ([1, 2, 3], "probabilities", "--config.teacher.answers.form"),
        ([-1, 2, 3], "probabilities", "--config.teacher.answers.form"),
        ([NAN, 2, 3], "probabilities", "class probabilities, one row per image"),
        ([NAN, 2, 3], "logits", "finite logits, one row per image"),
        ([1, 2, 3], "top_k", "scores between 0 and 1, whose sum is at most 1"),
        ([0.9, 0.8, 0], "top_k", "config.teacher.answers.form='scores'"),
        ([-1, 2, 3], "scores", "scores of at least 0, and NaN for a class without"),
        ([1, 2, 3], "percentages", "percentages or shares that sum to 100 or 1"),
        ([0, 0, 0], "label", "one class number per image, or one row of scores"),
    ],
)
def test_a_fault_is_explained_with_its_remedy(row: list[float], form: str, remedy: str) -> None:
    said = fault(row, form)
    error = answers.explain(said, Form(form), "my teacher")
    assert isinstance(error, UserError)
    assert str(error).startswith(f"teacher my teacher answered {said}: it must answer ")
    assert remedy in str(error)
    hinted = form == "probabilities" and "NaN" not in said
    assert ("--config" in str(error)) == hinted
