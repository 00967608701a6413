"""The plan: its figures by hand, and against what the run then asks and spends."""

import dataclasses
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger, teachers
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet, draw_real
from amkd.planning import cost as costs
from amkd.planning import report, workload
from amkd.querying import client
from amkd.run import experiment, inputs
from amkd.run.facts import facts_of_run
from amkd.synthesis import impressions, pseudo_examples
from tests.support import command, counting_teacher
from tests.support.small import configured

STOP = StopSignal()
# Round 0 teaches next to nothing here; only what is asked matters.
SHORT = {**command.PRICED, "train.epochs": 1}


def figures(text):
    """The first number of every line, by the words before it."""
    found = (re.match(r"([a-z ]+?)  +(?:about )?([\d,.]+)", line) for line in text.splitlines())
    return {line[1]: float(line[2].replace(",", "")) for line in found if line}


def facts_of(settings, drawable=400, labelled=True):
    return facts_of_run(settings, drawable=drawable, labelled=labelled)


def cost(total, evaluation_queries, both, held, price, currency):
    return costs.Cost(
        total=total,
        evaluation_queries=evaluation_queries,
        both=both,
        held=held,
        price=price,
        currency=currency,
    )


def cost_of(settings, data, known):
    facts = inputs.facts_of(settings, data)
    return costs.cost_of(settings, data, facts=facts, known=known, held=costs.Held())


def data_of(pool, test):
    """An unnamed data set of 10 classes."""
    none = pool[:0], np.empty(0, np.int32)
    return DataSet("digits", 10, *none, pool, test, np.zeros(len(test), np.int32))


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1), np.uint8)


# By hand.


def test_cost():
    bill = cost(90, 60, 2, costs.Held(images=20, mixes=8, spent=1.5), 0.25, "EUR")
    assert (bill.held.answers, bill.to_send, bill.amount) == (28, 120, 30.0)
    assert cost(90, 0, 0, costs.Held(), 0.0, "EUR").amount == 0


@pytest.mark.parametrize(
    ("work", "speed", "told"),
    [
        (0, 5, "about 0 seconds at 5 a second"),
        (119, 1, "about 119 seconds at 1 a second"),
        (120, 1, "about 2 minutes at 1 a second"),
        (7199, 1, "about 120 minutes at 1 a second"),
        (7_200_000, 1000, "about 2 hours at 1,000 a second"),
        (2 * 86400, 1, "about 2 days at 1 a second"),
    ],
)
def test_lasts(work, speed, told):
    assert report._lasts(work, speed) == told


@pytest.mark.parametrize(
    ("fields", "evaluations", "trained"),
    [
        ({}, (435 + 405) * 3, (30 + 60 + 90) * 8),
        ({"search.max_pairs": 100, "search.lam_count": 5}, (100 + 70) * 5, (30 + 60 + 90) * 8),
        ({"method": "random_mixup"}, 0, (30 + 60 + 90) * 8),
        ({"search.minimiser": "refined"}, (435 + 405) * 5, (30 + 60 + 90) * 8),
        (
            {"search.minimiser": "screened", "search.evaluations": 3},
            (435 + 405) * 3,
            (30 + 60 + 90) * 8,
        ),
        # 40 steps of 16 images: 20 epochs over 30 images, 10 over 60, and over 90 the 8 that are
        # asked for.
        ({"train.min_steps": 40}, (435 + 405) * 3, 20 * 30 + 10 * 60 + 8 * 90),
    ],
    ids=["all pairs", "some pairs", "random", "refined", "screened, but small", "least steps"],
)
def test_work(fields, evaluations, trained):
    config = configured(**{**command.TINY, **fields})
    data, known = data_of(noise(30), noise(2)), noise(30)
    facts = inputs.facts_of(config, data)
    plan = report.Plan(
        given=config,
        settings=config,
        facts=facts,
        data=data,
        teacher=None,
        known=known,
        cost=cost_of(config, data, known),
    )
    speed = workload.Speed(100.0, 10.0, 2**20)
    lines = [*report._work(plan, speed), *report._rounds(plan, speed)]
    text = "\n".join(lines)
    assert (
        f"search evaluations   {evaluations:,} (" in text
        and f"training             {trained:,} images (" in text
    )
    assert (
        "memory               about 60 MiB" in text
    )  # 30 activations of 1 MiB, on host and device
    table = [re.split(r"  +", line) for line in text.split("round ")[1].splitlines()[1:]]
    assert [row[:2] for row in table] == [["0", "30"], ["1", "60"], ["2", "90"]]
    assert table[0][2] == "0 seconds"  # nothing is searched before there is a student


def told_of_images(fields):
    """What the plan of a tiny run says of images that are left, of 400."""
    known, data = noise(30), data_of(noise(400), noise(2))
    given = configured(**{**command.TINY, **fields})
    config = inputs.with_real_count(given, data)
    plan = report.Plan(
        given=given,
        settings=config,
        facts=inputs.facts_of(config, data),
        data=data,
        teacher=None,
        known=known,
        cost=cost_of(config, data, known),
    )
    text = "\n".join(report._queries(plan))
    in_rounds = given.method == "active_labelling"
    share = "about as many as in each later round" if in_rounds else "as many as the budget allows"
    assert (f"(n_real=0: {share})" in text) == (given.n_real == 0)
    assert (" real_only: the real images use" in text) == (config.method != given.method)
    return re.search(r"unused real images +(\d+);.*\n.*\n.* set --config\.(\w+)=(\w+)", text)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"method": "random_mixup"},
        {"method": "pastes"},
        {"budget": 400},
        {"budget": 460},  # more money than images
    ],
)
def test_images_that_are_left_are_told_and_the_remedy_works(fields):
    found = told_of_images(fields)
    assert found and found.groups() == ("370", "n_real", "0")
    assert told_of_images({**fields, "n_real": 0}) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "active_labelling"},  # it asks about them
        {"method": "active_labelling", "n_real": 0},
        {"method": "real_only", "budget": 30},  # the money ends with the real images
        {"data.real": "fashion_mnist"},  # not measured
        {"n_real": 400, "budget": 460},  # none is left
    ],
)
def test_no_images_are_told(fields):
    assert told_of_images(fields) is None


def test_an_assistants_work_by_hand():
    """90 answers in the last round: 4 passes train it, and it answers 100 mixes in 3 views each.
    The student's batches of 16 have 8 of its images: 8 passes of ceil(90 / 8) = 12 steps.
    """
    fields = {"model": "lenet5", "mixes": 100, "views": 3, "train.epochs": 4, "train.crop": 1}
    given = {f"assistant.{name}": value for name, value in fields.items()}
    config = configured(**{**command.TINY, **given})
    data = data_of(noise(30), noise(2))
    facts = inputs.facts_of(config, data)
    plan = report.Plan(
        given=config,
        settings=config,
        facts=facts,
        data=data,
        teacher=None,
        known=noise(30),
        cost=cost_of(config, data, noise(30)),
    )
    speed = workload.Speed(100.0, 10.0, 2**20, assistant_trained=2.0, assistant_answers=5.0)
    text = "\n".join([*report._work(plan, speed), *report._rounds(plan, speed)])
    for line in (
        f"training             {(30 + 60 + 90 + 8 * 12) * 8:,} images",
        "assistant            lenet5, in the last round; it answers 100 fresh mixes,",
        "which make up 50% of each of the student's batches, without a query",
        "assistant training   360 images (about 3 minutes at 2 a second)",
        "assistant answers    300 images (about 60 seconds at 5 a second)",
    ):
        assert line in text, text
    # (90 + 96) * 8 images at 10 a second, 360 at 2, and 300 at 5: 389 seconds.
    assert text.endswith(" 6 minutes")
    assert plan.cost.total == 90
    every = facts_of(configured(**{**command.TINY, **given, "assistant.rounds": "all"})).rounds
    assert [one.assistant_trained for one in every] == [4 * 30, 4 * 60, 4 * 90]
    assert [one.assistant_trained for one in facts.rounds] == [0, 0, 360]
    assert [one.share for one in facts.rounds] == [0.0, 0.0, 0.5]


def test_cached_features_by_hand():
    """Of 2 views of the 90 images that are asked about and of 100 mixes of an assistant, and of the
    2 evaluation images.
    """
    cached = {
        **{"student": "lenet5_half", "student_weights": "tests.support.first_weights:same"},
        **{"train.freeze": "backbone", "train.views": 2, "train.crop": 1},
    }
    given = {"assistant.model": "lenet5", "assistant.mixes": 100}
    data, computed, held = data_of(noise(30), noise(2)), [], []
    for fields in (cached, {**cached, **given}):
        config = configured(**{**command.TINY, **fields})
        facts = inputs.facts_of(config, data)
        computed.append(workload.features_computed(config, facts, data))
        for size in (0, 2**20):
            speed = workload.Speed(1.0, 1.0, 1, features=1.0, feature_bytes=size)
            held.append(workload.memory(config, facts, data, speed=speed, shown=0))
    assert computed == [2 * 90 + 2, 2 * (90 + 100) + 2]
    assert [held[1] - held[0], held[3] - held[2]] == [3 * 90 * 2**20, 3 * 190 * 2**20]


def test_rounds_by_hand():
    """435 pairs and then 405, at 3 lambdas; 8 epochs over 30, 60 and 90 records."""
    rounds = facts_of(configured(**command.TINY)).rounds
    found = [(one.queries, one.evaluations, one.trained) for one in rounds]
    assert found == [(30, 0, 240), (60, 1305, 480), (90, 1215, 720)]


def test_a_screened_round_by_hand():
    """124,750 pairs, k = 1,000: two evaluations for all, five for a tenth of them and for 12 /
    (1000 * .5) of them.
    """
    fields = {
        "n_real": 500,
        "budget": 1500,
        "rounds": 1,
        "search.minimiser": "screened",
        "search.recall": 0.5,
    }
    (_, one) = facts_of(configured(**{**command.TINY, **fields}), 500).rounds
    assert one.evaluations == 2 * 124_750 + 5 * (12_475 + 2_994)


def test_images_that_occur_twice_are_sent_once(tmp_path):
    """6 real images, of which 4 differ; 3 for evaluation, of which 2 differ, 1 of them real."""
    some = noise(5)
    data = data_of(some[[0, 1, 2, 3, 3, 0]], some[[3, 4, 4]])
    config = configured(
        **{**command.TINY, "n_real": 6, "budget": 9, "rounds": 1, "teacher.price": 0.5}
    )
    real = draw_real(data, 6, config.seed)
    bill = cost_of(config, data, real)
    assert (bill.total, bill.evaluation_queries, bill.both) == (4 + 3, 2, 1)
    assert (bill.to_send, bill.amount) == (5 + 3, 4.0)

    sent = []

    def answer(batch):
        sent.extend(batch)
        return np.full((len(batch), 10), 0.1)

    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    query_client = client.QueryClient(
        teacher=teachers.Teacher("t", answer), ledger=book, run="run", budget=9, classes=10, batch=8
    )
    client.ask(
        query_client, data.test_images, client.EVALUATE, round_=0, progress=lambda count: None
    )
    client.ask(query_client, real, client.DISTILL, round_=0, progress=lambda count: None)
    assert len(sent) == bill.to_send - 3
    assert book.count("run", client.DISTILL) == bill.total - 3
    book.close()


def test_no_evaluation_images_unless_the_teacher_is_asked_about_them():
    data = data_of(noise(30), noise(7, 1))
    for evaluate, evaluation in (("yes", 7), ("no", 0), ("auto", 0)):
        config = configured(**{**command.TINY, "teacher.evaluate": evaluate})
        found = cost_of(config, data, data.pool_images)
        assert (found.total, found.evaluation_queries) == (90, evaluation)


def test_checks_of_the_sentinel_that_were_made_are_not_planned_again():
    """Half of 110 images are answered, and 3 of 5 checks are made: 55 and 2 are left."""
    half = dataclasses.replace(
        cost(110, 0, 0, costs.Held(images=55, checked=3), 1.0, "USD"), again=5
    )
    assert half.to_send == 57
    done = dataclasses.replace(half, held=costs.Held(images=110, checked=9))
    assert done.to_send == 0


def test_what_is_spent_counts_against_the_limit():
    config = configured(**{**command.PRICED, "teacher.max_cost": 10.0})
    exactly = cost(36, 0, 0, costs.Held(spent=1.0), 0.25, "USD")
    assert costs.shortage(config, exactly) == ""
    told = costs.shortage(config, cost(37, 0, 0, costs.Held(spent=1.0), 0.25, "USD"))
    assert "max_cost=10: 37 images at 0.25 cost 9.25 USD, and 1.00 are already spent" in told
    assert "The limit pays for 36 of them" in told


def test_a_plan_with_too_little_money_is_a_whole_plan(tmp_path):
    fields = {**command.PRICED, "teacher.max_cost": 10.0}
    text = report.report(configured(**fields), tmp_path / "run", STOP)
    assert "warning: config.teacher.max_cost=10: " in text and "pays for 40 of them" in text
    assert re.search(r"^training +", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("fields", "queries"),
    [
        # 4 impressions of 3 steps at most; 30 real images of one step.
        ({"method": "zskd", "budget": 12, "zskd.copies": 2, "zskd.steps": 50}, 4 * 3),
        ({"method": "zskd", "budget": 12, "zskd.copies": 2, "zskd.steps": 2}, 4 * 2),
        ({"method": "fskd", "n_real": 30, "budget": 60, "fskd.steps": 3}, 30),
    ],
)
def test_gradient_queries_are_timed(fields, queries, monkeypatch):
    """As many as are told are made; a clock that moves by a second a call, and first calls are left
    out.
    """
    config, data = configured(**{"student": "lenet5_half", **fields}), data_of(noise(30), noise(2))
    spent = []
    make_impressions, climb = impressions.make_impressions, pseudo_examples.climb

    def impressing(network, variables, answers, *, steps, **more):
        spent.append(len(answers) * steps)
        return make_impressions(network, variables, answers, steps=steps, **more)

    def climbing(reference, target, images, *, steps, **more):
        spent.append(len(images) * steps)
        return climb(reference, target, images, steps=steps, **more)

    monkeypatch.setattr(impressions, "make_impressions", impressing)
    monkeypatch.setattr(pseudo_examples, "climb", climbing)
    monkeypatch.setattr(workload, "_TIMED", 1.5)
    monkeypatch.setattr(workload.time, "perf_counter", itertools.count().__next__)
    # The clock is looked at when it starts, after no call and after one; at 2 it is over.
    assert (
        workload._gradients_per_second(config, inputs.facts_of(config, data), data, noise(30))
        == queries / 2
    )
    assert spent == [queries] * 2


# Against the run.


def test_fresh_run_through_the_command_line(tmp_path, tiny_run):
    line = command.arguments(tmp_path / "run", **command.PRICED)
    told = command.run([*line, "--mode=plan"], command.environment(tmp_path))
    assert told.returncode == 0, told.stderr
    assert list(tmp_path.iterdir()) == []  # no workdir, no ledger, and nothing asked
    found, summary = figures(told.stdout), command.summary(tiny_run / "run")
    assert found["queries"] == summary["queries"] == 90
    assert found["evaluation queries"] == summary["evaluation_queries"] == 60
    assert found["to be sent"] == len(counting_teacher.asked(tiny_run / "asked.txt")) == 150
    assert found["cost"] == summary["cost"] == 37.5
    assert (found["real images"], found["pairs"], found["in the ledger"]) == (30, 435, 0)
    assert "rounds               2 after round 0, of k = 30, 30" in told.stdout
    assert found["search evaluations"] == 2520 and found["training"] == 360


def test_half_done_run_and_another_that_shares_its_ledger(tmp_path, monkeypatch):
    log, shared = tmp_path / "asked.txt", tmp_path / "shared.sqlite"
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(log))
    monkeypatch.setattr(workload, "measure", lambda *_: workload.Speed(1.0, 1.0, 1))
    first = configured(**{**SHORT, "ledger.path": shared})

    monkeypatch.setenv("COUNTING_TEACHER_FAILS", "100")  # in round 1
    with pytest.raises(UserError, match="the service is down"):
        experiment.run(first, tmp_path / "first", STOP)
    monkeypatch.delenv("COUNTING_TEACHER_FAILS")
    asked = len(counting_teacher.asked(log))
    assert 90 < asked < 100
    spends_what_it_says(first, tmp_path / "first", shared, log, known=asked, sent=150 - asked)
    # It is finished.
    assert figures(report.report(first, tmp_path / "first", STOP))["to be sent"] == 0

    # The same real and evaluation images; its lambdas are others, and so are all its mixes.
    others = {"search.lam_low": 0.9, "search.lam_high": 0.95, "rounds": 1}
    second = configured(**{**SHORT, "ledger.path": shared, **others})
    spends_what_it_says(second, tmp_path / "second", shared, log, known=90, sent=60)


def test_the_sentinel_is_planned_and_paid(tmp_path, monkeypatch):
    """Three rounds of 1, 8, 8, 8 and 5 images, 3 checks each; 60 for evaluation in 9 batches, 5."""
    log = tmp_path / "asked.txt"
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(log))
    monkeypatch.setattr(workload, "measure", lambda *_: workload.Speed(1.0, 1.0, 1))
    shared = tmp_path / "shared.sqlite"
    watched = {"ledger.path": shared, "teacher.batch": 8, "teacher.sentinel": 2}
    config = configured(**{**SHORT, **watched})
    spends_what_it_says(config, tmp_path / "run", shared, log, known=0, sent=164)
    told = report.report(config, tmp_path / "run", STOP)
    assert "sentinel queries     14 at most (one after every 2 batches" in told
    assert figures(told)["to be sent"] == 0  # of the finished run
    summary = command.summary(tmp_path / "run")
    assert (summary["queries"], summary["sentinel_queries"]) == (90, 14)
    assert summary["cost"] == 41.0


def spends_what_it_says(config, folder, shared, log, known, sent):
    """A plan, and then the run: both send so many images, at so much."""
    asked, spent = len(counting_teacher.asked(log)), total_spent(shared)
    told = report.report(config, folder, STOP)
    found = figures(told)
    assert len(counting_teacher.asked(log)) == asked
    assert (found["in the ledger"], found["to be sent"], found["cost"]) == (
        known,
        sent,
        sent * 0.25,
    )
    summary = experiment.run(config, folder, STOP)
    assert len(counting_teacher.asked(log)) - asked == sent
    assert total_spent(shared) - spent == found["cost"]
    assert (
        summary["queries"] == found["queries"]
        and summary["evaluation_queries"] == found["evaluation queries"]
    )


def total_spent(path):
    """What all runs of a ledger have spent."""
    book = ledger.Ledger(path)
    runs = [row[0] for row in book.rows("SELECT run FROM run")]
    total = sum(book.spent(run) for run in runs)
    book.close()
    return total


# What is wrong is told at once.


def test_all_that_is_wrong_with_a_configuration():
    with pytest.raises(UserError) as caught:
        configured(
            **{**command.TINY, "n_real": 1, "student": "lenet", "teacher.function": "", "rounds": 0}
        )
    for part in (
        "config.n_real=1",
        "config.student='lenet'",
        "config.teacher.function=''",
        "config.rounds=0",
    ):
        assert part in str(caught.value)


WRONG = {
    **command.PRICED,
    "n_real": 500,
    "budget": 700,
    "student": "alexnet_half",
    "teacher.function": "no.such_module:answer",
}


def test_all_that_is_wrong_with_what_it_names(tmp_path):
    with pytest.raises(UserError) as caught:
        report.report(configured(**WRONG), tmp_path / "run", STOP)
    text = str(caught.value)
    assert text.startswith(
        "the plan cannot work:\n  config.n_real=500: digits has only 400 images to draw from"
    )
    assert "config.teacher.function='no.such_module:answer' cannot be loaded" in text
    assert "model 'alexnet_half' takes images of at least 15 pixels" in text
    assert list(tmp_path.iterdir()) == []


def test_no_data(tmp_path):
    config = configured("folder", **{"data.folder": tmp_path / "nowhere", "data.classes": "2"})
    with pytest.raises(
        UserError, match=r"the plan cannot work:\n  config.data.folder=.*there is no such folder"
    ):
        report.report(config, None, STOP)


def test_workdir_of_another_run_is_refused(tiny_run):
    config = configured(**{**command.PRICED, "seed": 3})
    with pytest.raises(UserError, match=r"config.seed: 0 -> 3"):
        report.report(config, tiny_run / "run", STOP)


def test_a_ledger_that_is_not_there_yet_is_not_made(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(workload, "measure", lambda *_: workload.Speed(1.0, 1.0, 1))
    config = configured(**{**command.PRICED, "ledger.path": tmp_path / "deep" / "ledger.sqlite"})
    for folder in (None, tmp_path / "run"):
        assert figures(report.report(config, folder, STOP))["to be sent"] == 150
    assert list(tmp_path.iterdir()) == []
