"""The search over devices: the same choice however it is cut up."""

import hashlib

import jax
import numpy as np
import pytest

from amkd import models
from amkd.config.search import SearchSettings
from amkd.core import devices
from amkd.data.records import real_records
from amkd.methods import active_mixup, random_mixup
from amkd.models import inference
from amkd.models.inference import MixInput
from amkd.search import device_search, pairs, placed, pool_search
from amkd.search.activations import make_table
from amkd.search.device_search import DeviceSearch
from amkd.search.lambda_grid import lambda_grid
from amkd.search.selection import SelectionInputs
from tests.support import plain
from tests.support.tiny_network import TinyNetwork

SHAPE = (8, 8, 1)
N, K = 40, 50
NOTHING = np.empty(0, np.int64)


def settings(**fields):
    defaults = {
        "minimiser": "grid",
        "lam_low": 0.3,
        "lam_high": 0.7,
        "lam_count": 3,
        "evaluations": 3,
        "recall": 0.9,
    }
    defaults |= {"random_lam": "half", "variants": 0, "variant_crop": 0, "variant_flip": False}
    defaults |= {"variant_rotate": 0.0, "variant_zoom": 0.0, "random_share": 0.0}
    defaults |= {"acquisition": "lowest", "candidates": 1.0, "max_per_image": 4, "committee": 2}
    defaults |= {"as_released": False, "max_pairs": 0, "schedule": "equal"}
    return SearchSettings(**{**defaults, "chunk": 256, "tile": 4, "table_bytes": 2**30, **fields})


def variables_of(network, shape, seed=0):
    return plain.random_variables(
        jax.eval_shape(lambda: inference.init(network, shape, jax.random.key(0))), seed
    )


TINY, LENET = TinyNetwork(10), models.build("lenet5_half", 10, SHAPE)


def inputs(
    n=N,
    k=K,
    pool=None,
    chosen=NOTHING,
    progress=lambda _: None,
    seed=0,
    network=TINY,
    **fields,
):
    return SelectionInputs(
        images=np.random.default_rng(seed).integers(0, 256, (n, *SHAPE), np.uint8),
        pool=pool or pairs.make_pair_pool(n, 0, seed),
        chosen=chosen,
        records=real_records(n),
        k=k,
        stream=(seed, 1),
        network=network,
        variables=variables_of(network, SHAPE),
        settings=settings(**fields),
        progress=progress,
    )


def search_of(one=None, **fields):
    """A search under the student of a selection, with other arguments."""
    given = {"tile": 1, "table_bytes": 2**30}
    if one is not None:
        given |= {"network": one.network, "variables": one.variables, "images": one.images}
        given["minimiser"] = pool_search.configured_minimiser(one.settings)
    given |= fields
    names = ("network", "variables", "images", "table_bytes")
    of_student = {name: given.pop(name) for name in names}
    logits = given["minimiser"].uses_logits
    return DeviceSearch(placed=placed.place(**of_student, with_logits=logits), **given)


def ranks_of(choice, n):
    return pairs.rank_of(choice.records.i, choice.records.j, n)


def fingerprint(choice):
    """A digest of the pairs, of their weights and of the bits of their scores."""
    columns = [ranks_of(choice, N), choice.records.w, choice.score]
    assert [column.dtype for column in columns] == [np.int64, np.int32, np.float32]
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()


@pytest.fixture(scope="module")
def expected():
    return active_mixup.choose(inputs(chunk=pairs.count(N)))


def test_choice_is_the_lowest_of_the_plain_scores():
    """Against loops over all pairs, all lambdas and all layers, on unrounded mixes of images."""
    one = inputs(n=7, k=8, network=LENET)
    found = active_mixup.choose(one)
    grid = lambda_grid(0.3, 0.7, 3)
    scored = []
    for rank, (i, j) in enumerate(plain.all_pairs(7)):
        score, best = plain.c2(
            lambda x: plain.lenet5(one.variables["params"], x),
            one.images[i],
            one.images[j],
            grid / 65536,
        )
        scored.append((score, rank, best))
    lowest = plain.k_lowest(scored, 9)
    gaps = np.diff([score for score, _, _ in lowest])
    assert gaps.min() > 1e-6  # the order is not left to rounding
    lowest = lowest[:8]
    np.testing.assert_array_equal(ranks_of(found, 7), [rank for _, rank, _ in lowest])
    np.testing.assert_allclose(found.score, [score for score, _, _ in lowest], atol=1e-6)
    np.testing.assert_array_equal(found.records.w, [grid[best] for _, _, best in lowest])


def test_choice_is_in_order_and_not_trivial(expected):
    assert len(expected.records) == len(expected.score) == K
    assert np.all(expected.records.i < expected.records.j)
    assert np.all(np.diff(expected.score) >= 0)
    assert len(np.unique(ranks_of(expected, N))) == K
    assert len(np.unique(expected.records.w)) > 1
    assert len(np.unique(expected.score)) > K // 2


@pytest.mark.parametrize("chunk", [7, 64, 1000])
def test_the_same_choice_for_any_chunk(chunk, expected):
    assert fingerprint(active_mixup.choose(inputs(chunk=chunk))) == fingerprint(expected)


def test_table_or_images_make_no_difference_but_rounding(expected):
    found = active_mixup.choose(inputs(table_bytes=0))
    np.testing.assert_allclose(found.score, expected.score, atol=1e-5)


# VGG-16 begins as ResNet-18 does, by a convolution and a BatchNorm, and takes longer to compile.
SHAPES = {"lenet5_half": (8, 8, 1), "alexnet_half": (15, 15, 3), "resnet18": (8, 8, 3)}


@pytest.mark.parametrize("name", SHAPES)
def test_table_path_scores_as_the_image_path(name):
    """With BatchNorm statistics that are not the initial ones: they are part of the affine stem."""
    shape = SHAPES[name]
    network = models.build(name, 10, shape)
    variables = variables_of(network, shape)
    images = np.random.default_rng(0).integers(0, 256, (4, *shape), np.uint8)
    minimiser = pool_search.configured_minimiser(settings(lam_count=2))
    found = []
    for room in (2**30, 0):
        scorer = search_of(
            network=network,
            variables=variables,
            images=images,
            minimiser=minimiser,
            k=3,
            pairs=3,
            table_bytes=room,
        )
        assert scorer.add(np.int32([0, 0, 2]), np.int32([1, 3, 3]))() == 3
        found.append(scorer.lowest())
    np.testing.assert_allclose(found[0].score, found[1].score, atol=1e-5)
    assert len(found[0]) == 3
    jax.tree.map(np.testing.assert_array_equal, found[0].records(), found[1].records())
    assert np.ptp(found[0].score) > 1e-3


def test_another_k_does_not_compile_the_network_again():
    for k in (1, 5, 9):
        active_mixup.choose(inputs(k=k, lam_count=4))
    program = device_search._score._program(
        inputs().network, pool_search.configured_minimiser(settings(lam_count=4)), 4, True, None
    )
    assert len(program._compiled) == 1


def test_a_table_of_images_holds_their_bytes():
    one = inputs()
    found = make_table(one.network, one.variables, one.images, with_logits=False, most=0)
    assert not found.activations and found.rows.h.dtype == np.uint8
    assert np.array_equal(np.asarray(found.rows.h), one.images)


def test_table_is_used_up_to_its_limit():
    """An activation of LeNet-5-half has 28 * 28 * 3 floats: 9,408 bytes for each image."""
    one = inputs(n=5, network=LENET)
    for most, activations in ((5 * 9408, True), (5 * 9408 - 1, False)):
        table = make_table(one.network, one.variables, one.images, with_logits=False, most=most)
        assert table.activations == activations
        assert table.rows.h[0].size == (28 * 28 * 3 if activations else 8 * 8)


@pytest.mark.parametrize("count", [1, 5, 36, 37, 45])
def test_any_number_of_pairs_may_be_added_at_a_time(count):
    """All of them come out, at the last place of a tile, of a device and of a dispatch, and no
    padding does.
    """
    one = inputs(n=10)
    i, j = pairs.pair_of(np.arange(45), 10)

    def found(sizes):
        scorer = search_of(one, k=60, pairs=45, tile=4)
        assert scorer.length == 48  # four devices, tiles of 4
        ends = np.cumsum(sizes)
        waits = [scorer.add(i[a:b], j[a:b]) for a, b in zip(ends - sizes, ends, strict=True)]
        assert [wait() for wait in waits] == sizes
        return scorer.lowest()

    alone, whole = found([count]), found([count, 45 - count] if count < 45 else [20, 25])
    assert (
        sorted(zip(alone.i.tolist(), alone.j.tolist(), strict=True)) == plain.all_pairs(10)[:count]
    )
    assert sorted(zip(whole.i.tolist(), whole.j.tolist(), strict=True)) == plain.all_pairs(10)
    first = pairs.rank_of(whole.i, whole.j, 10) < count
    jax.tree.map(np.testing.assert_array_equal, alone, whole.take(first))


def test_nothing_added_leaves_nothing():
    one = inputs(n=5)
    scorer = search_of(one, k=3, pairs=10)
    assert [column.tolist() for column in jax.tree.leaves(scorer.lowest())] == [[], [], [], []]


@pytest.mark.parametrize("k", [1, 2, 779, 780])
def test_choice_of_any_size_begins_the_order_of_the_whole_pool(k):
    """Up to the whole pool; a third of the images are copies of others, so many scores are
    equal.
    """
    one = inputs()
    images = one.images.copy()
    images[::3] = images[0]
    everything = active_mixup.choose(
        one._replace(images=images, k=780, settings=settings(chunk=1000))
    )
    ranks = ranks_of(everything, N)
    np.testing.assert_array_equal(np.sort(ranks), np.arange(780))
    assert np.sum(np.diff(everything.score) == 0) > 90  # 14 equal images
    assert np.lexsort((ranks, everything.score)).tolist() == list(range(780))
    found = active_mixup.choose(one._replace(images=images, k=k, settings=settings(chunk=64)))
    assert fingerprint(found) == fingerprint(first(everything, k))
    assert len(found.records) == k


def first(choice, k):
    """The first k of a choice."""
    return jax.tree.map(lambda column: column[:k], choice._replace(metrics={}))


def test_no_pair_comes_back_until_the_pool_is_empty():
    n, k = 8, 7
    chosen = NOTHING
    for round_ in range(4):
        found = ranks_of(active_mixup.choose(inputs(n=n, k=k, chosen=chosen)), n)
        assert len(found) == k
        assert not set(found.tolist()) & set(chosen.tolist())
        chosen = np.sort(np.concatenate([chosen, found]))
        assert len(chosen) == (round_ + 1) * k
    np.testing.assert_array_equal(chosen, np.arange(28))


def test_next_round_takes_the_next_best_of_the_same_student(expected):
    """Without the first 20 of 50, the same student's 30 lowest are the other 30."""
    ranks = ranks_of(expected, N)
    found = active_mixup.choose(inputs(k=30, chosen=np.sort(ranks[:20])))
    np.testing.assert_array_equal(ranks_of(found, N), ranks[20:])
    np.testing.assert_array_equal(found.score, expected.score[20:])


@pytest.mark.parametrize("choose", [active_mixup.choose, random_mixup.choose])
def test_choice_stays_in_a_sampled_pool(choose):
    pool = pairs.make_pair_pool(N, 100, seed=3)
    sample = pool.ranks(np.arange(100))
    chosen = sample[::3]
    found = ranks_of(choose(inputs(pool=pool, chosen=chosen)), N)
    assert len(np.unique(found)) == K
    assert set(found.tolist()) <= set(sample.tolist()) - set(chosen.tolist())


@pytest.mark.parametrize("choose", [active_mixup.choose, random_mixup.choose])
def test_progress_adds_up_to_the_pairs_left(choose):
    told = []
    choose(inputs(chosen=np.arange(17), progress=told.append, chunk=100))
    assert sum(told) == pairs.count(N) - 17


def test_progress_may_stop_the_search():
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        active_mixup.choose(inputs(progress=stop, chunk=100))


def test_a_diverged_student_is_noticed_at_once():
    told = []
    one = inputs(chunk=64, progress=told.append)
    broken = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), one.variables)
    with pytest.raises(FloatingPointError, match="finite"):
        active_mixup.choose(one._replace(variables=broken))
    assert told == []


def at_fault():
    """What becomes of ten pairs whose last one alone has a score that is not finite."""
    one, told = inputs(n=5), []
    scorer = search_of(one, k=3, pairs=10)
    activations = np.array(scorer._arrays[1].h)
    activations[4] = np.nan
    scorer._arrays = devices.replicate((one.variables, MixInput(activations)))
    i, j = np.int32([0, 0, 0, 1, 1, 2, 3]), np.int32([1, 2, 3, 2, 3, 3, 4])
    for wanted in (scorer.add(i, j), scorer.lowest):
        try:
            told.append(wanted() == 7)
        except FloatingPointError as error:
            told.append("not finite" in str(error) and "fails")
    return told


def test_one_score_that_is_not_finite_is_noticed_in_the_end_too():
    assert at_fault() == ["fails", "fails"]


def test_random_choice_is_half_and_half_seeded_and_unscored():
    found, again = (random_mixup.choose(inputs(chunk=chunk)) for chunk in (64, 1000))
    assert found.records.w.tolist() == [32768] * K
    assert np.all(np.isnan(found.score))
    assert len(np.unique(ranks_of(found, N))) == K
    np.testing.assert_array_equal(ranks_of(found, N), ranks_of(again, N))
    other_round = random_mixup.choose(inputs()._replace(stream=(0, 2)))
    assert not np.array_equal(ranks_of(found, N), ranks_of(other_round, N))


def test_random_choice_is_uniform():
    hits = np.zeros(pairs.count(10))
    one = inputs(n=10, k=15)
    for round_ in range(300):
        hits[ranks_of(random_mixup.choose(one._replace(stream=(0, round_))), 10)] += 1
    assert np.all(np.abs(hits - 100) < 5 * np.sqrt(300 * 2 / 9))
