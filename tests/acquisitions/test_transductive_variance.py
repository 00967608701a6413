"""Transductive variance and EPIG: by hand, against covariances of all images, and at the limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd.acquisitions import epig, transductive_variance
from amkd.candidates import joint_information, transduction
from amkd.candidates.candidate_set import predict
from amkd.core import devices
from amkd.models import uncertainty
from tests.acquisitions.test_acquisitions import inputs_of_round
from tests.support.choices import candidates

I2 = np.eye(2, dtype=np.float32)


def need_of(targets):
    return (transduction.second_moment(np.float32(targets)) / len(targets)).astype(np.float32)


def plain_variance_reducing(points, targets, asked, noise, k):
    """The whole covariance of targets and candidates, conditioned by solving, then one after the
    other.
    """
    points, targets, asked = (np.float64(of) for of in (points, targets, asked))
    every = np.concatenate([targets, points])
    given = np.linalg.solve(asked @ asked.T + noise * np.eye(len(asked)), asked @ every.T)
    cov = every @ every.T - every @ asked.T @ given
    chosen, first = [], len(targets)
    for _ in range(k):
        scores = (cov[:first, first:] ** 2).mean(0) / (np.diag(cov)[first:] + noise)
        scores[chosen] = -np.inf
        chosen.append(int(np.argmax(scores)))
        x = cov[:, first + chosen[-1]]
        cov = cov - np.outer(x, x) / (x[first + chosen[-1]] + noise)
    return chosen


def test_the_least_variance_by_hand():
    """One target (1, 0), noise 1, prior I. Of (1, 1), (0, 1), (1, 0): 1/3, 0, 1/2. Then S is
    diag(1/2, 1): (1, 1) has covariance 1/2 and variance 3/2, a score of 1/10. The last has none.
    """
    points = np.float32([(1, 1), (0, 1), (1, 0)])
    need = need_of([(1, 0)])
    both = [np.asarray(transduction.variances(jnp.asarray(p), I2, need)) for p in points]
    np.testing.assert_allclose(both, [(2, 1), (1, 0), (1, 1)])
    assert transduction.least_variance(points, I2, need, 1.0, 3).tolist() == [2, 0, 1]
    half = np.float32([(0.5, 0), (0, 1)])
    np.testing.assert_allclose(transduction.posterior(np.float32([(1, 0)]), 1.0), half)
    again = transduction.variances(jnp.asarray(points[0]), half, need)
    np.testing.assert_allclose(again, [1.5, 0.25])  # of which 0.25 / (1.5 + 1) is the score


@pytest.mark.parametrize(("seed", "noise"), [(0, 0.01), (1, 1.0), (2, 100.0)])
def test_the_least_variance_is_the_plain_reference(seed, noise):
    rng = np.random.default_rng(seed)
    points, targets, asked = (
        (rng.normal(size=(rows, 6)) * (1, 1, 1, 0.3, 0.1, 2)).astype(np.float32)
        for rows in (40, 15, 9)
    )
    covariance = transduction.posterior(asked, noise).astype(np.float32)
    given = points, covariance, need_of(targets), np.float32(noise)
    expected = plain_variance_reducing(points, targets, asked, noise, 12)
    assert transduction.least_variance(*given, 12).tolist() == expected
    if seed == 0:  # neither how often nor of how many variances are computed is part of the result
        found = transduction.greedy(*(jnp.asarray(of) for of in given), 12, anew=5, block=7)
        assert found.tolist() == expected


def test_variance_that_is_nowhere_and_candidates_that_are_alike():
    """A target of no variance adds nothing. Alike candidates, and all of them, are chosen once
    each. With much noise nothing is learned, so that the scores do not change: Cov^2 decides.
    """
    rng = np.random.default_rng(3)
    points = rng.normal(size=(9, 3)).astype(np.float32)
    some = need_of([(1, 2, 3)])
    more = need_of([(1, 2, 3), (0, 0, 0)])
    np.testing.assert_allclose(2 * more, some)
    eye = np.eye(3, dtype=np.float32)
    first = transduction.least_variance(points, eye, some, 0.5, 9).tolist()
    # All else alike: half the need is half of every score.
    assert transduction.least_variance(points, eye, more, 0.5, 9).tolist() == first
    assert sorted(first) == list(range(9))
    alike = transduction.least_variance(np.ones((9, 3), np.float32), eye, some, 0.5, 9)
    assert sorted(alike.tolist()) == list(range(9))
    nothing = transduction.least_variance(points, eye, np.zeros((3, 3), np.float32), 0.5, 4)
    assert nothing.tolist() == [0, 1, 2, 3]
    much = transduction.least_variance(points, eye, some, 1e8, 9).tolist()
    assert much == np.argsort(-((points @ (1, 2, 3)) ** 2), kind="stable").tolist()


def test_the_real_images_are_the_targets_and_the_answers_so_far_are_known():
    """Of 12 images 6 are real, the others their variants; features scaled so that a target's
    variance is 1.
    """
    one, _ = inputs_of_round("transductive_variance", n=12)
    of = candidates([0, 6, 2, 3, 4], [1, 7, 3, 8, 5], of=one._replace(real=6), variants=1)
    every = [of.real_images(99), of.inputs.records, of.records()]
    targets, asked, points = (
        predict(of.inputs, of.inputs.variables, some).features for some in every
    )
    assert len(targets) == 6
    scale = np.sqrt((np.float64(targets) ** 2).sum(-1).mean())
    expected = plain_variance_reducing(points / scale, targets / scale, asked / scale, 0.01, 4)
    assert transductive_variance.choose(of, 4).tolist() == expected


# EPIG


def test_what_a_class_tells_of_another_by_hand():
    """Two sure members that agree on both images only with themselves: ln 2. Members that say the
    same: 0. Members (.75, .25) and (.25, .75) on both: joint .3125 and .1875.
    """
    sure, even = np.float32([(1, 0), (0, 1)]), np.full((2, 2), 0.5, np.float32)
    half = np.float32([(0.75, 0.25), (0.25, 0.75)])
    of = jax.vmap(joint_information.mutual_information)
    found = of(jnp.stack([sure, sure, half]), jnp.stack([sure, even, half]))
    expected = 0.625 * np.log(1.25) + 0.375 * np.log(0.75)
    np.testing.assert_allclose(found, [np.log(2), 0, expected], atol=1e-6)


def plain_epig(opinions, targets):
    opinions, targets = np.float64(opinions), np.float64(targets)
    scores = np.zeros(len(opinions))
    for x, own in enumerate(opinions):
        for other in targets:
            joint = np.mean([np.outer(p, q) for p, q in zip(own, other, strict=True)], 0)
            apart = np.outer(own.mean(0), other.mean(0))
            seen = joint > 0
            scores[x] += np.sum(joint[seen] * np.log(joint[seen] / apart[seen])) / len(targets)
    return scores


def test_epig_is_the_plain_reference():
    rng = np.random.default_rng(0)
    own, others = (rng.dirichlet(np.full(4, 0.3), (rows, 3)).astype(np.float32) for rows in (70, 9))
    own[:2] = np.eye(4, dtype=np.float32)[:3]  # probabilities of 0
    expected = plain_epig(own, others)
    found = joint_information.epig(own, others)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    one = joint_information.mean_information(jnp.asarray(own[5]), jnp.asarray(others), block=4)
    np.testing.assert_allclose(one, expected[5], atol=1e-6)
    # No more than what the class tells of the member, and of a sure target just that.
    told = devices.each(uncertainty.disagreement, own)
    assert np.all(found <= told + 1e-6)
    members = np.eye(3, dtype=np.float32)[None]  # each names another class of three
    np.testing.assert_allclose(joint_information.epig(own, members), told, atol=1e-6)


def test_epig_takes_the_most_informative_for_the_real_images():
    one, trained = inputs_of_round("epig")
    of = candidates([0, 1, 2, 3, 4], [5, 6, 7, 8, 9], of=one)
    both = list(of.committee_and(of.real_images(1000)))
    own, targets = (np.stack([pair[side].probabilities for pair in both], 1) for side in (0, 1))
    assert own.shape == (5, 2, 10) and targets.shape == (30, 2, 10)
    expected = np.argsort(-plain_epig(own, targets), kind="stable")[:3]
    assert epig.choose(of, 3).tolist() == expected.tolist()
    assert trained == [(1, False)] * 2


def test_many_real_images_are_drawn_by_the_round():
    one, _ = inputs_of_round("epig")
    of = candidates([0, 1], [5, 6], of=one._replace(real=20))
    some = of.real_images(7).i.tolist()
    assert len(set(some)) == 7 and sorted(some) == some and max(some) < 20
    assert of.real_images(7).i.tolist() == some
    asked = of.queried_real_images(7)
    assert len(set(asked.tolist())) == 7 and asked.max() < 20
    another = candidates([0, 1], [5, 6], of=one._replace(real=20, stream=(0, 2)))
    assert another.real_images(7).i.tolist() != some
