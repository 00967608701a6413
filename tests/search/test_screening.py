"""A search that refines a shortlist only: its plan by hand, and what it finds against refining
every pair.
"""

import dataclasses

import numpy as np
import pytest

from amkd.methods import active_mixup
from amkd.search import audit, pairs, pool_search, screening
from tests.search.test_device_search import fingerprint, inputs, settings

N, K = 80, 120  # 3,160 pairs
SCREENED = settings(minimiser="screened", evaluations=4, recall=0.5, tile=0)


@pytest.fixture(scope="module")
def one():
    return inputs(n=N, k=K)._replace(settings=SCREENED)


@pytest.fixture(scope="module")
def plan():
    return screening.make_screening(SCREENED, pairs.count(N), K)


@pytest.fixture(scope="module")
def rough(plan):
    """A plan with so rough a forecast that it misses some: of one evaluation."""
    return plan._replace(forecast=plan.forecast._replace(evaluations=1))


@pytest.fixture(scope="module")
def refined(one, plan):
    """All pairs, refined."""
    return pool_search.lowest_c2(one, plan.refined, pairs.count(N))


def ranks(found, n=N):
    return pairs.rank_of(found.i, found.j, n)


def test_plan_by_hand():
    """A tenth of the pool is five times k here; 12 / (1000 * .05) of the pool are sampled."""
    found = screening.make_screening(settings(evaluations=5, recall=0.95), 50_000, 1000)
    assert found.shortlists == (5000, 10_000, 20_000)  # twice that is more than .4 of the pool
    assert found.sampled == 12_000
    assert found.evaluations == 2 * 50_000 + 5 * (5000 + 12_000)
    assert (found.forecast.evaluations, found.refined.evaluations) == (2, 5)


@pytest.mark.parametrize(
    ("left", "k", "why"),
    [
        (10_000, 1000, "five times k is half of it"),
        (10_000, 100, "the sample would be all"),
        (10, 10, "all are chosen"),
    ],
)
def test_small_pools_are_refined_as_a_whole(left, k, why):
    found = screening.make_screening(settings(evaluations=5, recall=0.95), left, k)
    assert (found.shortlists, found.sampled, found.evaluations) == ((), 0, 5 * left), why


def test_refining_as_a_whole_is_the_refined_search(one):
    whole = one._replace(settings=dataclasses.replace(SCREENED, recall=0.999))
    found = active_mixup.choose(whole)
    expected = active_mixup.choose(
        whole._replace(settings=dataclasses.replace(SCREENED, minimiser="refined"))
    )
    assert fingerprint(found) == fingerprint(expected)
    assert found.metrics["recall"] == {"low": 1, "estimate": 1, "high": 1}
    assert found.metrics["evaluations"] == expected.metrics["evaluations"] == 4 * pairs.count(N)


def test_a_screen_finds_what_it_says(one, plan, refined):
    """Of the k lowest of all pairs; what it finds has the scores and lambdas of the refined
    search.
    """
    assert plan.shortlists
    found, told = screening.lowest_c2(one, plan)
    true = np.isin(ranks(found), ranks(refined)[:K]).mean()
    assert told["recall"]["low"] <= true <= told["recall"]["high"]
    assert told["recall"]["low"] >= plan.target and true > 0.8
    place = {rank: number for number, rank in enumerate(ranks(refined).tolist())}
    places = [place[rank] for rank in ranks(found).tolist()]
    assert places == sorted(places)
    np.testing.assert_array_equal(found.score, refined.score[places])
    np.testing.assert_array_equal(found.w, refined.w[places])
    spent = 2 * pairs.count(N) + 4 * (told["shortlist"] + plan.sampled)
    assert told["evaluations"] == spent < 4 * pairs.count(N)


def test_its_interval_holds_the_truth_for_90_of_100_samples(one, rough, refined):
    """A shortlist that misses some, with the scores of a real network; the samples alone differ."""
    forecast = pool_search.lowest_c2(one, rough.forecast, K + K // 2)
    scores = dict(zip(ranks(refined).tolist(), refined.score.tolist(), strict=True))
    shortlist = ranks(forecast)
    lowest = np.sort(np.float32([scores[rank] for rank in shortlist.tolist()]))[:K]
    others = np.float32(
        [score for rank, score in scores.items() if rank not in set(shortlist.tolist())]
    )
    true = np.isin(shortlist, ranks(refined)[:K]).sum() / K
    assert 0.3 < true < 1
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(100):
        found = audit.recall(lowest, rng.choice(others, 500, replace=False), len(others), 0.05)
        inside += found.low <= true <= found.high
    assert inside >= 90


def test_a_poor_shortlist_is_widened_and_in_the_end_everything_is_refined(one, plan, refined):
    """Shortlists of k and 2k pairs cannot be shown to hold 99 of 100."""
    poor = plan._replace(shortlists=(K, 2 * K), target=0.99)
    found, told = screening.lowest_c2(one, poor)
    np.testing.assert_array_equal(ranks(found), ranks(refined)[:K])
    np.testing.assert_array_equal(found.score, refined.score[:K])
    assert told["shortlist"] == pairs.count(N) and told["recall"]["low"] == 1
    assert told["evaluations"] == 2 * pairs.count(N) + 4 * (pairs.count(N) + plan.sampled)


def test_widening_ends_where_the_target_is_met(one, rough):
    wanted = rough._replace(shortlists=(K, 5 * K), target=0.9, sampled=1300)
    _, told = screening.lowest_c2(one, wanted)
    assert told["shortlist"] == 5 * K and 0.9 <= told["recall"]["low"] < 1


def test_pairs_that_were_chosen_before_stay_out(one, plan, refined):
    removed = np.sort(ranks(refined)[:K:2])
    found, _ = screening.lowest_c2(
        one._replace(chosen=removed), plan._replace(left=pairs.count(N) - len(removed))
    )
    assert not set(ranks(found).tolist()) & set(removed.tolist())


def test_progress_counts_every_pair_once_and_may_stop_the_refinement(one, plan):
    told = []
    screening.lowest_c2(one._replace(progress=told.append), plan)
    assert sum(told) == pairs.count(N)

    def stop(scored):
        if not scored:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screening.lowest_c2(one._replace(progress=stop), plan)


def choose(chunk):
    """What a process with its own number of devices chooses."""
    found = active_mixup.choose(
        inputs(n=N, k=K)._replace(settings=dataclasses.replace(SCREENED, chunk=chunk))
    )
    return [
        float(found.score.sum()),
        ranks(found.records).tolist(),
        found.metrics,
    ]
