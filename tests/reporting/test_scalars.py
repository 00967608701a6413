"""Scalars for dashboards, from entries of metrics.jsonl, those of earlier versions included."""

import pytest

from amkd.reporting import interval, scalars
from tests.support.summaries import epoch, row


def test_an_epoch():
    assert scalars.of_epoch({**epoch(2, 1), "learning_rate": 0.1}) == {
        "loss/round_2": pytest.approx(1.79),
        "learning_rate/round_2": 0.1,
    }
    assert scalars.of_epoch(epoch(0, 1)).keys() == {"loss/round_0"}


def test_a_round_has_time_spend_scores_and_schedule():
    told = {"queries_paid": 90, "cost": 1.5, "selected": 50, "agreement_images": 100}
    found = scalars.of_round(row(1, 200, divergence=0.25, **told))
    low, high = interval.wilson(0.5, 100)
    assert found == {
        "round/student_accuracy": 0.6,
        "round/agreement": 0.5,
        "round/agreement_low": low,
        "round/agreement_high": high,
        "round/divergence": 0.25,
        "round/loss": 1.4,
        "round/c2_lowest": 0.25,
        "round/c2_highest": 0.75,
        "spend/queries_paid": 90,
        "spend/cost": 1.5,
        "schedule/round": 1,
        "schedule/selected": 50,
        "seconds/search": 12.4,
        "seconds/query": 3.0,
        "seconds/train": 65.6,
        "seconds/evaluate": 0.2,
        "seconds/round": pytest.approx(81.2),
    }


def test_a_round_of_an_earlier_version():
    old = {"round": 0, "queries": 9, "student_accuracy": None, "agreement": 0.5, "loss": 1.0}
    assert scalars.of_round(old) == {"round/agreement": 0.5, "round/loss": 1.0, "schedule/round": 0}


def test_every_scalar_is_in_a_group():
    for found, axis in (
        (scalars.of_epoch(epoch(0, 1)), "epoch"),
        (scalars.of_round(row(1, 9)), "queries"),
    ):
        assert {name.partition("/")[0] for name in found} <= set(scalars.GROUPS[axis])
