"""The search in the form for accelerators, run on CPU devices: the same choice, few dispatches, and
nothing sent twice.
"""

from functools import partial

import jax
import numpy as np
import pytest

from amkd import models
from amkd.core import devices
from amkd.methods import active_mixup, vanilla_al
from amkd.models import inference
from amkd.search import activations, device_search, pairs, pool_search, screening
from amkd.search.dispatch_size import DispatchSize
from tests.search.test_device_search import N, fingerprint, inputs, ranks_of, search_of, settings
from tests.support import traffic

TOTAL = pairs.count(N)  # 780
IMAGES, PAIRS = 80, pairs.count(80)  # a larger pool, of 3,160 pairs


@pytest.fixture(scope="module")
def expected():
    """In the form for CPUs."""
    return active_mixup.choose(inputs())


def near(found, expected):
    """The same pairs, and the same scores but for rounding: the networks' convolutions differ.

    A refined search magnifies it: where it evaluates next depends on what it found.
    """
    np.testing.assert_allclose(found.score, expected.score, atol=1e-4)
    assert set(ranks_of(found, N)) == set(ranks_of(expected, N))


@pytest.mark.parametrize(
    "fields",
    [{}, {"max_pairs": 700}, {"minimiser": "refined"}, {"table_bytes": 0}, {"tile": 8, "chunk": 0}],
)
def test_both_forms_choose_the_same(fields, monkeypatch):
    removed = np.sort(np.random.default_rng(1).choice(TOTAL, 99, replace=False))
    pool = pairs.make_pair_pool(N, fields.get("max_pairs", 0), 0)
    removed = removed[np.isin(removed, pool.ranks(np.arange(pool.size)))]
    one = inputs(pool=pool, chosen=removed, **fields)
    expected = active_mixup.choose(one)
    monkeypatch.setattr(devices, "accelerated", lambda: True)
    found = active_mixup.choose(one)
    near(found, expected)
    assert not set(ranks_of(found, N)) & set(removed.tolist())


def test_the_same_bits_for_any_chunk(as_accelerated):
    found = {fingerprint(active_mixup.choose(inputs(chunk=chunk))) for chunk in (0, 7, 64, 1000)}
    assert len(found) == 1


def test_a_search_is_few_dispatches_and_few_bytes(as_accelerated):
    """780 pairs of 40 images in chunks of 256, and the whole of it with 99 pairs removed."""
    removed = np.arange(0, 990, 10)[:70]
    one = inputs(chunk=256, chosen=removed)
    active_mixup.choose(one)  # compiles
    with traffic.counted() as sent:
        active_mixup.choose(one)
    chunks = -(-(TOTAL - 70) // 256)
    assert sent.dispatches == {
        "_mix_inputs": 1,
        "_room": 1,
        "_written": 1,
        "_prepare": 1,
        "_empty": 1,
        "_enumerate": chunks,
        "_score_first": chunks,
        "_keep": chunks,
        "_k_lowest": 1,
    }
    variables = sum(leaf.nbytes for leaf in jax.tree.leaves(one.variables))
    images = 4 * 256 * 64  # one batch of 256 on each device
    assert sent.uploaded <= variables + images + chunks * 4 * 4 * (3 + 64) + 100
    assert sent.downloads == chunks + 4 + 1  # a flag for each; i, j, w and score; a flag


def test_all_searches_of_a_screen_share_one_table(as_accelerated):
    one = inputs(n=IMAGES, k=120)._replace(
        settings=settings(minimiser="screened", evaluations=4, recall=0.5, tile=0)
    )
    with traffic.counted() as sent:
        active_mixup.choose(one)
    assert sent.dispatches["_mix_inputs"] == sent.dispatches["_prepare"] == 1
    assert sent.dispatches["_k_lowest"] >= 3  # forecast, sample, shortlist


def test_searches_for_every_lambda_share_one_table(monkeypatch):
    expected = vanilla_al.choose(inputs())
    monkeypatch.setattr(devices, "accelerated", lambda: True)
    with traffic.counted() as sent:
        found = vanilla_al.choose(inputs())
    assert sent.dispatches["_mix_inputs"] == 1 and sent.dispatches["_k_lowest"] == 3
    near(found, expected)


def test_every_device_has_its_part_of_a_short_dispatch(as_accelerated):
    """Of 64 places on each of four devices, in tiles of 4."""
    search = search_of(inputs(), k=3, pairs=256, tile=4)
    assert (search.length, search.unit) == (256, 16)
    assert search._counts(256).tolist() == [64] * 4
    assert search._counts(40).tolist() == [12, 12, 12, 4]
    assert search._counts(5).tolist() == [4, 1, 0, 0]


@pytest.mark.parametrize("count", [1, 5, 36, 37, 45])
def test_any_number_of_pairs_may_be_added_at_a_time(count, as_accelerated):
    left, found = pairs.RemainingPairs(10, np.empty(0, np.int64)), []
    for by_ranks in (True, False):
        search = search_of(inputs(n=10), k=60, pairs=45, tile=4)
        i, j = pairs.pair_of(np.arange(count), 10)
        wait = search.add_remaining(left, 0, count) if by_ranks else search.add(i, j)
        assert wait() == count
        found.append(search.lowest())
        np.testing.assert_array_equal(
            np.sort(pairs.rank_of(found[-1].i, found[-1].j, 10)), np.arange(count)
        )
    jax.tree.map(np.testing.assert_array_equal, *found)


def test_a_diverged_student_is_noticed(as_accelerated):
    one = inputs(chunk=64)
    broken = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), one.variables)
    with pytest.raises(FloatingPointError, match="finite"):
        active_mixup.choose(one._replace(variables=broken))


def test_tiles_and_dispatches_follow_from_the_memory(monkeypatch, as_accelerated):
    """60 GiB: 3.75 GiB for a tile's first activations, and all of a million pairs' scores."""
    monkeypatch.setattr(devices, "memory", lambda: 60 * 2**30)
    assert device_search.tile_size(11, 9408) == 1024  # 11,264 evaluations
    assert device_search.tile_size(11, 2**22) == 64  # 960 evaluations
    assert device_search.tile_size(11, 2**40) == 1
    # Attention scores of 45 MB: 60 GiB hold eight of each of 178 evaluations, 16 pairs of 11.
    monkeypatch.setattr(devices, "memory", lambda: 60 * 2**30)
    assert device_search.tile_size(11, 2**21, 45_045_600) == 16
    assert device_search.longest_dispatch() == 4 * 983_040
    monkeypatch.setattr(devices, "memory", lambda: 2**40)
    assert device_search.longest_dispatch() == 4 * 2**20


def test_the_largest_array_of_an_evaluation():
    """The scores of a ViT, 6 heads of 1 + 37 x 37 places; kernels are no part of an evaluation."""
    for name, shape, largest in (
        ("vit_small_patch14_dinov2", (518, 518, 3), 6 * 1370**2 * 4),
        ("vgg16", (32, 32, 3), 64 * 32 * 32 * 4),
    ):
        network = models.build(name, 10, shape)
        made = partial(inference.init, network, shape)
        variables = jax.eval_shape(made, jax.random.key(0))
        assert activations.largest_bytes(network, variables, shape) == largest


def test_dispatches_grow_to_half_a_second_and_not_at_once():
    """By hand: 16 pairs in a tile of every device; a pair takes a millisecond, then two."""
    now = [0.0]
    dispatch, sizes = DispatchSize(16, 100_000, fixed=False, clock=lambda: now[0]), []
    for seconds in (9.0, 0.032, 0.128, 0.496, 0.992, 0.480):  # the first one compiles
        now[0] += seconds
        dispatch.done(dispatch.size)
        sizes.append(dispatch.size)
    assert sizes == [32, 128, 496, 496, 240, 240]


def test_several_processes_take_the_size_of_process_0():
    """Their clocks differ, and each hears six sizes; then the size is fixed."""
    said: list[int] = []

    def sizes_of(seconds, agree):
        now, sizes = [0.0], []
        dispatch = DispatchSize(16, 100_000, fixed=False, clock=lambda: now[0], agree=agree)
        for _ in range(9):
            sizes.append(dispatch.size)
            now[0] += seconds * dispatch.size
            dispatch.done(dispatch.size)
        return sizes

    def says(size):
        said.append(size)
        return size

    own = sizes_of(1e-5, says)
    heard = iter([*said])
    assert sizes_of(3e-5, lambda _: next(heard)) == own
    assert own == [32, 32, 128, 512, 2048, 8192, 32768, 49984, 49984]
    assert len(said) == 6 and next(heard, None) is None


def test_a_fixed_size_stays():
    dispatch = DispatchSize(16, 4096, fixed=True)
    for _ in range(3):
        dispatch.done(4096)
        assert dispatch.size == 4096


# A forecast in another type.


@pytest.fixture(scope="module")
def larger():
    return inputs(n=IMAGES, k=120)


def with_forecast(one, **fields):
    return one._replace(settings=settings(tile=0, recall=0.5, **fields))


def test_plan_of_a_forecast_by_hand():
    """One in fifty of the pool is twice k here; 12 / (1000 * .05) of the pool are sampled."""
    found = screening.make_screening(
        settings(recall=0.95, forecast="bfloat16", lam_count=11), 100_000, 1000
    )
    assert found.shortlists == (2000, 4000, 8000, 16_000, 32_000)
    assert (found.sampled, found.dtype) == (24_000, "bfloat16")
    assert found.forecast == found.refined
    assert found.evaluations == 11 * (100_000 + 2000 + 24_000)
    assert found.cost == 11 * (25_000 + 2000 + 24_000)


def test_a_forecast_in_float32_screens_nothing():
    assert not screening.is_wanted(settings())
    assert screening.is_wanted(settings(forecast="bfloat16"))
    assert screening.is_wanted(settings(minimiser="screened"))


@pytest.mark.parametrize("minimiser", ["grid", "screened"])
def test_scores_after_a_forecast_in_bfloat16_are_those_of_float32(larger, minimiser):
    one = with_forecast(larger, forecast="bfloat16", minimiser=minimiser)
    found = active_mixup.choose(one)
    plan = screening.make_screening(one.settings, PAIRS, 120)
    exact = pool_search.lowest_c2(one, plan.refined, PAIRS)
    place = {rank: n for n, rank in enumerate(pairs.rank_of(exact.i, exact.j, IMAGES).tolist())}
    places = [place[rank] for rank in ranks_of(found, IMAGES).tolist()]
    assert places == sorted(places)
    np.testing.assert_array_equal(found.score, exact.score[places])
    np.testing.assert_array_equal(found.records.w, exact.w[places])
    true = np.mean(np.array(places) < 120)
    told = found.metrics
    assert told["forecast"] == "bfloat16" and told["shortlist"] < PAIRS
    assert told["recall"]["low"] <= true <= told["recall"]["high"] and true > 0.9


def test_a_forecast_in_bfloat16_is_one(larger):
    """Its scores differ from those of float32, and by no more than bfloat16 rounds."""
    way = pool_search.configured_minimiser(larger.settings)
    student = pool_search.place(larger, with_logits=False, dtype="bfloat16")
    assert student.table.rows.h.dtype == jax.numpy.bfloat16
    rough = pool_search.lowest_c2(larger, way, PAIRS, student)
    exact = pool_search.lowest_c2(larger, way, PAIRS)
    order = [np.argsort(pairs.rank_of(one.i, one.j, IMAGES)) for one in (rough, exact)]
    apart = np.abs(rough.score[order[0]] - exact.score[order[1]])
    assert 1e-5 < apart.max() < 0.05


@pytest.mark.parametrize(
    ("dtype", "precision"), [("float32", None), ("tensorfloat32", "tensorfloat32")]
)
def test_products_of_a_search_round_as_named(dtype, precision, monkeypatch):
    seen = []
    original = device_search._trunk

    def watched(*args):
        seen.append(jax.config.jax_default_matmul_precision)
        return original(*args)

    monkeypatch.setattr(device_search, "_trunk", watched)
    one = inputs(n=5, lam_count=7)  # of no other test: nothing is compiled yet
    student = pool_search.place(one, with_logits=False, dtype=dtype)
    assert student.precision == precision
    pool_search.lowest_c2(one, pool_search.configured_minimiser(one.settings), 3, student)
    assert seen == [precision or "highest"]
