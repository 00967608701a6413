"""Fresh mixes: of which pairs, and at which lambdas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.data.records import Records, real_records
from amkd.search import fresh_mixes

HALF = 32768


def mixes_of(*triples):
    """Records of (i, j, w)."""
    return Records(*(np.array(column, np.int32) for column in zip(*triples, strict=True)))


def draw(asked, count, near=0.0, lam=(0.25, 0.75), seed=0):
    rng = np.random.default_rng(seed)
    return fresh_mixes.draw(asked, count, near=near, lam=lam, rng=rng)


def pairs_of(records):
    return list(zip(records.i.tolist(), records.j.tolist(), strict=True))


def test_by_hand():
    """Four images have six pairs, of which two were asked about."""
    asked = real_records(4).extend(mixes_of((0, 1, HALF), (1, 3, HALF)))
    found = draw(asked, 6, near=1 / 3)
    assert sorted(pairs_of(found)[:2]) == [(0, 1), (1, 3)]
    assert sorted(pairs_of(found)[2:]) == [(0, 2), (0, 3), (1, 2), (2, 3)]
    assert all(column.dtype == np.int32 for column in (found.i, found.j, found.w))
    # Nine mixes of four pairs: each twice, and one once more.
    times = np.unique(pairs_of(draw(asked, 9)), axis=0, return_counts=True)[1]
    assert sorted(times) == [2, 2, 2, 3]
    # Five of two pairs: 3 and 2.
    assert sorted(pairs_of(draw(asked, 5, near=1.0))).count((0, 1)) in (2, 3)


@pytest.mark.parametrize("seed", range(8))
def test_a_pair_that_was_queried_at_several_lambdas_is_one_pair(seed):
    asked = real_records(4).extend(
        mixes_of((0, 1, HALF), (0, 1, HALF + 9), (0, 1, HALF - 9), (2, 3, HALF))
    )
    assert {*pairs_of(draw(asked, 2, near=1.0, seed=seed))} == {(0, 1), (2, 3)}


def test_another_lambda_than_any_that_was_asked_for():
    """Of three weights 32767, 32768 and 32769, two are removed."""
    asked = real_records(2).extend(mixes_of((0, 1, HALF - 1), (0, 1, HALF)))
    lam = ((HALF - 1) / 65536, (HALF + 1) / 65536)
    assert draw(asked, 20, near=1.0, lam=lam).w.tolist() == [HALF + 1] * 20


def test_only_images_that_were_asked_about_are_mixed():
    """Image 1 is not: it is known from a mix alone, such as a variant."""
    whole = real_records(4).take(np.array([0, 2, 3]))
    asked = whole.extend(mixes_of((0, 1, HALF), (0, 2, HALF)))
    assert set(pairs_of(draw(asked, 30))) == {(0, 3), (2, 3)}
    assert set(pairs_of(draw(asked, 30, near=1.0))) == {(0, 1), (0, 2)}


def test_without_pairs_all_are_of_other_pairs():
    assert pairs_of(draw(real_records(2), 3, near=1.0)) == [(0, 1)] * 3
    assert len(draw(real_records(2), 0)) == 0


def test_whether_there_is_a_pair():
    """Of one image there is none; of two there is one, until it was asked about itself."""
    assert not fresh_mixes.can_draw(real_records(1))
    assert fresh_mixes.can_draw(real_records(2))
    assert not fresh_mixes.can_draw(real_records(2).extend(mixes_of((0, 1, HALF))))
    assert fresh_mixes.can_draw(real_records(3).extend(mixes_of((0, 1, HALF))))
    assert not fresh_mixes.can_draw(mixes_of((0, 1, HALF)))


def test_no_pair_is_left():
    with pytest.raises(ValueError, match="all pairs of 2 images"):
        draw(real_records(2).extend(mixes_of((0, 1, HALF))), 1)


@given(
    n=st.integers(3, 40), count=st.integers(0, 60), near=st.floats(0, 1), seed=st.integers(0, 99)
)
def test_shares_and_ranges_hold(n, count, near, seed):
    rng = np.random.default_rng(seed)
    known = [(0, 1), (0, 2), *((i, i + 1) for i in range(1, n - 1, 2))][: n - 1]
    asked = real_records(n).extend(mixes_of(*((*pair, rng.integers(1, 65535)) for pair in known)))
    found = draw(asked, count, near=near, lam=(0.3, 0.7), seed=seed)
    again = [pair in known for pair in pairs_of(found)]
    assert len(found) == count and sum(again) == round(near * count)
    assert np.all(found.i < found.j) and np.all(found.j < n)
    assert np.all((found.w >= round(0.3 * 65536)) & (found.w <= round(0.7 * 65536)))
    triples = set(zip(asked.i.tolist(), asked.j.tolist(), asked.w.tolist(), strict=True))
    assert triples.isdisjoint(zip(*(c.tolist() for c in (found.i, found.j, found.w)), strict=True))
