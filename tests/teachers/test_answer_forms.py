"""What a good answer of each form is read as: by hand, and against a plain reference."""

import math
from collections.abc import Callable

import hypothesis
import ml_dtypes
import numpy as np
import pytest
from hypothesis import strategies as st

from amkd.config.teacher_answers import Form
from amkd.teachers import answers
from tests.teachers.test_answers import CASES, good, raw

NAN = float("nan")
INF = float("inf")


def read(row: list[float], form: Form) -> list[float]:
    """One good row as probabilities."""
    rows = np.array([row], np.float32)
    assert answers.faults(rows, form) == [""]
    return answers.probabilities(rows, form)[0].tolist()


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
    ("row", "total"),
    [([0.33, 0.33, 0.33], 0.99), ([0.34, 0.34, 0.33], 1.01), ([0.5, 0.498046875, 0], 0.998046875)],
)
def test_probabilities_that_rounding_left_off_are_divided_by_their_sum(
    row: list[float], total: float
) -> None:
    assert read(row, Form()) == pytest.approx([value / total for value in row], rel=1e-6)


@pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
def test_a_softmax_of_a_short_type_is_no_fault(kind: type, classes: int) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (200, classes)).astype(kind)
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    total = odds.astype(np.float32).sum(-1, keepdims=True).astype(kind)
    told = odds / total
    assert told.dtype == kind
    rows = raw(told, images=200, classes=classes)
    for form in ("probabilities", "top_k"):
        assert set(answers.faults(rows, Form(form))) == {""}
    assert np.abs(answers.probabilities(rows, Form()).sum(-1) - 1).max() <= 1.001e-3


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ([0.9, 0.6, NAN], [0.6, 0.4, 0]),
        ([0.9, 0.9, 0.0], [0.5, 0.5, 0]),
        ([NAN, 0.02, NAN], [0, 1, 0]),
        ([90, 60, 0], [0.6, 0.4, 0]),
        ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
    ],
)
def test_independent_scores_are_divided_by_their_sum(row: list[float], wanted: list[float]) -> None:
    assert read(row, Form("scores")) == pytest.approx(wanted, abs=1e-7)


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


def plain_scores(row: list[float], form: Form) -> list[float]:
    told = [0 if math.isnan(value) else value for value in row]
    return [value / sum(told) for value in told]


def plain_probabilities(row: list[float], form: Form) -> list[float]:
    return [value / sum(row) for value in row] if abs(sum(row) - 1) > 1e-3 else row


PLAIN: dict[str, Callable[[list[float], Form], list[float]]] = {
    "probabilities": plain_probabilities,
    "logits": plain_softmax,
    "top_k": plain_top_k,
    "scores": plain_scores,
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
    if form in ("top_k", "scores"):
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
def test_no_row_is_too_wild_to_be_checked(row: list[float], name: str) -> None:
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
