"""Choices among images of lanes, by the acquisitions that fit them."""

import dataclasses

import numpy as np
import pytest

from amkd.acquisitions import acd, distillation_gap
from amkd.acquisitions.base import acquisition_named
from amkd.candidates import candidate_set
from amkd.core import keys
from amkd.data import roads
from amkd.data.records import real_records
from amkd.dense_outputs import scores
from amkd.methods import image_choice
from amkd.models import build, uncertainty
from amkd.tasks import LaneTask
from tests.search.test_device_search import inputs, settings, variables_of

IMAGES, LABELS = roads.make(30, keys.rng(0, 0, keys.Purpose.ROADS))
KIND, SHAPE = roads.TASK, (48, 80, 3)
NETWORK = build("row_anchor_half", KIND.length, SHAPE, groups=KIND.groups)
LARGER = build("row_anchor", KIND.length, SHAPE, groups=KIND.groups)


def inputs_of_round(name, asked=(), **fields):
    """Ten roads are answered, twenty are left; other students are random ones."""
    taught = []
    one = inputs(n=30, k=6)._replace(
        images=IMAGES,
        records=real_records(10),
        network=NETWORK,
        variables=variables_of(NETWORK, SHAPE),
        settings=settings(acquisition=name, committee=2, **fields),
        task=KIND,
        answers=lambda: KIND.answers_of(LABELS[:10], KIND.length),
        train_further_student=lambda member, hard: variables_of(NETWORK, SHAPE, 10 + member),
        train_larger=lambda: (LARGER, variables_of(LARGER, SHAPE, 7)),
        train_on=lambda answers: taught.append(answers) or variables_of(NETWORK, SHAPE, 8),
    )
    return one, taught


@pytest.mark.parametrize("name", LaneTask.fits["search.acquisition"])
def test_roads_are_chosen(name):
    one, _ = inputs_of_round(name)
    found = image_choice.choose(one)
    assert len(found.records) == len(set(found.records.i.tolist())) == 6
    assert found.records.i.min() >= 10 and (found.score < 1).all()


def seen(name, **fields):
    """Candidates that the student has seen, and the choice among them."""
    one, taught = inputs_of_round(name, **fields)
    records = image_choice.whole_records(np.arange(10, 30))
    said = image_choice._predict(one, records)
    return candidate_set.least_confident_first(one, records, said), taught


def test_acd_takes_the_largest_scores():
    candidates, _ = seen("acd")
    answers = candidates.predictions().probabilities.reshape(20, 4, 12, 21)
    maps = np.clip(answers[..., :-1].sum(1), 0, 1)
    wanted = [scores.acd(one[None], (3, 3), 4) for one in maps]
    found = acd.choose(candidates, 5)
    np.testing.assert_array_equal(found, np.argsort(-np.array(wanted), kind="stable")[:5])


def test_the_gap_of_the_paper():
    """The larger network teaches a student by its soft answers to what was annotated."""
    candidates, taught = seen("distillation_gap", gap_teacher="network")
    plain, distilled, teacher = distillation_gap._network(candidates)
    (answers,) = taught
    assert answers.shape == (10, KIND.length)
    np.testing.assert_allclose(answers.reshape(10, 48, 21).sum(-1), np.ones((10, 48)), rtol=1e-5)
    found = distillation_gap.contrasts(KIND.gap, plain, distilled.probabilities, teacher)
    a, b = (
        np.array([KIND.gap(x, y) for x, y in zip(one, other, strict=True)])
        for one, other in ((plain, distilled.probabilities), (distilled.probabilities, teacher))
    )
    least = 1e-6 * np.median(np.concatenate([a, b])) + np.finfo(np.float32).tiny
    wanted = [uncertainty.contrast(x, y, least, 10.0) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    assert dataclasses.is_dataclass(KIND) and acquisition_named("distillation_gap")
