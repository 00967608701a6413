"""Garbage from a teacher costs nothing that was paid for."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from amkd import ledger
from amkd.core.errors import UserError
from amkd.querying.client import DISTILL
from amkd.querying.request_policy import RequestPolicy
from tests.support.scripted_teacher import CLASSES, some_images, truth
from tests.support.spy import Spy, ask, client_of


class Moody:
    """Something that NumPy cannot turn into an array, such as a tensor that needs gradients."""

    def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )


def shaken(images: np.ndarray, value: float) -> np.ndarray:
    answers = truth(images)
    answers[-1, -1] = value
    return answers


def fail(images: np.ndarray) -> np.ndarray:
    raise ConnectionError("the service is down")


GARBAGE: dict[str, Callable[[np.ndarray], object]] = {
    "nan": lambda x: shaken(x, np.nan),
    "inf": lambda x: shaken(x, np.inf),
    "negative": lambda x: truth(x) + np.array([0.5, 0.5, -0.5, -0.5]) * 1.999,
    "not summing to 1": lambda x: truth(x) * 1.01,
    "percent": lambda x: truth(x) * 100,
    "zeros": lambda x: np.zeros((len(x), CLASSES)),
    "logits": lambda x: np.log(truth(x)) + 3,
    "too many classes": lambda x: np.full((len(x), CLASSES + 1), 1 / (CLASSES + 1)),
    "too few classes": lambda x: np.full((len(x), CLASSES - 1), 1 / (CLASSES - 1)),
    "too few rows": lambda x: truth(x)[:-1],
    "too many rows": lambda x: np.concatenate([truth(x), truth(x[:1])]),
    "transposed": lambda x: truth(np.concatenate([x, x]))[:, None],
    "labels": lambda x: truth(x).argmax(-1),
    "one number": lambda x: 0.25,
    "strings": lambda x: [["cat"] * CLASSES for _ in x],
    "none": lambda x: None,
    "nones": lambda x: [[None] * CLASSES for _ in x],
    "ragged": lambda x: [[0.5, 0.5], *([0.25] * 4 for _ in x[1:]), [1.0]],
    "dictionary": lambda x: {"probabilities": truth(x)},
    "tensor with gradients": lambda x: Moody(),
    "exception": fail,
    "user error": lambda x: (_ for _ in ()).throw(UserError("spy: log in first")),
}


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("good", [0, 1, 2], ids="after {} good batches".format)
def test_garbage_costs_nothing_that_was_paid(book: ledger.Ledger, name: str, good: int) -> None:
    """At any moment: the answers before are kept, and a mended teacher is asked for the rest
    only.
    """
    images = some_images(12)
    calls = 0

    def moody(part: np.ndarray) -> object:
        nonlocal calls
        calls += 1
        return truth(part) if calls <= good else GARBAGE[name](part)

    spy = Spy(moody)
    with pytest.raises(UserError) as caught:
        ask(client_of(book, spy, batch=4), images)
    assert "spy" in str(caught.value)  # whose fault it is
    # Of a batch in which one row is garbage, the other three were paid for, and are kept.
    kept = (0, 1, 5)[good] + (3 if good and name in ("nan", "inf") else 0)
    assert book.count("run", DISTILL) == kept
    assert spy.sizes[good:] == [4 if good else 1]  # and stopped there

    mended = Spy()
    answers = ask(client_of(book, mended, budget=12, batch=4), images)
    assert np.array_equal(answers, truth(images))
    before = spy.seen[:kept]
    assert mended.sent(np.stack([image for image in images if image.tobytes() not in before]))
    assert book.count("run", DISTILL) == 12


def test_garbage_is_found_out_by_one_image_however_many_may_be_in_flight(
    book: ledger.Ledger,
) -> None:
    def slow_logits(images: np.ndarray) -> np.ndarray:
        time.sleep(0.05)
        return np.log(truth(images))

    spy = Spy(slow_logits)
    with pytest.raises(UserError, match=r"negative.*config\.teacher\.answers\.form"):
        ask(client_of(book, spy, policy=RequestPolicy(in_flight=4)), some_images(40))
    assert spy.sizes == [1]


def test_a_failing_teachers_own_words_are_passed_on(book: ledger.Ledger) -> None:
    with pytest.raises(
        UserError, match=r"ConnectionError: the service is down.*run the same command"
    ):
        ask(client_of(book, Spy(fail)), some_images(3))


@pytest.mark.parametrize("name", ["lists", "float64", "float16", "nearly 1"])
def test_other_forms_of_good_answers_are_taken(book: ledger.Ledger, name: str) -> None:
    forms: dict[str, Callable[[np.ndarray], object]] = {
        "lists": lambda x: truth(x).tolist(),
        "float64": lambda x: truth(x).astype(np.float64),
        "float16": lambda x: np.full((len(x), CLASSES), 0.25, np.float16),
        "nearly 1": lambda x: truth(x) * np.float32(1.0005),
    }
    answers = ask(client_of(book, Spy(forms[name])), some_images(3))
    assert np.array_equal(answers, np.asarray(forms[name](some_images(3)), np.float32))
