"""Methods that ask about whole images: which of them are chosen, and whole runs."""

import dataclasses
import re

import numpy as np
import pytest

from amkd import api
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import mixing
from amkd.data.lazy_images import LazyImages
from amkd.methods import METHODS, flips, image_choice
from amkd.models import prediction
from amkd.planning import report
from amkd.run.facts import facts_of_run
from tests.reporting.test_pages import section, visible
from tests.search.test_device_search import inputs, settings
from tests.support import command, counting_teacher, plain
from tests.support.small import FOLDER, configured, write_digits


def rows(images):
    return [image.tobytes() for image in images]


# Which of them are asked about.


def test_without_a_choice_they_are_taken_as_they_were_made():
    one = inputs(n=40, k=6)
    one = one._replace(records=one.records.take(slice(10)), images=lazy(one.images, 10))
    for start in (10, 16):
        found = image_choice.choose_made(one)
        assert found.records.i.tolist() == found.records.j.tolist() == list(range(start, start + 6))
        assert np.all(np.isnan(found.score)) and found.metrics == {"evaluations": 0}
        one = one._replace(records=one.records.extend(found.records))
    at_random = one._replace(settings=settings(acquisition="random", candidates=3.0))
    assert image_choice.choose_made(at_random).records.i.tolist() == list(range(22, 28))


def lazy(images, first):
    return LazyImages(images[:first], images[first:], np.arange(len(images) - first))


def confidence_of(one):
    return prediction.predict(one.network, one.variables, np.asarray(one.images)).max(-1)


@pytest.mark.parametrize("choose", [image_choice.choose, image_choice.choose_made])
def test_the_least_confident_images_left(choose):
    one = inputs(n=40, k=6, candidates=2.0)
    one = one._replace(records=one.records.take(slice(10)), images=lazy(one.images, 10))
    confidence = confidence_of(one)
    expected = [place for place in np.argsort(confidence, kind="stable") if place >= 10]
    asked = []
    for _ in range(5):
        found = choose(one)
        assert np.all(found.records.w == mixing.ONE) and np.all(found.records.i == found.records.j)
        np.testing.assert_allclose(found.score, confidence[found.records.i], atol=1e-6)
        assert found.metrics == {"evaluations": 40 - len(one.records)}
        one = one._replace(records=one.records.extend(found.records))
        asked += found.records.i.tolist()
    assert asked == expected


@pytest.mark.parametrize("name", ["entropy", "margin"])
def test_an_acquisition_chooses_among_all_left(name):
    """Against plain NumPy."""
    one = inputs(n=40, k=8, acquisition=name, candidates=2.0)
    one = one._replace(records=one.records.take(slice(10)))
    found = image_choice.choose(one)
    odds = prediction.predict(one.network, one.variables, one.images)[10:]
    by = {
        "entropy": [-plain.entropy(row) for row in odds],
        "margin": [row[-1] - row[-2] for row in np.sort(odds)],
    }
    assert found.records.i.tolist() == (10 + np.argsort(by[name], kind="stable")[:8]).tolist()


def test_some_of_the_images_left_are_scored_others_in_each_round():
    one = inputs(n=60, k=5, scored_images=20)
    one = one._replace(records=one.records.take(slice(10)))
    confidence, scored = confidence_of(one), []
    done = []
    for round_ in (1, 2):
        one = one._replace(stream=(0, round_), progress=done.append)
        found = image_choice.choose(one)
        assert found.metrics == {"evaluations": 20}
        sample = image_choice._to_score(one).tolist()
        assert len(set(sample)) == 20 and min(sample) >= 10
        expected = sorted(sample, key=lambda place: confidence[place])[:5]
        assert found.records.i.tolist() == expected
        scored.append(sample)
    assert scored[0] != scored[1] and sum(done) == 40
    assert METHODS["active_labelling"].selector.left(one) == 20
    every = one._replace(settings=settings(scored_images=50))
    assert image_choice._to_score(every).tolist() == list(range(10, 60))


# Counts and rules.


@pytest.mark.parametrize(
    ("fields", "images", "evaluations"),
    [
        ({"method": "active_labelling"}, 400, [370, 340]),
        ({"method": "active_labelling", "search.scored_images": 350}, 400, [350, 340]),
        ({"method": "random_crops"}, 90, [0, 0]),
        ({"method": "random_crops", "search.candidates": 2.5}, 180, [150, 120]),
        ({"method": "pastes", "search.candidates": 2.5, "search.scored_images": 99}, 180, [99, 99]),
        (
            {"method": "pastes", "search.candidates": 2.5, "search.acquisition": "random"},
            180,
            [0, 0],
        ),
        ({"method": "flips", "budget": 50, "search.candidates": 9.0}, 60, [30, 20]),
    ],
)
def test_facts_by_hand(fields, images, evaluations):
    """30 real images of 400; two rounds share what is left of the budget of 90."""
    facts = facts_of_run(configured(**{**command.TINY, **fields}), drawable=400, labelled=True)
    assert facts.image_count == images
    assert [one.evaluations for one in facts.rounds] == [0, *evaluations]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"method": "flips"},
            "config.budget=90: flips queries 60 flipped images, but n_real=30 images give only 30;"
            " lower budget to 60, or raise n_real",
        ),
        (
            {"method": "pastes", "search.acquisition": "entropy"},
            "search.candidates=1 gives pastes exactly as many candidates as it needs, so the",
        ),
        (
            {"method": "active_labelling", "search.scored_images": 20},
            "config.search.scored_images=20: a round chooses 30 images, but only from",
        ),
        (
            {"method": "random_crops", "teacher.kind": "labels"},
            "can answer only real images, not crops; choose method=active_labelling or",
        ),
        ({"method": "pastes", "search.variants": 1}, "pastes makes no mixes, so it cannot"),
        ({"search.crop_area": (0.9, 0.3)}, "must be two shares, the lower one first"),
        ({"search.crop_area": (0.9,)}, "must be two shares, the lower one first"),
        ({"search.crop_area": (1.0, 1.0)}, "such a crop is the whole image, which is already"),
        ({"search.crop_area": (0.0, 1.0)}, "each must be positive and at most 1; it is a share"),
        ({"search.paste_area": (0.5, 1.0)}, "at 0 and 1 a paste is a real image, already answ"),
        ({"search.crop_stretch": 0.5}, "config.search.crop_stretch=0.5: must be at least 1"),
    ],
)
def test_impossible_settings(fields, told):
    with pytest.raises(UserError, match=re.escape(told)):
        configured(**{**command.TINY, **fields})


# Whole runs.


QUICK = {
    "n_real": 16,
    "budget": 40,
    "rounds": 2,
    "student_size": 6,
    "train.epochs": 2,
    "train.batch_size": 16,
    "data.held_out": 8,
    "report.progress": False,
    "report.tensorboard": False,
    "report.plots": False,
}


class Service:
    """Tells three classes apart by brightness; from ``limit`` images on it fails."""

    def __init__(self, limit=10**9):
        self.seen, self.limit = [], limit

    def __call__(self, images):
        if len(self.seen) + len(images) > self.limit:
            raise ConnectionError("down")
        assert images.shape[1:] == (12, 12, 3)
        self.seen += rows(images)
        odds = images.mean((1, 2), dtype=np.float64) + 1
        return odds / odds.sum(-1, keepdims=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "random_crops", "search.candidates": 2.0, "search.acquisition": "k_center"},
        {"method": "active_labelling", "search.acquisition": "badge", "search.scored_images": 30},
    ],
    ids=["crops", "others"],
)
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(tmp_path, fields):
    """Asked at 12 pixels, seen at 6; the teacher fails in the middle of round 2."""
    images = np.random.default_rng(0).integers(0, 256, (60, 12, 12, 3), np.uint8)

    def distill(service, folder):
        return api.distill(
            images, service, 3, budget=40, workdir=folder, identity="j", fields={**QUICK, **fields}
        )

    whole, first, second = Service(), Service(limit=39), Service()
    expected = distill(whole, tmp_path / "whole")
    with pytest.raises(UserError, match="down"):
        distill(first, tmp_path / "parts")
    assert 16 + 12 + 8 <= len(first.seen) < 48
    found = distill(second, tmp_path / "parts")
    assert sorted(first.seen + second.seen) == sorted(whole.seen)  # nothing twice
    assert len(set(whole.seen)) == 40 + 8
    assert np.array_equal(found.predict(images), expected.predict(images))


@pytest.mark.parametrize(
    ("method", "name"),
    [
        pytest.param("active_labelling", "transductive_variance", marks=pytest.mark.heavy),
        pytest.param("random_crops", "uncertainty_herding", marks=pytest.mark.heavy),
        ("pooled_mixup", "excess_doubt"),
    ],
)
def test_whole_runs_of_rules_that_look_at_answers_and_real_images(tmp_path, method, name):
    """Mixes, images and crops: the budget is spent on different images."""
    images = np.random.default_rng(0).integers(0, 256, (60, 12, 12, 3), np.uint8)
    service = Service()
    fields = {"method": method, "search.acquisition": name, "search.candidates": 2.0}
    api.distill(
        images, service, 3, budget=40, workdir=tmp_path, identity="j", fields={**QUICK, **fields}
    )
    assert len(service.seen) == len(set(service.seen)) == 40 + 8


def test_labelling_images_of_a_folder(tmp_path, monkeypatch):
    """No evaluation image is sent as a query; the plan tells what is scored."""
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    write_digits(tmp_path / "pictures", 0, 60)
    fields = {
        **FOLDER,
        "method": "active_labelling",
        "search.acquisition": "k_center",
        "data.folder": tmp_path / "pictures",
        "cache_dir": tmp_path / "cache",
    }
    config = configured("folder", "smoke", **fields)
    planned = report.report(config, tmp_path / "run", StopSignal())
    assert "other images         30\n" in planned
    assert re.search(r"search evaluations   30 \(about .* at [\d,]+ a second\)", planned)
    assert not (tmp_path / "asked.txt").exists()
    arguments = command.arguments(tmp_path / "run", "configs/folder.py:smoke", **fields)
    done = command.run(arguments, command.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    summary = command.summary(tmp_path / "run")
    assert (summary["queries"], summary["evaluation_queries"]) == (40, 10)
    asked = counting_teacher.asked(tmp_path / "asked.txt")
    assert len(set(asked)) == len(asked) == 50  # the ten held out are none of the forty
    assert summary["rounds"][1]["search"] == {"evaluations": 30}
    # Whole images have C1, and stand alone; without labels nothing speaks of accuracy.
    assert "  C1 0." in done.stdout and "C2" not in done.stdout
    page = (tmp_path / "run" / "report.html").read_text()
    words = visible(page)
    assert "C2" not in words and "accuracy" not in words and "Agreement by class" in words
    shown, more = section(page, "Queries:").split("<details>")[:2]
    assert (shown.count("<img"), more.count("<img")) == (6, 18)
    assert "amkd --config=folder:smoke" in page


def test_only_images_that_are_needed_are_in_memory():
    """Of 50,000 images and a budget of 5,000, twice these; of crops all that were made, too."""
    config = dataclasses.replace(configured(**command.TINY), n_real=1000, budget=5000)
    assert METHODS["active_labelling"].selector.held_images(50_000, config.budget) == 10_000
    assert METHODS["random_crops"].selector.held_images(13_000, config.budget) == 23_000
    assert METHODS["random_mixup"].selector.held_images(1000, config.budget) == 2000
    assert flips.METHOD.selector.held_images(2000, config.budget) == 6000
