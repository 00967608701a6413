"""Choosing among the candidates of lowest C2: against plain NumPy, and whole runs."""

import dataclasses
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd import models
from amkd.acquisitions import ACQUISITIONS, learning_loss
from amkd.acquisitions.base import Acquisition
from amkd.candidates import candidate_set, committee, loss_prediction
from amkd.candidates.candidate_set import Predictions
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.records import mixes
from amkd.methods import active_mixup
from amkd.models import inference, prediction
from amkd.run.facts import facts_of_run
from amkd.search import pairs, pool_search
from amkd.training import train
from tests.search.test_device_search import fingerprint, inputs, settings, variables_of
from tests.support import command, counting_teacher, training, whole_run
from tests.support.choices import candidates, plain_farthest, plain_greedy
from tests.support.small import configured


def test_acquisitions_are_the_files_of_their_folder():
    assert ACQUISITIONS.keys() == {
        "lowest", "capped", "balanced", "k_center", "margin", "entropy", "ensemble", "bald",
        "badge", "learning_loss", "distillation_gap", "random", "transductive_variance", "epig",
        "excess_doubt", "uncertainty_herding", "acd",
    }  # fmt: skip


def example():
    """The code of the example in the contract's docstring."""
    _, _, text = Acquisition.__doc__.partition("my_rules.py``::\n")
    return textwrap.dedent(text.partition("\n    A run uses it")[0])


def test_an_acquisition_of_the_users_own(tmp_path, monkeypatch):
    """The docstring's example, found in the working directory: the k least confident mixes."""
    (tmp_path / "my_rules.py").write_text(example())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = "my_rules:LEAST_CONFIDENT"
    fields = {"search.acquisition": name, "search.candidates": 3.0}
    assert rounds_of(**fields)
    one = inputs(n=30, k=10)._replace(settings=settings(acquisition=name, candidates=3.0))
    found = active_mixup.choose(one)
    lowest = pool_search.lowest_c2(one, pool_search.configured_minimiser(one.settings), 30)
    own = candidate_set.Candidates(lowest, one).predictions().probabilities.max(-1)
    expected = lowest.take(np.argsort(own, kind="stable")[:10])
    jax.tree.map(np.testing.assert_array_equal, found.records, expected.records())
    with pytest.raises(
        UserError, match=r"no attribute 'LEAST_CONFIDANT' \(did you mean 'LEAST_CONFIDENT'\?\)"
    ):
        configured(**fields | {"search.acquisition": "my_rules:LEAST_CONFIDANT"})
    with pytest.raises(
        UserError, match=r"is of type function; it must be of type amkd\.acquisitions\.base"
    ):
        configured(**fields | {"search.acquisition": "my_rules:choose"})
    sys.modules.pop("my_rules")


# What acquisitions look at.


def test_candidates_are_seen_as_the_student_sees_them():
    one = inputs(n=20)
    found = pool_search.lowest_c2(one, pool_search.configured_minimiser(one.settings), 10)
    seen = candidate_set.Candidates(found, one).predictions()
    images = np.concatenate(list(mixes(one.images, candidate_set.Candidates(found, one).records())))
    np.testing.assert_allclose(
        seen.probabilities, prediction.predict(one.network, one.variables, images), atol=1e-6
    )
    logits = one.network.apply(one.variables, jnp.asarray(seen.features), method="head")
    np.testing.assert_allclose(jax.nn.softmax(logits), seen.probabilities, atol=1e-5)
    asked = candidate_set.Candidates(found, one).queried()
    np.testing.assert_allclose(
        asked.probabilities, prediction.predict(one.network, one.variables, one.images), atol=1e-6
    )
    assert (
        inference.predict_with_features(one.network, one.variables, jnp.asarray(images))[1].shape
        == seen.features.shape
    )


# In the method.


def inputs_of_round(name, n=30, k=40):
    """Inputs whose other students are random ones, and whose answers are, too."""
    one = inputs(n=n, k=k)._replace(
        settings=settings(acquisition=name, candidates=3.0, max_per_image=4)
    )
    if name == "bald":  # takes a network with dropout
        network = models.build("alexnet_half", 10, (15, 15, 3))
        images = np.random.default_rng(0).integers(0, 256, (n, 15, 15, 3), np.uint8)
        one = one._replace(
            network=network, variables=variables_of(network, (15, 15, 3)), images=images
        )
    asked = []

    def train_further_student(member, hard):
        asked.append((member, hard))
        return variables_of(one.network, one.images.shape[1:], 100 + member)

    def answers():
        return np.random.default_rng(1).dirichlet(np.ones(10), n).astype(np.float32)

    return one._replace(train_further_student=train_further_student, answers=answers), asked


OF_LANES = {"acd"}  # see test_lanes.py


@pytest.mark.parametrize("name", sorted(set(ACQUISITIONS) - OF_LANES))
def test_k_of_the_candidates_are_chosen(name):
    one, others = inputs_of_round(name)
    found = active_mixup.choose(one)
    of = pool_search.lowest_c2(one, pool_search.configured_minimiser(one.settings), 120)
    chosen = pairs.rank_of(found.records.i, found.records.j, 30)
    assert len(set(chosen.tolist())) == 40
    assert set(chosen.tolist()) <= set(pairs.rank_of(of.i, of.j, 30).tolist())
    expected = {
        rank: (score, w)
        for rank, score, w in zip(pairs.rank_of(of.i, of.j, 30), of.score, of.w, strict=True)
    }
    for rank, score, w in zip(chosen, found.score, found.records.w, strict=True):
        assert expected[rank] == (score, w)
    assert fingerprint(found) == fingerprint(active_mixup.choose(one))
    if name == "lowest":
        np.testing.assert_array_equal(found.records.i, of.i[:40])
    # Nobody trains a student that is not asked for.
    another = [(1, False)]
    expected = {"ensemble": another, "epig": another, "distillation_gap": [*another, (2, True)]}
    assert others == 2 * expected.get(name, [])


def plain_choice(name, of, one):
    """The places that an acquisition stands for, from what students say of the candidates, in
    NumPy.
    """
    own, k = np.float64(of.predictions().probabilities), one.k

    def most(values):
        return np.argsort(-values, kind="stable")[:k].tolist()

    def entropies(p):
        return -np.sum(p * np.log(p), -1)

    def opinion(member):
        variables = variables_of(one.network, one.images.shape[1:], 100 + member)
        return np.float64(candidate_set.predict(one, variables, of.records()).probabilities)

    if name == "margin":
        ordered = np.sort(own, -1)
        return most(ordered[:, -2] - ordered[:, -1])
    if name == "entropy":
        return most(entropies(own))
    if name == "ensemble":
        both = np.stack([own, opinion(1)])
        return most(entropies(both.mean(0)) - entropies(both).mean(0))
    if name == "k_center":
        return plain_farthest(of.predictions().features, of.queried().features, k)
    plain, teacher = opinion(2), opinion(1)
    a, b = (np.abs(p - own).sum(-1) / 2 for p in (plain, teacher))
    least = 1e-6 * np.median(np.concatenate([a, b]))
    worth = (a + b) * np.minimum(np.maximum(a, b) / np.maximum(np.minimum(a, b), least), 10)
    worth = (worth - worth.min()) / (worth.max() - worth.min())
    points = np.float64(of.predictions().features)
    away = ((points[:, None] - points) ** 2).sum(-1) + np.diag(np.full(len(points), np.inf))
    return plain_greedy(worth, np.argsort(away, 1, kind="stable")[:, :10], 0.1, k)


@pytest.mark.parametrize("name", ["margin", "entropy", "ensemble", "k_center", "distillation_gap"])
def test_candidates_that_are_chosen_are_those_of_the_plain_reference(name):
    one, _ = inputs_of_round(name)
    one = one._replace(settings=dataclasses.replace(one.settings, committee=2), k=12)
    of = candidate_set.Candidates(
        pool_search.lowest_c2(one, pool_search.configured_minimiser(one.settings), 120), one
    )
    assert ACQUISITIONS[name].choose(of, 12).tolist() == plain_choice(name, of, one)


def test_an_answer_that_is_unsure_is_no_loss():
    """KL of (.5, .5) from itself, 0; of (.25, .75) from (.5, .5), ln 2 - ln 3 / 2; of (.8, .2) from
    a label, -ln .8.
    """
    answers, own = (
        np.float32([(0.5, 0.5), (0.5, 0.5), (1, 0)]),
        np.float32([(0.5, 0.5), (0.25, 0.75), (0.8, 0.2)]),
    )
    np.testing.assert_allclose(
        learning_loss.divergences(answers, own), [0, 0.143841, 0.223144], atol=1e-6
    )


@pytest.mark.parametrize("constant", [0.0, 0.7, 10.3])
def test_what_is_learned_of_losses_leaves_out_features_that_never_changed(constant, monkeypatch):
    """A feature that is dead on all answered images, and alive on a candidate, says nothing of its
    loss.
    """
    given, rng = [], np.random.default_rng(0)
    count = 20_000  # of which a mean in float32 is not exact
    of = candidates(
        [0, 0, 0],
        [1, 2, 3],
        of=inputs(n=8)._replace(answers=lambda: np.full((count, 10), 0.1, np.float32)),
    )
    asked, own = (rng.normal(size=(rows, 4)).astype(np.float32) for rows in (count, 3))
    asked[:, 2], own[:, 2] = constant, constant + 0.3
    even = [np.full((len(h), 10), 0.1, np.float32) for h in (asked, own)]
    monkeypatch.setattr(candidate_set.Candidates, "queried", lambda _: Predictions(even[0], asked))
    monkeypatch.setattr(
        candidate_set.Candidates, "predictions", lambda _: Predictions(even[1], own)
    )
    monkeypatch.setattr(
        loss_prediction,
        "predicted_losses",
        lambda a, losses, p, steps, key: given.append((a, p)) or np.float32([1, 3, 2]),
    )
    assert learning_loss.choose(of, 2).tolist() == [1, 2]  # the largest predicted
    ((shown, points),) = given
    np.testing.assert_allclose(np.delete(shown, 2, 1).std(0), 1, atol=1e-5)
    assert np.all(shown[:, 2] == 0) and np.all(points[:, 2] == 0) and np.all(np.isfinite(points))


def test_one_is_never_drawn_at_random():
    """Nine of ten would be by the share alone, and rounding would make it ten."""
    one = inputs(n=30, k=10)._replace(settings=settings(random_share=0.99))
    found = active_mixup.choose(one)
    assert np.isfinite(found.score).sum() == 1
    screened = settings(
        random_share=0.5, candidates=2.0, minimiser="screened", evaluations=3, tile=0
    )
    assert active_mixup.evaluations(screened, 435, 10) >= 435


def test_a_committee_learns_what_the_student_learned_and_the_plain_one_as_from_labels():
    plan = dataclasses.replace(training.PLAN, loss="standardised", temperature=1.0)
    data, learned = training.some_data(), []

    def train_network(training, on_epoch):
        learned.append((training.recipe.loss, np.asarray(training.data.answers), training.stream))
        return train.start(training)

    last = training.training_of(plan, training.network_of(), data, stream=(3, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(committee, "train_network", train_network)
        first, second = (
            committee.train_further_student(lambda: last, StopSignal(), member, member == 2)
            for member in (1, 2)
        )
    assert [loss for loss, _, _ in learned] == ["standardised", "soft"]
    np.testing.assert_array_equal(learned[0][1], data.answers)
    assert set(np.unique(learned[1][1][:12]).tolist()) == {0.0, 1.0}
    np.testing.assert_array_equal(learned[1][1][:12].argmax(-1), data.answers[:12].argmax(-1))
    assert len({stream for *_, stream in learned} | {(3, 2)}) == 3  # streams of their own
    kernels = [one["params"]["fc3"]["kernel"] for one in (first, second)]
    assert not np.array_equal(*kernels)


def rounds_of(**fields):
    return facts_of_run(configured(**fields), drawable=400, labelled=True).rounds


def test_the_plan_counts_further_students():
    plain = rounds_of(**{"search.candidates": 2.0})
    fields = {"search.candidates": 2.0, "search.acquisition": "ensemble", "search.committee": 3}
    more = rounds_of(**fields)
    for round_, before in ((1, 0), (2, 1), (3, 2)):
        assert more[round_].trained == plain[round_].trained + 2 * plain[before].trained


def test_all_pairs_left_as_candidates():
    """Fewer than three times k are left: all of them are candidates, and with k of them all are
    chosen.
    """
    one = inputs(n=8, k=28)._replace(settings=settings(acquisition="k_center", candidates=3.0))
    found = active_mixup.choose(one)
    assert sorted(pairs.rank_of(found.records.i, found.records.j, 8)) == list(range(28))


def test_a_share_at_random():
    """The lowest 30 of 40, and ten of the others, unscored and at lambda .5."""
    one = inputs(n=30, k=40)._replace(settings=settings(random_share=0.25))
    found, lowest = active_mixup.choose(one), active_mixup.choose(inputs(n=30, k=30))
    np.testing.assert_array_equal(found.records.i[:30], lowest.records.i)
    assert np.all(np.isnan(found.score[30:])) and set(found.records.w[30:].tolist()) == {32768}
    assert len(set(pairs.rank_of(found.records.i, found.records.j, 30).tolist())) == 40


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"search.acquisition": "cappd"}, r"must be one of .*\(did you mean 'capped'\?\)"),
        (
            {"search.acquisition": "k_center"},
            r"gives active_mixup exactly as many candidates as it needs",
        ),
        (
            {"search.acquisition": "capped", "method": "active_labelling"},
            r"'capped': limits the mixes of an image, but method 'active_labelling' mixes no",
        ),
        ({"search.candidates": 0.5}, r"search\.candidates=0\.5: must be at least 1"),
        (
            {"search.random_share": 1.0},
            r"search\.random_share=1\.0: must be at least 0 and below 1",
        ),
        (
            {"search.acquisition": "bald", "search.candidates": 2.0},
            r"'lenet5_half' has no dropout; choose 'ensemble'",
        ),
        (
            {"method": "supervised_real", "search.as_released": True},
            r"as_released=True: ground-truth labels belong to the data set's own",
        ),
        (
            {"method": "active_labelling", "search.variants": 2},
            r"variants=2: active_labelling makes no mixes",
        ),
        ({"search.committee": 1}, r"search\.committee=1: must be at least 2"),
        ({"search.max_per_image": 0}, r"search\.max_per_image=0: must be at least 1"),
    ],
)
def test_impossible_acquisitions(fields, told):
    with pytest.raises(UserError, match=told):
        configured(**fields)


def test_a_run_that_covers_and_draws(tmp_path):
    """Mixes that are all different, and no query more."""
    fields = {
        **command.TINY,
        "search.acquisition": "k_center",
        "search.candidates": 2.0,
        "search.random_share": 0.2,
    }
    whole_run.run(tmp_path, **fields)
    asked = counting_teacher.asked(tmp_path / "asked.txt")
    assert len(set(asked)) == len(asked) == 60 + 90
    first, second = (row["c2_highest"] for row in command.rows(tmp_path / "run", "round")[1:])
    assert first != second  # each of its own round, though some of its mixes have none
