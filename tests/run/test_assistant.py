"""Whole runs with an assistant: what the student learns from, what is asked, and the same bits."""

import contextlib
import json
import sqlite3

import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.core.stopping import Stopped
from amkd.data.records import mixes
from amkd.models.saved_network import load_network
from amkd.run import assistant, training_loop, workdir
from amkd.training import train
from tests.support import command, counting_teacher, whole_run

HELP = {
    "model": "lenet5",
    "mixes": 40,
    "near": 0.25,
    "share": 0.5,
    "views": 2,
    "train.epochs": 3,
    "train.batch_size": 16,
    "train.crop": 1,
}
TINY = {
    **command.RESUMABLE,
    "train.epochs": 3,
    "data.test_images": 20,
    "report.html": False,
    **{f"assistant.{name}": value for name, value in HELP.items()},
}


@pytest.fixture(scope="module")
def trainings():
    """All trainings of the module's first run, in order."""
    return []


@pytest.fixture(scope="module")
def whole(tmp_path_factory, trainings):
    """A run that nobody stopped, and its folder."""
    folder = tmp_path_factory.mktemp("whole")

    def trained(training, **how):
        trainings.append(training)
        return train.train_network(training, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_loop, "train_network", trained)
        return whole_run.run(folder, **TINY), folder


def test_the_ledger_knows_nothing_of_it(whole):
    summary, folder = whole
    assert summary["queries"] == summary["queries_paid"] == 90
    assert len(counting_teacher.asked(folder / "asked.txt")) == 90 + 20
    with contextlib.closing(sqlite3.connect(folder / "run" / "ledger.sqlite")) as book:
        assert book.execute("SELECT COUNT(*) FROM answer").fetchone() == (110,)
        assert book.execute("SELECT COUNT(*) FROM use").fetchone() == (110,)


def test_what_is_told_of_it(whole):
    summary, folder = whole
    told = summary["assistant"]
    wanted = {"model": "lenet5", "mixes": 40, "near": 10, "real_images": 0, "share": 0.5}
    assert {name: told[name] for name in wanted} == wanted
    assert 0 <= told["accuracy"] <= 1 and 0 <= told["agreement"] <= 1
    rounds = command.rows(folder / "run", "round")
    assert ["assistant" in row for row in rounds] == [False, False, True]
    card = json.loads((folder / "run" / "student" / "meta.json").read_text())["meta"]
    assert card["assistant"] == told


def test_the_students_training_set_holds_what_is_said(whole, trainings):
    """Rounds 0 and 1 train a student; round 2 trains the assistant on all 90 answers, and then the
    student on these and on its 40.
    """
    assert [one.count for one in trainings] == [30, 60, 90, 90]
    assert [one.assisted for one in trainings] == [0, 0, 0, 40]
    helper, last = trainings[2:]
    assert helper.stream != last.stream and helper.data.answers.shape == (90, 10)
    assert last.data.answers.shape == (130, 10) and last.assisted_share == 0.5
    for name in ("i", "j", "w", "answers"):
        np.testing.assert_array_equal(getattr(helper.data, name), getattr(last.data, name)[:90])
    fresh = last.data.answers[90:]
    np.testing.assert_allclose(fresh.sum(1), 1, atol=1e-5)
    assert np.all(last.data.i[90:] < last.data.j[90:])
    asked = set(zip(last.data.i[:90].tolist(), last.data.j[:90].tolist(), strict=True))
    pairs = list(zip(last.data.i[90:].tolist(), last.data.j[90:].tolist(), strict=True))
    assert [pair in asked for pair in pairs] == [True] * 10 + [False] * 30


def test_its_answers_are_means_over_views(whole, trainings, monkeypatch):
    """Of a network that answers how bright an image is, on the image itself and a shifted one."""
    seen = []

    def predict(network, variables, images, batch=0):
        seen.append(images)
        light = images.reshape(len(images), -1).mean(1, dtype=np.float32) / 255
        return np.stack([light, 1 - light], 1)

    monkeypatch.setattr(assistant.prediction, "predict", predict)
    data = trainings[3].data
    fresh = assistant.Records(*(column[90:] for column in (data.i, data.j, data.w)))

    class Context:
        settings = whole_run.configured(**TINY)
        data = type("Data", (), {"classes": 2, "shape": (8, 8, 1)})
        stop = whole_run.StopSignal()

        class report:
            @staticmethod
            def bar(*_):
                return contextlib.nullcontext(lambda images: None)

        @staticmethod
        def assistant():
            return None

        @staticmethod
        def mixes(records):
            return mixes(data.images, records)

    found = assistant._answers(Context, None, fresh, 2)
    plain, moved = seen
    np.testing.assert_array_equal(plain, np.concatenate(list(mixes(data.images, fresh))))
    assert not np.array_equal(plain, moved)
    expected = (predict(0, 0, plain) + predict(0, 0, moved)) / 2
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.heavy)])
def test_stopped_anywhere_it_ends_with_the_same_bits(whole, tmp_path, every):
    """Inside the assistant's training, while it answers, and inside the student's training."""
    summary, folder = whole
    looks = 0
    for allowed in range(every, 200, every):
        looks = 0

        def enough(allowed=allowed):
            nonlocal looks
            looks += 1
            return looks > allowed

        try:
            found = whole_run.run(tmp_path, stop=whole_run.WhenTrue(enough), **TINY)
            break
        except Stopped:
            pass
    assert command.without_times(found) == command.without_times(summary)
    own, theirs = (command.rows(one / "run", "epoch") for one in (tmp_path, folder))
    assert command.without_times(own) == command.without_times(theirs)
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) == 90 + 20


def test_the_rounds_before_are_those_of_a_run_without_one(whole, tmp_path):
    """And so are the queries: help in the last round changes only its student."""
    _, folder = whole
    alone = whole_run.run(tmp_path, **TINY | {"assistant.model": ""})
    found, wanted = (command.rows(one / "run", "round") for one in (folder, tmp_path))
    assert [r["student_sha256"] for r in found[:2]] == [r["student_sha256"] for r in wanted[:2]]
    assert found[2]["student_sha256"] != wanted[2]["student_sha256"]
    assert "assistant" not in alone
    assert counting_teacher.asked(folder / "asked.txt") == counting_teacher.asked(
        tmp_path / "asked.txt"
    )


def test_images_that_were_not_asked_about(tmp_path):
    """With labels, of which a pretrained assistant makes probabilities; in every round."""
    fields = {
        "method": "active_labelling",
        "teacher.answers.form": "label",
        "assistant.rounds": "all",
        "assistant.real_images": 25,
        "assistant.near": 0.0,
        "train.epochs": 1,
        "assistant.train.epochs": 1,
        "assistant.weights": "tests.support.first_weights:same",
    }
    found = whole_run.run(tmp_path, **{**TINY, **fields})
    card = load_network(tmp_path / "run" / "student").card
    weights = card["assistant"]["weights"]
    assert card["config"]["assistant.weights"] == weights["source"] == fields["assistant.weights"]
    assert workdir.run_record.read(tmp_path / "run")["weights"] == f",{weights['sha256']}"
    assert found["queries"] == 90
    rounds = command.rows(tmp_path / "run", "round")
    assert [row["assistant"]["real_images"] for row in rounds] == [25] * 3
    assert [row["assistant"]["mixes"] for row in rounds] == [40] * 3
    assert [row["assistant"]["near"] for row in rounds] == [0] * 3


def test_more_images_than_there_are_are_refused_before_any_query(tmp_path):
    fields = {"method": "active_labelling", "assistant.real_images": 5000, "assistant.near": 0.0}
    with pytest.raises(UserError, match=r"config\.assistant\.real_images=5000: digits has"):
        whole_run.run(tmp_path, **{**TINY, **fields})
    with pytest.raises(UserError, match="model 'alexnet' takes images of at least 15"):
        whole_run.run(tmp_path, **{**TINY, "assistant.model": "alexnet"})
    assert not (tmp_path / "asked.txt").exists()


@pytest.mark.heavy
def test_through_the_command_line_and_onto_the_page(tmp_path):
    """With a teacher of labels."""
    fields = {"report.html": True, "report.plots": False, "teacher.answers.form": "label"}
    line = command.arguments(tmp_path / "run", **{**TINY, **fields})
    done = command.run(line, command.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    told = (
        "lenet5 answered 40 fresh mixes, without a query; they make up 50% of each of the student's"
    )
    assert f"assistant            {told} batches" in done.stdout
    page = (tmp_path / "run" / "report.html").read_text()
    assert "answered by the assistant lenet5 (no queries)" in page and "40 fresh mixes" in page
    assert command.summary(tmp_path / "run")["queries"] == 90


@pytest.mark.heavy
def test_a_run_whose_money_ends_in_a_round_has_an_assistant(tmp_path):
    fields = {"teacher.price": 1.0, "teacher.max_cost": 47.0, "teacher.evaluate": "no"}
    found = whole_run.run(tmp_path, **{**TINY, **fields})
    assert found["queries"] == 47 and found["ended_early"]
    assert found["assistant"]["mixes"] == 40 and found["assistant"]["near"] == 10
