"""Whole settings: what is still possible."""

from amkd.methods import find
from amkd.validation import from_config
from tests.support.configuring import changed


def test_the_edges_of_the_possible_are_possible() -> None:
    loaded = from_config(
        changed(
            n_real=2,
            budget=3,
            rounds=1,
            seed=0,
            search__lam_low=0.5,
            search__lam_high=0.5,
            search__lam_count=1,
            train__epochs=1,
            train__momentum=0.0,
            train__drops=(),
            train__drop_factor=1.0,
            teacher__min_accuracy=1.0,
            checkpoint__seconds=0.0,
        )
    )
    assert find(loaded.method).selector.ks(loaded) == (1,)
