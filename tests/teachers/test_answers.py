"""Answers: what counts as one, what it is read as, and what is said of one that is none."""

import math
from collections.abc import Callable

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

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


def read(row: list[float], form: Form) -> list[float]:
    """One good row as probabilities."""
    rows = np.array([row], np.float32)
    assert answers.faults(rows, form) == [""]
    return answers.probabilities(rows, form)[0].tolist()


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
    """A number that is no class's is a row of zeros, which is then a fault."""
    found = raw(told, "label", images=2)
    assert found.dtype == np.float32
    assert found.tolist() == rows
    said = answers.faults(found, Form("label"))
    assert [bool(words) for words in said] == [not any(row) for row in rows]


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
        with pytest.raises(answers.BadAnswer, match=r"shape \(3,\) instead of \(3, 3\)"):
            raw([0, 2, 1], form, images=3)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (good(5, 4), "shape (5, 4) instead of (5, 3)"),
        (good(4, 3), "shape (4, 3) instead of (5, 3)"),
        (good()[0], "shape (3,) instead of (5, 3)"),
        (good()[None], "shape (1, 5, 3)"),
        (np.zeros((5, 1)), "shape (5, 1)"),
        (None, "shape ()"),
        ([["a"] * 3] * 5, "no numbers"),
        ([[1.0], [0.5, 0.5]], "no numbers"),
        ({"p": 1}, "no numbers"),
    ],
)
@pytest.mark.parametrize("form", answers.FORMS)
def test_what_is_no_answer_is_told_of(told: object, said: str, form: str) -> None:
    with pytest.raises(answers.BadAnswer) as caught:
        raw(told, form)
    assert said in str(caught.value)
    assert "teacher my teacher answered" in str(caught.value)
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

    with pytest.raises(answers.BadAnswer, match=r"my teacher answered no numbers: use detach\(\)"):
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


@pytest.mark.parametrize(
    ("row", "form", "remedy"),
    [
        ([1, 2, 3], "probabilities", "--config.teacher.answers.form"),
        ([-1, 2, 3], "probabilities", "--config.teacher.answers.form"),
        ([NAN, 2, 3], "probabilities", "class probabilities, one row per image"),
        ([NAN, 2, 3], "logits", "finite logits, one row per image"),
        ([1, 2, 3], "top_k", "scores between 0 and 1, and NaN where it gives none"),
        ([1, 2, 3], "percentages", "percentages or shares that sum to 100 or 1 up to rounding"),
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


# What a row is read as: numbers by hand.


def test_probabilities_are_left_alone() -> None:
    rows = good(20)
    rows[0] = [0.2, 0.3, 0.5009]
    assert answers.probabilities(rows, Form()).tobytes() == rows.tobytes()


@pytest.mark.parametrize(
    ("row", "temperature", "wanted"),
    [
        ([0, math.log(3)], 1, [0.25, 0.75]),
        ([0, math.log(9)], 2, [0.25, 0.75]),
        ([0, math.log(3)], 0.5, [0.1, 0.9]),
        ([7, 7], 1, [0.5, 0.5]),
        ([1000, 1000 + math.log(3)], 1, [0.25, 0.75]),
        ([3e38, -3e38], 1, [1, 0]),
        ([-3e38, -3e38], 3, [0.5, 0.5]),
        ([0, 1], 1e6, [0.5, 0.5]),
        ([0, 1], 1e-3, [0, 1]),
    ],
)
def test_logits_are_read_by_a_softmax(
    row: list[float], temperature: float, wanted: list[float]
) -> None:
    assert read(row, Form("logits", temperature=temperature)) == pytest.approx(wanted, abs=2e-5)


@pytest.mark.parametrize(
    ("row", "k", "wanted"),
    [
        ([0.7, NAN, NAN, NAN], 1, [0.7, 0.1, 0.1, 0.1]),
        ([NAN, NAN, 0.7, NAN], 1, [0.1, 0.1, 0.7, 0.1]),
        ([0.7, 0.2, 0.06, 0.04], 1, [0.7, 0.1, 0.1, 0.1]),  # cut down to the form
        ([0.4, 0.1, 0.3, NAN, 0.0], 3, [0.4, 0.1, 0.3, 0.1, 0.1]),
        ([0.4, 0.1, 0.3, NAN, NAN], 3, [0.4, 0.1, 0.3, 0.1, 0.1]),
        ([0.6, NAN, NAN, NAN, NAN], 3, [0.6, 0.1, 0.1, 0.1, 0.1]),  # fewer are told than k
        ([0.6, 0, NAN, NAN, NAN], 2, [0.6, 0, 0.4 / 3, 0.4 / 3, 0.4 / 3]),  # told to be 0
        ([0.6, 0, 0.4, 0, 0], 3, [0.6, 0, 0.4, 0, 0]),
        ([0.5, 0.3, 0.2], 3, [0.5, 0.3, 0.2]),
        ([0.5, 0.3, 0.2], 9, [0.5, 0.3, 0.2]),
        ([0.3, 0.3, 0.3, 0.1], 1, [0.3, 0.7 / 3, 0.7 / 3, 0.7 / 3]),  # of equals, the first
        ([0.1, 0.3, 0.3, 0.3], 2, [0.2, 0.3, 0.3, 0.2]),
        ([0.6, 0.4005, NAN], 2, [0.6 / 1.0005, 0.4005 / 1.0005, 0]),  # nothing is left for the rest
        ([1.0005, NAN, NAN], 1, [1, 0, 0]),
        ([0.5, 0.4, NAN, 0.0], 4, [0.5, 0.4, 0.1, 0]),
        ([0.5, 0.4], 2, [0.5 / 0.9, 0.4 / 0.9]),  # no class is left to take the rest
        ([0.1, NAN, NAN], 1, [1 / 3, 1 / 3, 1 / 3]),  # none of the rest ranks above the highest
        ([NAN, 0.1, 0.2, NAN], 2, [0.2 / 0.7, 0.1 / 0.7, 0.2 / 0.7, 0.2 / 0.7]),
    ],
)
def test_top_scores_are_kept_and_the_rest_is_spread(
    row: list[float], k: int, wanted: list[float]
) -> None:
    assert read(row, Form("top_k", top_k=k)) == pytest.approx(wanted, abs=1e-7)


def test_of_many_equal_scores_the_first_are_kept() -> None:
    row = [0.0, *[0.03, 0.0, 0.03] * 15]  # 30 of 46
    places = np.flatnonzero(row)[:3]
    wanted = np.where(np.isin(np.arange(46), places), 0.03, 0.91 / 43)
    assert read(row, Form("top_k", top_k=3)) == pytest.approx(wanted.tolist(), abs=1e-7)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ([20, 30, 50], [0.2, 0.3, 0.5]),
        ([33, 33, 33], [1 / 3] * 3),
        ([33, 34, 34], [33 / 101, 34 / 101, 34 / 101]),
        ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
        ([0.33, 0.33, 0.33], [1 / 3] * 3),
        ([0.34, 0.34, 0.33], [34 / 101, 34 / 101, 33 / 101]),
        ([66.4, 33.4, 0.2], [66 / 99, 33 / 99, 0]),  # cut down to whole percent
        ([0.664, 0.334, 0.002], [66 / 99, 33 / 99, 0]),
        ([100, 0, 0], [1, 0, 0]),
        ([1, 0, 0], [1, 0, 0]),
    ],
)
def test_percentages_are_rounded_and_made_to_sum_to_1(
    row: list[float], wanted: list[float]
) -> None:
    assert read(row, Form("percentages")) == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ([0, 1, 0], [0, 1, 0]),
        ([0.2, 0.3, 0.5], [0, 0, 1]),
        ([-3, -2, -1], [0, 0, 1]),
        ([-1, -1, -3], [1, 0, 0]),
        ([NAN, -1, NAN], [0, 1, 0]),
    ],
)
def test_labels_are_read_as_certainty(row: list[float], wanted: list[float]) -> None:
    assert read(row, Form("label")) == wanted


def test_what_is_read_does_not_touch_what_is_kept() -> None:
    for form in answers.FORMS:
        rows = np.array([row for row, said in CASES[form] if not said], np.float32)
        kept = rows.copy()
        answers.probabilities(rows, Form(form))
        assert rows.tobytes() == kept.tobytes()
        assert answers.probabilities(rows[:0], Form(form)).shape == (0, 3)


# What a row is read as: a plain reference, one row at a time.


def plain_softmax(row: list[float], form: Form) -> list[float]:
    odds = [math.exp((value - max(row)) / form.temperature) for value in row]
    return [value / sum(odds) for value in odds]


def plain_top_k(row: list[float], form: Form) -> list[float]:
    told = {place: value for place, value in enumerate(row) if not math.isnan(value)}
    ranks = sorted(told, key=lambda place: (-told[place], place))
    kept = {place: told[place] for place in ranks[: form.top_k]}
    rest = len(row) - len(kept)
    share = min(max(1 - sum(kept.values()), 0) / rest, max(kept.values())) if rest else 0
    spread = [kept.get(place, share) for place in range(len(row))]
    return [value / sum(spread) for value in spread]


def plain_percentages(row: list[float], form: Form) -> list[float]:
    whole = 1 if sum(row) <= 2 else 100
    rounded = [round(100 / whole * value) for value in row]
    return [value / sum(rounded) for value in rounded]


def plain_label(row: list[float], form: Form) -> list[float]:
    highest = max(value for value in row if not math.isnan(value))
    return [float(place == row.index(highest)) for place in range(len(row))]


def plain_probabilities(row: list[float], form: Form) -> list[float]:
    return row


PLAIN: dict[str, Callable[[list[float], Form], list[float]]] = {
    "probabilities": plain_probabilities,
    "logits": plain_softmax,
    "top_k": plain_top_k,
    "percentages": plain_percentages,
    "label": plain_label,
}


def float32s(lowest: float, highest: float) -> st.SearchStrategy[float]:
    return st.floats(lowest, highest, width=32)


@st.composite
def some_rows(draw: st.DrawFn, form: str) -> np.ndarray:
    """Rows of any quality, many of them good: ``float32[M, Y]``."""
    classes, count = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    values = {
        "logits": float32s(-(2.0**100), 2.0**100)
        | float32s(-8, 8)
        | st.sampled_from([0.0, 1.0, NAN, INF]),
        "label": float32s(-8, 8) | st.sampled_from([0.0, 0.0, 1.0, NAN, NAN, INF]),
    }.get(form, float32s(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    rows = np.array(
        draw(
            st.lists(
                st.lists(values, min_size=classes, max_size=classes), min_size=count, max_size=count
            )
        )
    )
    if form in ("logits", "label"):
        return rows.astype(np.float32)
    if draw(st.booleans()):
        rows = rows / np.maximum(rows.sum(-1, keepdims=True), 1e-30)
    if form == "percentages":
        rows = draw(st.sampled_from([1, 100])) * rows
        rows = np.rint(rows) if draw(st.booleans()) else rows
    if form == "top_k":
        rows[
            np.array(draw(st.lists(st.booleans(), min_size=rows.size, max_size=rows.size))).reshape(
                rows.shape
            )
        ] = NAN
    return (rows * draw(st.sampled_from([1, 1, 1, 1.0009, 0.9991, 1.01, -1]))).astype(np.float32)


@pytest.mark.parametrize("name", answers.FORMS)
@hypothesis.settings(max_examples=150)
@hypothesis.given(data=st.data())
def test_every_good_row_is_read_as_the_plain_reference_does(name: str, data: st.DataObject) -> None:
    """And as a distribution of the same arg-max; whatever else is a fault."""
    form = Form(name, data.draw(st.sampled_from([0.1, 1.0, 4.0])), data.draw(st.integers(1, 9)))
    rows = data.draw(some_rows(name))
    fine = [place for place, said in enumerate(answers.faults(rows, form)) if not said]
    found = answers.probabilities(rows[fine], form)
    assert found.dtype == np.float32
    assert found.shape == (len(fine), rows.shape[-1])
    for row, probabilities in zip(
        rows[fine].astype(np.float64), found.astype(np.float64), strict=True
    ):
        assert probabilities.tolist() == pytest.approx(
            PLAIN[name](row.tolist(), form), rel=1e-6, abs=1e-7
        )
        assert np.isfinite(probabilities).all()
        assert probabilities.min() >= 0
        assert abs(probabilities.sum() - 1) <= (
            1e-6 if name != "probabilities" else 1.001e-3
        )  # which keep their bits
        assert probabilities[np.nanargmax(row)] == probabilities.max()


@pytest.mark.parametrize("name", answers.FORMS)
@hypothesis.given(
    row=st.lists(st.integers(0, 1000), min_size=2, max_size=30).filter(any),
    top_k=st.integers(1, 30),
)
def test_sound_probabilities_have_no_fault_in_any_form(
    name: str, row: list[int], top_k: int
) -> None:
    """A teacher that tells all is cut down to any form; below 50 classes even to whole percent."""
    rows = np.array([row], np.float32) / np.float32(sum(row))
    form = Form(name, top_k=top_k)
    assert answers.faults(rows, form) == [""]
    found = answers.probabilities(rows, form)
    assert found[0, rows[0].argmax()] == found.max()


@hypothesis.given(
    row=st.lists(
        float32s(-(2.0**127), 2.0**127) | st.sampled_from([NAN, INF, -INF, 0.0]),
        min_size=1,
        max_size=6,
    ),
    name=st.sampled_from(answers.FORMS),
)
def test_no_row_is_too_wild_to_be_judged(row: list[float], name: str) -> None:
    rows = np.array([row], np.float32)
    (said,) = answers.faults(rows, Form(name))
    if not said:
        assert np.isfinite(answers.probabilities(rows, Form(name))).all()
    assert "nan" not in said
    assert "{" not in said


@hypothesis.given(
    told=st.lists(
        st.integers(-3, 12) | float32s(-3, 12).filter(lambda value: value % 1 != 0),
        min_size=1,
        max_size=9,
    )
)
def test_labels_are_what_was_told(told: list[float]) -> None:
    rows = raw(told, "label", images=len(told), classes=10)
    for number, row, said in zip(told, rows, answers.faults(rows, Form("label")), strict=True):
        assert (said == "") == (number in range(10))
        if not said:
            assert (
                answers.probabilities(row[None], Form("label"))[0].tolist()
                == np.eye(10)[int(number)].tolist()
            )
