"""Every way to spend the queries: what it chooses, and whole runs of it."""

import dataclasses

import jax
import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.data import out_of_domain
from amkd.data.dataset import DataSet
from amkd.data.records import Records, mixes
from amkd.methods import METHODS, pooled_mixup, random_mixup, sskd, vanilla_al
from amkd.methods.base import AllImages, Method, NoSelector
from amkd.methods.first_images import FirstImageInputs
from amkd.models import prediction
from amkd.models.inference import MixInput
from amkd.models.saved_network import load_network
from amkd.run.facts import facts_of_run
from amkd.search import confidence, pairs, pool_search, top_k
from amkd.search.lambda_grid import lambda_grid
from amkd.teachers import ground_truth
from tests.search.test_device_search import fingerprint, inputs, settings
from tests.support import command, counting_teacher, whole_run
from tests.support.small import configured

LOOK = {"report.progress": False, "report.tensorboard": False, "report.plots": False}


def test_methods_are_the_files_of_their_folder():
    assert METHODS.keys() == {
        "active_labelling", "active_mixup", "flips", "fskd", "full_kd", "pastes", "pooled_mixup",
        "random_crops", "random_mixup", "real_only", "sskd", "supervised_full", "supervised_real",
        "vanilla_al", "zskd",
    }  # fmt: skip
    assert all(isinstance(found, Method) for found in METHODS.values())
    assert {name for name, found in METHODS.items() if found.true_labels} == {
        "supervised_full",
        "supervised_real",
    }


# random_mixup


def test_random_lambdas_are_of_the_grid_and_all_of_them_occur():
    one = inputs(k=300)._replace(settings=settings(random_lam="grid", lam_count=5))
    found = random_mixup.choose(one)
    grid = lambda_grid(0.3, 0.7, 5)
    assert set(found.records.w.tolist()) == set(grid.tolist())
    counts = np.bincount(np.searchsorted(grid, found.records.w))
    assert np.all(np.abs(counts - 60) < 5 * np.sqrt(300 * 0.2 * 0.8))
    assert fingerprint(found) == fingerprint(random_mixup.choose(one))


# sskd


def test_four_views_of_every_image():
    """The images themselves, then a quarter turn counter-clockwise, a half and three quarters; a
    budget for fewer.
    """
    one, other = np.arange(4, dtype=np.uint8).reshape(2, 2, 1), np.full((2, 2, 1), 9, np.uint8)
    shown = sskd.show(np.stack([one, other]))
    assert shown.dtype == np.uint8
    assert shown[::2, ..., 0].tolist() == [
        [[0, 1], [2, 3]],
        [[1, 3], [0, 2]],
        [[3, 2], [1, 0]],
        [[2, 0], [3, 1]],
    ]
    assert np.all(shown[1::2] == 9)
    first = METHODS["sskd"].first
    assert [first.queries(2, budget) for budget in (2, 5, 8, 100)] == [2, 5, 8, 8]
    settings = configured(method="sskd", n_real=2, budget=5)
    real = np.stack([one, other])
    source = FirstImageInputs(settings=settings, shape=(2, 2, 1), classes=10, real=real)
    np.testing.assert_array_equal(first.provide(source).images, shown[:5])


def test_views_that_cannot_be():
    """Refuses images that are not square, and ground-truth labels, which exist for no view."""
    (reason,) = sskd.misfits((4, 6, 1))
    assert "these images are 4x6, which is not square; set --config.data.size=4" in reason
    assert not list(sskd.misfits((4, 4, 1)))
    with pytest.raises(
        UserError, match=r"method='sskd': the labels teacher .* only real images, not views of them"
    ):
        configured(**{"method": "sskd", "teacher.kind": "labels"})


# vanilla_al


def columns(records):
    """The columns of records as lists."""
    return records.i.tolist(), records.j.tolist(), records.w.tolist()


def singles(one):
    """C1 of every single mix left, as (score, i, j, w), lowest first."""
    found = []
    for w in lambda_grid(
        one.settings.lam_low, one.settings.lam_high, one.settings.lam_count
    ).tolist():
        part = pool_search.lowest_c2(one, confidence.Grid((w,)), one.pool.size)
        found += zip(
            part.score.tolist(), part.i.tolist(), part.j.tolist(), part.w.tolist(), strict=True
        )
    return sorted(found)


def test_vanilla_takes_the_lowest_single_mixes():
    one = inputs(n=12, k=40)
    found = vanilla_al.choose(one)
    rows = list(zip(found.score.tolist(), *columns(found.records), strict=True))
    assert rows == singles(one)[:40]
    assert len({(i, j) for _, i, j, _ in rows}) < 40  # several of one pair
    assert found.metrics["evaluations"] == 66 * 3


def test_vanilla_never_asks_about_a_mix_twice_but_about_a_pair():
    one = inputs(n=8, k=20)
    everything = [row[1:] for row in singles(one)]
    records = one.records
    for _ in range(4):
        found = vanilla_al.choose(one._replace(records=records))
        records = records.extend(found.records)
    asked = list(zip(*columns(records.take(slice(8, None))), strict=True))
    assert asked == everything[:80] and len(set(asked)) == 80


def test_vanilla_takes_a_mix_once_if_the_grid_has_it_twice():
    """Eleven lambdas from .5 to .5 are one; from .5 to .50003 they are three."""
    one = inputs(n=6, k=8)
    for high, different in ((0.5, 1), (0.50003, 3)):
        plan = dataclasses.replace(one.settings, lam_low=0.5, lam_high=high, lam_count=11)
        records = one.records
        for selected in (0, 8):
            found = vanilla_al.choose(one._replace(settings=plan, k=7, records=records))
            assert found.metrics["evaluations"] == 15 * different - max(selected - 1, 0)
            records = records.extend(found.records)
        mixes = list(zip(*columns(records.take(slice(6, None))), strict=True))
        assert len({*mixes}) == len(mixes) == 14
        settings = dataclasses.replace(configured(n_real=6, budget=20, rounds=1), search=plan)
        assert METHODS["vanilla_al"].selector.pool_size(settings, 0) == 15 * different


def test_share_of_duplicates_by_hand():
    """Of five mixes, the three of pair (0, 1) are near-duplicates; real images do not count."""
    columns = ([0, 1, 0, 0, 0, 1, 2], [0, 1, 1, 1, 1, 2, 3], [65536, 65536, 1, 2, 3, 4, 5])
    records = Records(*(np.int32(column) for column in columns))
    assert vanilla_al.duplicates(records) == 0.6


def test_active_mixup_has_no_duplicates_where_vanilla_has_only_those():
    """METHODS' triple: the three lowest single mixes are of one pair, the three lowest pairs are
    three.
    """
    points = jax.numpy.array([(1, 0, 0), (0, 0.8, 0.1), (0.5, 0, 0.6)], np.float32)
    weights = np.rint(np.array([0.3, 0.4, 0.5, 0.6, 0.7]) * 65536).astype(np.int32)
    parts = []
    i, j = pairs.pair_of(np.arange(3), 3)
    for w in weights.tolist():
        minimise = confidence.Grid((w,)).on(lambda x: 3 * x)
        score, where = confidence.score_pairs(minimise, MixInput(points), i, j, 1)
        parts.append(top_k.Scored(*(np.asarray(column) for column in (score, i, j, where))))
    found = vanilla_al._merged(parts, 3)
    assert list(zip(found.i, found.j, np.round(found.w / 65536, 1), strict=True)) == [
        (1, 2, 0.4), (1, 2, 0.5), (1, 2, 0.3),
    ]  # fmt: skip
    assert vanilla_al.duplicates(found.records()) == 1
    np.testing.assert_allclose(found.score, (0.395656, 0.400266, 0.439868), atol=1e-5)


# pooled_mixup


def test_a_pool_of_random_mixes_and_the_least_confident_of_it():
    """Three times 20 mixes are drawn as at random; the 20 whose bytes the student is least sure of
    are chosen.
    """
    one = inputs(n=30, k=20)._replace(settings=settings(random_lam="grid", candidates=3.0))
    drawn = random_mixup.choose(one._replace(k=60)).records
    confidence = prediction.predict(one.network, one.variables, next(mixes(one.images, drawn))).max(
        -1
    )
    order = np.argsort(confidence, kind="stable")[:20]
    found = pooled_mixup.choose(one)
    for column, expected in zip(columns(found.records), columns(drawn.take(order)), strict=True):
        assert column == expected
    np.testing.assert_allclose(found.score, confidence[order], atol=1e-6)
    assert found.metrics == {"evaluations": 60}


def test_a_pool_of_all_pairs_left():
    one = inputs(n=8, k=20)._replace(settings=settings(candidates=3.0))
    assert pooled_mixup.choose(one).metrics == {"evaluations": 28}


# active_labelling


def test_labelling_by_labels(tmp_path, capsys):
    """The data set's own labels annotate: no teacher is asked, no image twice, and all of the
    budget is used.
    """
    fields = {
        **command.TINY,
        "method": "active_labelling",
        "search.acquisition": "badge",
        "teacher.kind": "labels",
    }
    summary = whole_run.run(tmp_path, **fields)
    assert "400 images" in capsys.readouterr().out
    assert [row["queries"] for row in command.rows(tmp_path / "run", "round")] == [30, 60, 90]
    card = load_network(tmp_path / "run/student").card
    assert (card["mixes"], card["made"], card["white_box"]) == (0, 0, False)  # all are real
    assert counting_teacher.asked(tmp_path / "asked.txt") == []
    assert summary["queries"] == 90


def test_labelling_needs_as_many_images_as_it_asks_about(tmp_path):
    fields = {**command.TINY, "method": "active_labelling", "budget": 401, "rounds": 1}
    with pytest.raises(UserError, match="digits, from which 400 can be drawn"):
        whole_run.run(tmp_path, **fields)


# Labels, and images of another domain.


def labelled(images, classes=3):
    images = np.uint8(images).reshape(-1, 1, 1, 1)
    numbers = np.arange(len(images), dtype=np.int32) % classes
    return DataSet(
        "some", classes, images[:0], numbers[:0], images, images[:0], None, pool_labels=numbers
    )


def test_labels_answer_their_own_images_only():
    teacher = ground_truth.load(labelled([10, 20, 30, 40]))
    np.testing.assert_array_equal(
        teacher.ask(np.uint8([40, 20]).reshape(2, 1, 1, 1)), [[1, 0, 0], [0, 1, 0]]
    )
    with pytest.raises(UserError, match="an image without a ground-truth label"):
        teacher.ask(np.uint8([15]).reshape(1, 1, 1, 1))
    with pytest.raises(UserError, match="has no ground-truth labels"):
        ground_truth.load(dataclasses.replace(labelled([1, 2]), pool_labels=None))


def test_of_equal_images_the_first_label_is_the_answer():
    """The first is the one that is drawn."""
    teacher = ground_truth.load(labelled([10, 20, 10]))
    np.testing.assert_array_equal(teacher.ask(np.uint8([10]).reshape(1, 1, 1, 1)), [[1, 0, 0]])


def test_other_labels_of_the_same_images_are_another_teacher():
    """Otherwise, a shared ledger would give a corrected table its old labels."""
    own = dataclasses.replace(labelled([10, 20, 30]), name="manifest", class_names=("a", "b", "c"))
    corrected = dataclasses.replace(own, pool_labels=np.int32([0, 1, 1]))
    in_other_order = dataclasses.replace(own, class_names=("b", "a", "c"))
    named = [ground_truth.load(data).identity for data in (own, corrected, in_other_order)]
    assert len(set(named)) == 3 and all(name.startswith("labels:manifest:") for name in named)
    assert ground_truth.load(dataclasses.replace(own)).identity == named[0]
    fixed = dataclasses.replace(own, name="mnist")  # ledgers of earlier versions stay readable
    assert ground_truth.load(fixed).identity == "labels:mnist"
    prepared = dataclasses.replace(own, name="tfds:/data/mine/1.0.0")
    assert ground_truth.load(prepared).identity.startswith("labels:tfds:/data/mine/1.0.0:")


def test_colours_and_sizes_by_hand():
    """Luma .299, .587 and .114; a grey is the same three times; a square in the middle is shrunk
    evenly.
    """
    colours = np.uint8(
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [10, 20, 30]]
    ).reshape(5, 1, 1, 3)
    assert out_of_domain.convert(colours, 1, 1).ravel().tolist() == [76, 150, 29, 255, 18]
    seven = np.uint8([7]).reshape(1, 1, 1, 1)
    assert out_of_domain.convert(seven, 1, 3).ravel().tolist() == [7, 7, 7]
    even = np.full((2, 4, 6, 1), 90, np.uint8)
    assert out_of_domain.convert(even, 2, 3).tolist() == np.full((2, 2, 2, 3), 90).tolist()


def test_real_images_are_the_others_and_nothing_else_changes():
    own, other = labelled(range(5)), labelled(range(100, 110))
    found = out_of_domain.with_pool_from(own, other)
    np.testing.assert_array_equal(found.pool_images, other.pool_images)
    assert found.pool_labels is None  # those would be of other classes
    for field in dataclasses.fields(own):
        if field.name not in ("pool_images", "pool_labels"):
            assert getattr(found, field.name) is getattr(own, field.name)
    with pytest.raises(
        UserError, match=r"images of another domain are made square; set --config.data.size"
    ):
        out_of_domain.image_side(
            dataclasses.replace(own, pool_images=np.zeros((2, 3, 4, 1), np.uint8))
        )


# Whole runs.


# Mirrored images are asked about as crops are, and fewer than the budget here.
RUNNABLE = sorted(
    {name for name, one in METHODS.items() if not one.first.needs_network} - {"flips"}
)


@pytest.mark.parametrize("name", RUNNABLE)
def test_every_method_runs(name, tmp_path):
    """What it asks, and that labels stand in for the teacher where they are meant to."""
    method = METHODS[name]
    everything = isinstance(method.first, AllImages)
    fields = {**command.TINY, "method": name, "train.epochs": 2, "teacher.evaluate": "auto"}
    fields["budget"] = 400 if everything else 90
    fields["search.candidates"] = 2.0 if name in ("pooled_mixup", "pastes") else 1.0
    summary = whole_run.run(tmp_path, **fields)
    asked = counting_teacher.asked(tmp_path / "asked.txt")
    assert summary["n_real"] == (400 if everything else 30)
    real = 400 if everything else 90 if method.first.views > 1 else 30
    selects = not isinstance(method.selector, NoSelector)
    assert summary["queries"] == real + (60 if selects else 0) or everything
    assert len(asked) == (0 if method.true_labels else summary["queries"])
    assert summary["teacher"].startswith("labels:") == method.true_labels
    assert summary["student_accuracy"] > 0.05
    assert len(summary["rounds"]) == (3 if selects else 1)
    planned = facts_of_run(configured(**fields), drawable=400, labelled=True).rounds
    assert [row["queries"] for row in summary["rounds"]] == [one.queries for one in planned]
    told = [row["search"].get("evaluations", 0) for row in summary["rounds"]]
    assert told == [one.evaluations for one in planned]


def test_a_run_as_released_sends_no_white(tmp_path):
    """White pixels are black to the teacher, in real images and in mixes; the honest bytes have
    some of both.
    """
    asked = {}
    for released in (False, True):
        place = tmp_path / str(released)
        place.mkdir()
        fields = {**command.TINY, "rounds": 1, "train.epochs": 1, "search.as_released": released}
        whole_run.run(place, **fields)
        asked[released] = counting_teacher.asked(place / "asked.txt")
    assert len(asked[True]) == len(asked[False]) == 60 + 90
    assert asked[True][:60] == asked[False][:60]  # evaluation images are shown as they are
    assert len(set(asked[True][60:90]) & set(asked[False][60:90])) < 10  # digits have white pixels


def test_labels_are_no_answers_of_a_teacher_and_cost_nothing(tmp_path):
    """Neither its form nor its price is theirs: the student learns as from hard answers."""
    fields = {
        **command.PRICED,
        "method": "supervised_real",
        "train.epochs": 40,
        "teacher.answers.form": "logits",
    }
    summary = whole_run.run(tmp_path, **fields)
    assert summary["cost"] == 0
    assert summary["rounds"][0]["loss"] < 2.0  # a softmax of one-hot rows would leave 2.2 at least


def test_all_images_need_a_budget_for_all(tmp_path):
    fields = {**command.TINY, "method": "full_kd"}
    told = "config.budget=90: full_kd queries all 400 images of digits; set --config.budget=400"
    with pytest.raises(UserError, match=told):
        whole_run.run(tmp_path, **fields)
    assert counting_teacher.asked(tmp_path / "asked.txt") == []


def test_labels_as_a_teacher_are_settled_before_anything_is_asked():
    config = configured(**{"teacher.kind": "labels", "method": "real_only", **LOOK})

    def facts(settings):
        return facts_of_run(settings, drawable=400, labelled=True)

    assert facts(config).from_labels and not facts(config).queries_evaluation_images
    assert not facts(configured(**LOOK)).from_labels
    assert facts(configured(method="supervised_real", **LOOK)).from_labels
    assert facts(configured(method="real_only", **LOOK)).ks == ()


def test_single_images_and_single_mixes_are_scored_by_c1():
    scored = {name: METHODS[name].selector.score for name in METHODS}
    single = {"active_labelling", "random_crops", "pastes", "flips", "vanilla_al", "pooled_mixup"}
    assert {name for name, score in scored.items() if score == "C1"} == single
    assert set(scored.values()) == {"C1", "C2"}
