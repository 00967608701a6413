"""Data impressions: worked numbers, the 106 views, and whole runs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd import models
from amkd.core import devices
from amkd.core.errors import UserError
from amkd.core.stopping import Stopped
from amkd.methods import zskd
from amkd.methods.first_images import FirstImageInputs
from amkd.models import prediction
from amkd.models.saved_network import load_network
from amkd.run.facts import facts_of_run
from amkd.synthesis import impression_views, impressions
from amkd.synthesis.impression_views import VIEWS, View
from tests.support import command, counting_teacher, traffic, whole_run
from tests.support.small import configured
from tests.support.tiny_network import TinyNetwork

KERNEL = np.float32([(1, 1, 0), (0, 1, 2)])  # columns (1, 0), (1, 1), (0, 2)
RECIPE = impressions.Descent(temperature=20.0, learning_rate=0.05)


def test_worked_likeness():
    expected = [(1, 0.707107, 0), (0.707107, 1, 0.707107), (0, 0.707107, 1)]
    np.testing.assert_allclose(
        impressions.class_similarity(jnp.asarray(KERNEL)), expected, atol=1e-6
    )


def test_worked_concentrations():
    rows = [(1, 0.707107, 0), (0, 1, 0), (0, 0.707107, 1)]
    np.testing.assert_allclose(
        impressions.concentrations(KERNEL, 1.0, False), np.float32(rows) + 1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        impressions.concentrations(KERNEL, 0.1, False), 0.1 * np.float32(rows) + 1e-4, atol=1e-5
    )
    # The released code's second half is its first.
    np.testing.assert_array_equal(
        impressions.concentrations(KERNEL, 0.1, True), impressions.concentrations(KERNEL, 1.0, True)
    )
    np.testing.assert_allclose(
        impressions.concentrations(KERNEL, 0.1, True)[1], (1e-4, 1.0001, 1e-4), atol=1e-5
    )


@pytest.mark.parametrize(
    ("beta", "mean", "variance"),
    [
        (1.0, (0.585742, 0.414199, 0.000059), (0.089624, 0.089620, 0.000022)),
        (0.1, (0.585344, 0.414072, 0.000585), (0.207271, 0.207185, 0.000499)),
    ],
)
def test_draws_have_the_worked_moments(beta, mean, variance):
    """The same mean and the larger variance for the lower beta; no concentration underflows."""
    row = impressions.concentrations(KERNEL, beta, False)[:1]
    draws = impressions.draw_answers(
        np.repeat(row, 20_000, 0), np.arange(20_000), jax.random.key(0)
    )
    assert np.all(np.isfinite(draws)) and np.allclose(draws.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.012)
    np.testing.assert_allclose(draws.var(0), variance, atol=0.006)
    share, total = (
        np.float64(row[0]) / row.sum(),
        np.float64(row.sum()),
    )  # too rare a class for so many draws
    np.testing.assert_allclose(share, mean, atol=2e-6)
    np.testing.assert_allclose(share * (1 - share) / (total + 1), variance, atol=2e-6)
    again = impressions.draw_answers(np.repeat(row, 5, 0), np.arange(100, 105), jax.random.key(0))
    np.testing.assert_allclose(again, draws[100:105], atol=1e-6)  # by its number, in whatever batch


def test_an_impression_is_what_the_network_was_asked_to_see():
    """The loss falls towards the entropy of the answers; pixels fill the whole scale."""
    network = models.build("lenet5_half", 3, (8, 8, 1))
    variables = jax.device_get(prediction.init(network, (8, 8, 1), jax.random.key(0)))
    sharp = impressions.Descent(temperature=0.05, learning_rate=0.05)
    answers = np.float32([(0.7, 0.2, 0.1), (0.1, 0.1, 0.8), (0.2, 0.6, 0.2)])
    again, found = (
        impressions.make_impressions(
            network,
            variables,
            answers,
            shape=(8, 8, 1),
            descent=sharp,
            steps=300,
            key=jax.random.key(1),
            check=lambda: None,
        )
        for _ in range(2)
    )
    assert found.dtype == np.uint8 and (found.min(), found.max()) == (0, 255)

    def loss(images):
        z = np.asarray(network.apply(variables, images), np.float64) / sharp.temperature
        return -np.mean(np.sum(answers * (z - np.log(np.exp(z).sum(-1, keepdims=True))), -1))

    noise = np.random.default_rng(0).integers(0, 256, found.shape, np.uint8)
    entropy = -np.mean(np.sum(answers * np.log(answers), -1))
    assert loss(found) - entropy < 0.3 * (loss(noise) - entropy)
    np.testing.assert_array_equal(found, again)


def test_one_step_by_hand():
    """Adam's first step is the learning rate, against the gradient's sign; then the batch is
    brought to [0, 1].
    """
    images = jnp.array([0.2, 0.6, 0.3]).reshape(1, 1, 3, 1)
    state = impressions.start((1, 1, 3, 1), RECIPE, jax.random.key(0))[1]
    logits = lambda x: x.reshape(1, 3)[:, :2]  # noqa: E731, the third pixel means nothing
    found, _, loss = impressions.step(
        logits, RECIPE, images=images, state=state, answers=jnp.array([[1.0, 0.0]])
    )
    z = np.array([0.2, 0.6]) / 20
    np.testing.assert_allclose(loss, -z[0] + np.log(np.exp(z).sum()), rtol=1e-5)
    # .25, .55 and still .3; between the least and the largest.
    np.testing.assert_allclose(np.ravel(found), (0, 1, (0.3 - 0.25) / (0.55 - 0.25)), atol=1e-4)


# Views.


def test_there_are_106_views():
    """1 + 3 scales + 4 shifts + 10 turns + 6 others + 12 + 40 + 30 combined."""
    assert len(VIEWS) == len(set(VIEWS)) == 106
    assert VIEWS[0] == View()
    assert sum(view.turn != 0 for view in VIEWS) == 10 + 40 + 30


def shown(image, view, seed=0):
    return impression_views.show(image[None], [view], np.random.default_rng(seed))[0]


def test_views_by_hand():
    image = np.arange(1, 26, dtype=np.uint8).reshape(5, 5, 1) * 10
    np.testing.assert_array_equal(shown(image, View()), image)
    down = shown(image, View(shift=(0.2, 0.0)))
    assert np.all(down[0] == 255)
    np.testing.assert_array_equal(down[1:], image[:-1])
    left = shown(image, View(shift=(0.0, -0.2)))
    assert np.all(left[:, -1] == 255)
    np.testing.assert_array_equal(left[:, :-1], image[:, 1:])
    np.testing.assert_array_equal(shown(image, View(turn=90.0)), np.rot90(image))
    np.testing.assert_array_equal(shown(image, View(more="mirror")), image[:, ::-1])
    np.testing.assert_array_equal(shown(image, View(more="flip")), image[::-1])
    np.testing.assert_array_equal(shown(image, View(more="transpose")), image.swapaxes(0, 1))
    zoomed = shown(image, View(scale=0.6))
    assert zoomed[2, 2] == image[2, 2] and zoomed[2, 0] > image[2, 0]  # a look at the middle


def test_noise_by_hand():
    grey = np.full((100, 100, 3), 100, np.uint8)
    noisy = shown(grey, View(more="noise")).astype(int)
    assert np.all(noisy[..., 0] == noisy[..., 1])
    assert noisy.min() >= 75 and noisy.max() <= 91 and noisy.std() > 3
    pepper = shown(grey, View(more="pepper"))
    assert 10 < np.sum(pepper[..., 0] == 0) < 70 and 0 < np.sum(pepper[..., 0] == 255) < 25
    assert np.mean(pepper == 100) > 0.99


def test_no_view_comes_twice_before_all_have_come_once():
    square, wide = (
        zskd._orders(7, shape, np.random.default_rng(0)) for shape in ((5, 5, 1), (5, 6, 1))
    )
    transposed = VIEWS.index(View(more="transpose"))
    for order, expected in (
        (square, set(range(1, 106))),
        (wide, set(range(1, 106)) - {transposed}),
    ):
        assert [set(row) for row in order.tolist()] == [expected] * 7
        assert (
            order.shape == (7, len(expected)) and len({tuple(row) for row in order.tolist()}) == 7
        )


def test_images_that_are_not_square_have_views(tmp_path):
    """Of 3 impressions 4 views each, and one more of the first."""
    network = models.build("lenet5_half", 10, (8, 12, 1))
    variables = jax.device_get(prediction.init(network, (8, 12, 1), jax.random.key(0)))
    settings = configured(method="zskd", budget=3 * 5 + 1, **{"zskd.copies": 4, "zskd.steps": 2})
    none, done = np.empty((0, 8, 12, 1), np.uint8), []
    source = FirstImageInputs(
        settings=settings,
        shape=(8, 12, 1),
        classes=10,
        real=none,
        network=network,
        variables=variables,
        folder=tmp_path,
        progress=done.append,
    )
    made = zskd.synthesize(source)
    assert done == [15, 1]  # the views count with their impressions
    assert made.images.shape == (16, 8, 12, 1) and made.metrics["impressions"] == 3  # 16 // 5


# Whole runs.


FIELDS = {
    "method": "zskd", "budget": 60, "zskd.steps": 20, "zskd.batch": 8, "zskd.copies": 2,
    "train.temperature": 20.0, "train.epochs": 4, "teacher.train.epochs": 4,
    "data.test_images": 60, "report.progress": False, "report.tensorboard": False,
    "teacher.min_accuracy": 0.11,
}  # fmt: skip


def test_a_run_makes_its_images_and_goes_on_where_it_was_stopped(tmp_path):
    """20 impressions and 40 views are asked about, gradients are counted apart, and what was made
    is not made again.
    """
    run = functools.partial(whole_run.run, tmp_path, cache_dir=tmp_path / "cache", **FIELDS)
    first = tmp_path / "run/made/00000000.npy"
    with pytest.raises(Stopped):
        run(stop=whole_run.WhenTrue(first.exists))
    stamp = first.stat().st_mtime_ns
    summary = run()
    assert first.stat().st_mtime_ns == stamp
    assert summary["n_real"] == 0 and summary["queries"] == 60
    assert summary["gradient_queries"] == 20 * 20
    assert summary["rounds"][0]["search"]["impressions"] == 20
    assert (tmp_path / "run/plots/made.svg").exists()
    card = load_network(tmp_path / "run/student").card
    assert (card["mixes"], card["made"], card["white_box"]) == (0, 60, True)
    fields = {name: value for name, value in FIELDS.items() if not name.startswith("report.")}
    (planned,) = facts_of_run(configured(**fields), drawable=400, labelled=True).rounds
    assert (planned.queries, planned.evaluations) == (60, 0)


def test_a_black_box_is_refused_before_anything_is_asked(tmp_path):
    fields = {**command.TINY, "method": "zskd"}
    told = "config.teacher.kind='python': method 'zskd' makes its images from the weights and"
    with pytest.raises(UserError, match=told):
        whole_run.run(tmp_path, **fields)
    assert counting_teacher.asked(tmp_path / "asked.txt") == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"zskd.steps": 0}, r"config\.zskd\.steps=0: must be at least 1"),
        ({"zskd.temperature": 0.0}, r"config\.zskd\.temperature=0\.0: must be positive"),
        ({"zskd.betas": ()}, r"config\.zskd\.betas=\(\): must be one or more positive numbers"),
        (
            {"method": "zskd", "zskd.copies": 2000},
            r"config\.budget=1000: must be more than zskd\.copies=2000",
        ),
    ],
)
def test_impossible_impressions(fields, told):
    with pytest.raises(UserError, match=told):
        configured(**fields)


@pytest.mark.parametrize("steps", [1, 130])
def test_images_of_loops_are_those_of_single_steps(steps, monkeypatch):
    """On accelerators a hundred steps are one dispatch."""
    network = TinyNetwork(10)
    variables = jax.device_get(prediction.init(network, (8, 8, 1), jax.random.key(0)))
    answers = np.random.default_rng(0).dirichlet(np.ones(10), 6).astype(np.float32)
    found, sent = [], []
    for accelerated in (False, True):
        monkeypatch.setattr(devices, "accelerated", lambda own=accelerated: own)
        with traffic.counted(guarded=False) as counts:
            found.append(
                impressions.make_impressions(
                    network,
                    variables,
                    answers,
                    shape=(8, 8, 1),
                    descent=impressions.Descent(20.0, 1e-3),
                    steps=steps,
                    key=jax.random.key(1),
                    check=lambda: None,
                )
            )
        sent.append(counts.dispatches["_steps"])
    assert sent == ([1, 1] if steps == 1 else [130, 2])
    assert np.abs(found[0].astype(int) - found[1]).max() <= 1
