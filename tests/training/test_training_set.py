"""Records, padding, batches and epochs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.data.lazy_images import LazyImages
from amkd.data.records import Records, real_records
from amkd.training import training_set
from tests.support import plain

SHAPE = (3, 4, 2)


def example(n=6, mixes=5, classes=3, capacity=16):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, *SHAPE), np.uint8)
    i, j = (rng.integers(0, n, mixes).astype(np.int32) for _ in range(2))
    more = Records(i, j, rng.integers(0, 65537, mixes).astype(np.int32))
    records = real_records(n).extend(more)
    answers = rng.dirichlet(np.ones(classes), n + mixes).astype(np.float32)
    return images, records, answers, training_set.make(images, records, answers, capacity=capacity)


def test_real_images_are_records_of_themselves():
    records = real_records(4)
    assert len(records) == 4
    assert records.i.tolist() == records.j.tolist() == [0, 1, 2, 3]
    assert records.w.tolist() == [65536] * 4
    assert all(column.dtype == np.int32 for column in (records.i, records.j, records.w))


def test_extend_keeps_the_order_of_the_queries():
    more = Records(*(np.array(column, np.int32) for column in ([0], [2], [100])))
    both = real_records(2).extend(more)
    assert len(both) == 3
    assert both.i.tolist() == [0, 1, 0]
    assert both.j.tolist() == [0, 1, 2]
    assert both.w.tolist() == [65536, 65536, 100]
    assert all(column.dtype == np.int32 for column in (both.i, both.j, both.w))


def test_padding_goes_to_the_end_and_the_shape_is_the_capacitys():
    images, records, answers, data = example()
    assert data.images is images
    for column, original in zip(
        (data.i, data.j, data.w), (records.i, records.j, records.w), strict=True
    ):
        assert column.shape == (16,)
        assert column.dtype == np.int32
        np.testing.assert_array_equal(column[:11], original)
    assert data.answers.shape == (16, 3)
    assert data.answers.dtype == np.float32
    np.testing.assert_array_equal(data.answers[:11], answers)
    assert data.teacher_features is None and data.teacher_feature_count == 0
    more = training_set.make(images, records, answers, capacity=16, teacher_features=answers[:, :2])
    assert more.teacher_features.shape == (16, 2) and more.teacher_feature_count == 2
    np.testing.assert_array_equal(more.teacher_features[:11], answers[:, :2])


def test_a_full_set_needs_no_padding_and_a_smaller_capacity_is_refused():
    images, records, answers, _ = example()
    full = training_set.make(images, records, answers, capacity=11)
    np.testing.assert_array_equal(full.answers, answers)
    with pytest.raises(ValueError, match="negative"):
        training_set.make(images, records, answers, capacity=10)


def test_batch_is_mixed_as_its_records_say():
    images, records, answers, data = example()
    index = np.array([10, 0, 6, 6, 3], np.int32)
    found = jax.jit(training_set.take)(data, index)
    mixed = found.images
    expected = [
        plain.mix_bytes(images[records.i[q]], images[records.j[q]], records.w[q]) for q in index
    ]
    assert mixed.dtype == jnp.uint8
    np.testing.assert_array_equal(mixed, expected)
    np.testing.assert_array_equal(mixed[1], images[0])
    np.testing.assert_array_equal(found.answers, answers[index])
    assert found.teacher_features is None
    more = training_set.take(data.replace(teacher_features=2 * data.answers), index)
    np.testing.assert_array_equal(more.teacher_features, 2 * answers[index])


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 2**32))
def test_every_record_is_in_an_epoch_once(count, batch, seed):
    batches = training_set.epoch(count, batch, np.random.default_rng(seed))
    index, weight, position = batches.index, batches.weight, batches.position
    assert batches.partner is batches.lam is None and position.tolist() == [
        list(range(batch))
    ] * len(index)
    assert index.shape == weight.shape == (-(-count // batch), batch)
    assert (index.dtype, weight.dtype) == (np.int32, np.float32)
    assert set(np.unique(weight).tolist()) <= {0.0, 1.0}
    assert sorted(index[weight == 1].tolist()) == list(range(count))
    assert np.all((index >= 0) & (index < count))
    assert np.all(weight[:-1] == 1)
    filled = index[-1][weight[-1] == 0]
    np.testing.assert_array_equal(filled, np.resize(index.ravel()[:count], len(filled)))


@given(st.integers(1, 40), st.integers(1, 8), st.integers(1, 4), st.integers(0, 2**32))
def test_views_of_an_image_are_side_by_side(images, some, views, seed):
    """Each view of each image once, in its own place; what fills the last batch is whole images,
    too.
    """
    count, batch = images * views, some * views
    batches = training_set.epoch(count, batch, np.random.default_rng(seed), views=views)
    of_images, weight = batches.index.reshape(-1, views), batches.weight.reshape(-1, views)
    assert batches.index.dtype == np.int32 and batches.index.shape[1] == batch
    np.testing.assert_array_equal(of_images, of_images[:, :1] + images * np.arange(views))
    assert np.all(weight == weight[:, :1])
    assert sorted(of_images[weight[:, 0] > 0, 0].tolist()) == list(range(images))


def test_epochs_differ_by_their_source_and_only_by_it():
    first, again, other = (
        training_set.epoch(100, 32, np.random.default_rng(seed)).index for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first.ravel()[:100], np.arange(100))


@given(st.integers(1, 100), st.integers(1, 32), st.floats(0.01, 1), st.integers(0, 2**32))
def test_an_exact_share_of_each_batch_is_mixed_with_a_permutation_of_it(count, batch, share, seed):
    batches = training_set.epoch(count, batch, np.random.default_rng(seed), share=share, beta=0.7)
    assert batches.partner.dtype == np.int32 and batches.lam.dtype == np.float32
    for index, partner, lam in zip(batches.index, batches.partner, batches.lam, strict=True):
        assert sorted(index) == sorted(partner)
        assert np.sum(lam != 1) <= round(share * batch)  # a beta variate may be 1 in float32
        assert np.all((lam >= 0) & (lam <= 1))


def test_the_share_and_the_distribution_of_lambda():
    """Half of 1,000 places, uniform; the released code draws them with replacement, and mixes 607
    in the mean.
    """
    batches = training_set.epoch(50_000, 1000, np.random.default_rng(0), share=0.5)
    assert np.all(np.sum(batches.lam != 1, axis=1) == 500)
    mixed = batches.lam[batches.lam != 1]
    assert abs(mixed.mean() - 1 / 2) < 0.01 and abs(mixed.var() - 1 / 12) < 0.003
    narrow = training_set.epoch(50_000, 1000, np.random.default_rng(0), share=1.0, beta=20.0).lam
    assert abs(narrow.var() - 1 / (4 * 41)) < 0.0005
    plain_batches = training_set.epoch(50_000, 1000, np.random.default_rng(0))
    np.testing.assert_array_equal(batches.index, plain_batches.index)  # the same order


@pytest.mark.parametrize(("share", "stays"), [(0.1, 0.592), (0.5, 0.396), (1.0, 0.0), (0.99, 0.0)])
def test_more_is_mixed_as_released(share, stays):
    """Of 64 places: 57 draws, 32, and none leave so many unmixed in the mean; the order is the
    same.
    """
    batches = training_set.epoch(
        64_000, 64, np.random.default_rng(0), share=share, mix_as_released=True
    )
    assert abs(np.mean(batches.lam == 1) - stays) < 0.006
    assert len(set(np.sum(batches.lam == 1, axis=1).tolist())) > 5 or not stays  # no exact share
    plain_batches = training_set.epoch(64_000, 64, np.random.default_rng(0))
    np.testing.assert_array_equal(batches.index, plain_batches.index)


def test_places_drawn_by_hand():
    """One draw of ten marks one place of each batch; a plain loop over the same draws marks the
    same.
    """
    assert np.all(
        training_set.draw_with_replacement(
            100, 10, share=1 - 0.9, rng=np.random.default_rng(0)
        ).sum(1)
        == 1
    )
    found = training_set.draw_with_replacement(20, 8, share=0.8, rng=np.random.default_rng(0))
    expected = np.zeros((20, 8), bool)
    for row, places in enumerate(np.random.default_rng(0).integers(0, 8, (20, 6))):
        for place in places:
            expected[row, place] = True
    np.testing.assert_array_equal(found, expected)


def test_draws_of_exact_shares_stay_what_they_are():
    """Numbers that runs rest on."""
    batches = training_set.epoch(5, 4, np.random.default_rng(0), share=0.5)
    assert batches.index.tolist() == [[2, 4, 3, 0], [1, 2, 4, 3]]
    assert batches.partner.tolist() == [[2, 0, 3, 4], [3, 2, 4, 1]]
    lam = [[0.9966546, 1, 0.8059721, 1], [0.1855775, 1, 0.1577153, 1]]
    np.testing.assert_allclose(batches.lam, lam, rtol=1e-6)


def test_batches_with_an_assistants_records_by_hand():
    """Five records of the teacher and three of an assistant, in batches of 4 with one of these: two
    steps hold 3 + 3 places of the teacher's, the last of which only fills.
    """
    batches = training_set.epoch(5, 4, np.random.default_rng(0), assisted=3, assisted_places=1)
    assert batches.index.shape == (2, 4)
    own = batches.index[:, :3].ravel()
    assert sorted(own[:5]) == [0, 1, 2, 3, 4] and own[5] == own[0]
    assert set(batches.index[:, 3]) <= {5, 6, 7} and len(set(batches.index[:, 3])) == 2
    assert batches.weight.tolist() == [[1, 1, 1, 1], [1, 1, 0, 1]]
    assert batches.position.tolist() == [[0, 1, 2, 3]] * 2
    # The teacher's come in the order of an epoch of their own.
    alone = training_set.epoch(5, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(alone.index, batches.index[:, :3])


@given(
    count=st.integers(1, 40),
    assisted=st.integers(1, 40),
    batch=st.integers(2, 16),
    data=st.data(),
)
def test_every_batch_has_exactly_the_share_of_an_assistant(count, assisted, batch, data):
    places = data.draw(st.integers(1, batch - 1))
    batches = training_set.epoch(
        count, batch, np.random.default_rng(0), assisted=assisted, assisted_places=places
    )
    theirs = batches.index >= count
    assert np.all(theirs.sum(1) == places) and np.all(batches.weight[theirs] == 1)
    assert batches.index.max() < count + assisted
    times = np.bincount(batches.index[theirs] - count, minlength=assisted)
    assert times.max() - times.min() <= 1
    paid = batches.index[~theirs & (batches.weight == 1)]
    assert sorted(paid) == list(range(count))


def test_lazy_images_are_taken_once_for_all_mixes_of_them():
    images = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2, 1)
    lazy = LazyImages(images[:2], images, np.arange(2, 5))
    records = Records(*(np.array(c, np.int32) for c in ([1, 4, 1], [1, 4, 4], [65536] * 3)))
    data = training_set.make(
        lazy, records, np.zeros((3, 2), np.float32), capacity=9, lazy_capacity=3
    )
    assert data.images.shape == (3, 2, 2, 1) and data.i.shape == (9,)
    np.testing.assert_array_equal(data.images[data.i[:3]], images[[1, 4, 1]])
    np.testing.assert_array_equal(data.images[data.j[:3]], images[[1, 4, 4]])
