"""Excess doubt: what is predicted of the teacher's doubt, by hand and against plain NumPy."""

import numpy as np
import pytest

from amkd.acquisitions import excess_doubt
from amkd.candidates import candidate_set, teacher_entropy
from amkd.candidates.candidate_set import Predictions
from amkd.core.errors import UserError
from amkd.data.records import Records, real_records, whole_records
from amkd.search import pairs
from tests.acquisitions.test_acquisitions import inputs_of_round
from tests.support import plain
from tests.support.choices import candidates
from tests.support.small import configured

LN2 = np.log(2)


def plain_ridge(inputs, outputs, wanted):
    """The ridge regression whose squared error over records left out one by one is least; each of
    these is fitted anew.
    """

    def fit(x, y, strength):
        mean = x.mean(0)
        weights = np.linalg.solve(
            (x - mean).T @ (x - mean) + strength * np.eye(x.shape[1]), (x - mean).T @ (y - y.mean())
        )
        return lambda new: y.mean() + (new - mean) @ weights

    spread = np.where(np.ptp(inputs, 0) > 0, inputs.std(0), np.inf)
    x = (inputs - inputs.mean(0)) / spread
    left_out = {}
    for strength in 10.0 ** np.arange(-1, 6):
        rest = [np.delete(np.arange(len(x)), row) for row in range(len(x))]
        errors = [
            fit(x[of], outputs[of], strength)(x[row]) - outputs[row] for row, of in enumerate(rest)
        ]
        left_out[strength] = np.mean(np.square(errors))
    best = min(left_out, key=left_out.get)
    return fit(x, outputs, best)((wanted - inputs.mean(0)) / spread)


def test_what_is_known_of_a_mix_by_hand():
    """Sure answers of two classes, mixed half and half: ln 2. Of one class: 0. At lambda 1/4, with
    an unsure end: (.125 + 0, ...). Image 2 is a variant of image 0.
    """
    answers = np.float32([(1, 0), (0, 1), (0.5, 0.5)])
    records = Records(*np.int32([(0, 0, 2, 3), (1, 0, 0, 1), (32768, 32768, 16384, 32768)]))
    found = teacher_entropy.ends_entropy(answers, records)
    third = -0.875 * np.log(0.875) - 0.125 * np.log(0.125)
    expected = [(LN2, 0, 0, 0.25), (0, 0, 0, 0.25), (third, LN2, 0, 0.1875), (LN2, 0, 0, 0.25)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def inputs_with_mixes(count=30):
    """The inputs of round 2: 30 real images and some mixes of them are answered."""
    one, _ = inputs_of_round("excess_doubt")
    rng = np.random.default_rng(2)
    i, j = pairs.pair_of(np.sort(rng.choice(400, count, replace=False)), 30)
    w = rng.integers(20_000, 50_000, count)
    mixes = Records(*(np.int32(of) for of in (i, j, w)))
    answers = rng.dirichlet(np.full(10, 0.5), 30 + count).astype(np.float32)
    return one._replace(records=real_records(30).extend(mixes), answers=lambda: answers)


def of_pairs(one, count=50):
    i, j = pairs.pair_of(np.arange(400, 400 + count) % 435, 30)
    return candidates(i, j, of=one)


def entropies(p):
    return np.array([plain.entropy(row) for row in np.float64(p)])


def test_before_any_mix_is_answered_the_mixed_answers_are_believed():
    one, _ = inputs_of_round("excess_doubt")
    of = candidates([0, 1, 2], [3, 4, 5], of=one)
    answers = np.float64(of.answers())
    mixed = (answers[[0, 1, 2]] + answers[[3, 4, 5]]) / 2
    np.testing.assert_allclose(teacher_entropy.predicted_entropy(of), entropies(mixed), atol=1e-5)
    excess = entropies(of.predictions().probabilities) - entropies(mixed)
    assert excess_doubt.choose(of, 3).tolist() == np.argsort(-excess).tolist()


def test_doubt_of_mixes_is_the_plain_ridge_regression():
    of = of_pairs(inputs_with_mixes())
    answers, own, asked = of.answers(), of.predictions().features, of.queried().features
    told, wanted = (
        teacher_entropy.ends_entropy(answers[:30], some)
        for some in (of.inputs.records.take(slice(30, None)), of.records())
    )
    outputs = entropies(answers[30:]) - told[:, 0]
    inputs = np.concatenate([told, asked[30:]], 1)
    more = plain_ridge(inputs, outputs, np.concatenate([wanted, own], 1))
    found = teacher_entropy.predicted_entropy(of)
    np.testing.assert_allclose(found, np.clip(wanted[:, 0] + more, 0, np.log(10)), atol=1e-6)


def test_doubt_of_whole_images_is_regressed_on_features_alone():
    one, _ = inputs_of_round("excess_doubt")
    one = one._replace(records=one.records.take(slice(20)))
    answers = one.answers()[:20]
    one = one._replace(answers=lambda: answers)
    wanted = whole_records(np.arange(20, 30))
    of = candidates(wanted.i, wanted.j, of=one)
    of.scored.w[:] = wanted.w
    doubt = entropies(answers)
    expected = doubt.mean() + plain_ridge(
        np.concatenate([np.ones((20, 1)), np.float64(of.queried().features)], 1)[:, 1:],
        doubt - doubt.mean(),
        np.float64(of.predictions().features),
    )
    np.testing.assert_allclose(teacher_entropy.predicted_entropy(of), expected, atol=1e-6)


def test_what_the_teacher_entropys_too_is_left(monkeypatch):
    """A teacher whose doubt of a mix follows one feature: half of a nat where it is on, else none.
    Of two mixes of which the student is as unsure, the one with that feature waits.
    """
    of = of_pairs(inputs_with_mixes(), 2)
    on = np.arange(60) % 2
    sure, torn = np.eye(10)[0], np.full(10, 0.1)
    answers = np.where(on[:, None], torn, sure).astype(np.float32)
    answers[:30] = sure
    asked, own = np.float32(np.stack([on, 1 - on], 1)), np.float32([(1, 0), (0, 1)])
    even = np.full((2, 10), 0.1, np.float32)
    monkeypatch.setattr(candidate_set.Candidates, "answers", lambda _: answers)
    monkeypatch.setattr(candidate_set.Candidates, "queried", lambda _: Predictions(answers, asked))
    monkeypatch.setattr(candidate_set.Candidates, "predictions", lambda _: Predictions(even, own))
    found = teacher_entropy.predicted_entropy(of)
    np.testing.assert_allclose(found, [np.log(10), 0], atol=0.05)
    assert excess_doubt.choose(of, 1).tolist() == [1]


def test_no_image_is_in_more_mixes_than_its_cap():
    """The three most wanted share image 0, which may be in two of a round's mixes."""
    one, _ = inputs_of_round("excess_doubt")
    of = candidates([0, 0, 0, 4, 5], [1, 2, 3, 6, 7], of=one, max_per_image=2)
    free = candidates([0, 0, 0, 4, 5], [1, 2, 3, 6, 7], of=one, max_per_image=9)
    order = excess_doubt.choose(free, 5).tolist()
    rest = [place for place in order if place not in [p for p in order if p < 3][2:]]
    assert excess_doubt.choose(of, 4).tolist() == rest


@pytest.mark.parametrize(
    "fields",
    [{"teacher.kind": "labels", "method": "active_labelling"}, {"teacher.answers.form": "label"}],
)
def test_labels_tell_no_doubt(fields):
    with pytest.raises(UserError, match="hard labels do not show how unsure the teacher is"):
        configured(**{"search.acquisition": "excess_doubt", "search.candidates": 2.0, **fields})
