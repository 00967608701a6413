"""A run whose money is spent ends with a student of what was paid for, and goes on with more."""

import collections
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.export import labelled_set
from amkd.ledger import OutOfMoney
from amkd.reporting import summary_text
from amkd.run import experiment
from amkd.teachers import Teacher
from tests.support import command, faulty_runs
from tests.support.small import configured

PRICE = 0.25
asked: collections.Counter[bytes] = collections.Counter()


def answer(images: np.ndarray) -> np.ndarray:
    asked.update(image.tobytes() for image in images)
    return faulty_runs.truth(images)


def settings(max_cost: float, **fields: Any) -> Settings:
    """30 images in round 0, 30 in each of two more rounds, and 20 for evaluation: 110 in all."""
    chosen = {
        **command.TINY,
        "data.test_images": 20,
        "teacher.price": PRICE,
        "teacher.max_cost": max_cost,
        "train.epochs": 1,
        **fields,
    }
    return configured(**chosen)


def run(folder: Path, max_cost: float, **fields: Any) -> dict[str, Any]:
    chosen = settings(max_cost, **fields)
    return experiment.run(chosen, folder, StopSignal(), teacher=Teacher("answer", answer))


@pytest.fixture(scope="module")
def enough(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The summary of a run without a limit."""
    return run(tmp_path_factory.mktemp("enough") / "run", 0.0)


# The images that the money reaches; the queries and the evaluation images among them.
CASES = [
    pytest.param(10, 10, 0, id="in the middle of round 0"),
    pytest.param(30, 30, 0, id="round 0 and no more"),
    pytest.param(47, 47, 0, id="in the middle of round 1"),
]


@pytest.mark.parametrize(("images", "queries", "evaluations"), CASES)
def test_the_student_learns_from_what_was_paid_for(
    images: int,
    queries: int,
    evaluations: int,
    tmp_path: Path,
    enough: dict[str, Any],
) -> None:
    asked.clear()
    found = run(tmp_path / "run", images * PRICE)
    assert (found["queries"], found["evaluation_queries"]) == (queries, evaluations)
    assert found["cost"] == images * PRICE and asked.total() == images
    early = found["ended_early"]
    assert early["max_cost"] == images * PRICE
    assert early["why"] == (
        f"config.teacher.max_cost={images * PRICE:g} is spent: {queries} of 90 queries and 0 of 20"
        " evaluation images are answered"
    )
    assert early["why"] in summary_text.closing_table(found)
    assert found["student_accuracy"] is not None and found["agreement"] is None
    assert (tmp_path / "run" / "student").exists() and not (tmp_path / "run" / "early").exists()
    labelled = labelled_set.of_run(tmp_path / "run", StopSignal())
    # Round 1 was interrupted by the end of the money, and its answers are paid for all the same.
    assert labelled.rounds.tolist() == [0] * min(queries, 30) + [1] * max(queries - 30, 0)
    for one in labelled.examples():
        assert np.allclose(one.answer, faulty_runs.truth(one.image[None])[0], atol=1e-6)
    # The same command says the same; with more money it goes on, and nothing is asked twice.
    assert run(tmp_path / "run", images * PRICE) == found
    whole = run(tmp_path / "run", 0.0)
    assert whole["ended_early"] is None and set(asked.values()) == {1}
    assert whole["student_sha256"] == enough["student_sha256"]
    assert whole["agreement"] == enough["agreement"] and whole["cost"] == 110 * PRICE
    assert [row["round"] for row in whole["rounds"]] == [0, 1, 2]


def test_evaluation_is_paid_last_and_as_far_as_the_money_reaches(
    tmp_path: Path, enough: dict[str, Any]
) -> None:
    asked.clear()
    found = run(tmp_path / "run", 97 * PRICE)
    assert (found["queries"], found["evaluation_queries"]) == (90, 7)
    assert "7 of 20 evaluation images" in found["ended_early"]["why"]
    assert found["student_sha256"] == enough["student_sha256"]
    assert found["agreement"] is not None and found["teacher_accuracy"] is not None
    assert found["agreement"] * 7 == pytest.approx(round(found["agreement"] * 7))
    # Both sides of the success rate are counted on these 7 images.
    right = found["success_rate"] * found["teacher_accuracy"] * 7
    assert right == pytest.approx(round(right)) and right <= 7
    assert "of 20 images; of the teacher and of agreement, 7" in summary_text.closing_table(found)
    rows = command.rows(tmp_path / "run", "round")
    assert rows[-1]["agreement"] == found["agreement"] and rows[0]["agreement"] is None
    whole = run(tmp_path / "run", 110 * PRICE)
    assert (whole["agreement"], whole["ended_early"]) == (enough["agreement"], None)
    assert set(asked.values()) == {1} and asked.total() == 110


def test_what_is_in_the_ledger_is_not_reserved_for(tmp_path: Path) -> None:
    """Round 0 is answered: 60 queries and 20 evaluation images are left, and paid for."""
    shared = {"ledger.path": tmp_path / "ledger.sqlite"}
    run(tmp_path / "a", 0.0, method="real_only", budget=30, **shared, **{"teacher.evaluate": "no"})
    found = run(tmp_path / "b", 80 * PRICE, **shared)
    assert (found["queries"], found["evaluation_queries"]) == (90, 20)
    assert found["cost"] == 80 * PRICE and found["ended_early"] is None
    assert all(row["agreement"] is not None for row in found["rounds"])


def test_enough_for_all_is_evaluated_from_the_start(enough: dict[str, Any]) -> None:
    assert all(row["agreement"] is not None for row in enough["rounds"])
    assert enough["ended_early"] is None and enough["evaluation_queries"] == 20


@pytest.mark.parametrize("images", [33, 80])
def test_views_that_are_not_all_paid_are_not_compared(images: int, tmp_path: Path) -> None:
    """Of 20 images in 4 views. 33 answers are no whole number of sets of views."""
    found = experiment.run(
        configured(
            **{
                **command.TINY,
                "method": "sskd",
                "train.loss": "sskd",
                "n_real": 20,
                "budget": 80,
                "train.crop": 0,
                "teacher.kind": "flax",
                "teacher.function": "",
                "teacher.images": 100,
                "teacher.train.epochs": 1,
                "teacher.evaluate": "no",
                "teacher.min_accuracy": 0.01,
                "teacher.price": PRICE,
                "teacher.max_cost": images * PRICE,
                "train.epochs": 1,
                "cache_dir": tmp_path / "cache",
            }
        ),
        tmp_path / "run",
        StopSignal(),
    )
    assert found["queries"] == images and found["student_sha256"]
    early = found["ended_early"]
    if images == 80:
        assert early is None
    else:
        assert (
            "33 of 80 queries are answered; the student is trained with loss 'soft'" in early["why"]
        )


def test_without_any_answer_there_is_no_student(tmp_path: Path) -> None:
    with pytest.raises(OutOfMoney, match=r"config\.teacher\.max_cost=0\.1") as caught:
        run(tmp_path / "run", 0.1)
    assert isinstance(caught.value, UserError)


def test_too_few_answers_for_an_assistant_and_what_the_page_shows(tmp_path: Path) -> None:
    """One image makes no mix, so the student learns alone. The page shows the fields of the last
    call, not those of the first.
    """
    helped = {"assistant.model": "lenet5_half", "assistant.mixes": 4, "assistant.train.epochs": 1}
    found = run(tmp_path / "run", PRICE, **helped, **{"report.html": True})
    assert found["queries"] == 1 and "assistant" not in found["rounds"][-1]
    found = run(tmp_path / "run", 2 * PRICE, **helped, **{"report.html": True})
    assert "assistant" in found["rounds"][-1]
    assert found["queries"] == 2 and found["ended_early"]["max_cost"] == 2 * PRICE
    page = (tmp_path / "run" / "report.html").read_text()
    assert f"config.teacher.max_cost={2 * PRICE}" in page
    assert f"config.teacher.max_cost={PRICE} " not in page
