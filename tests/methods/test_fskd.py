"""Pseudo-examples: worked numbers, a slow version in NumPy, limits, resuming, and whole runs."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd import models
from amkd.core import devices
from amkd.core.errors import UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.data.dataset import DataSet
from amkd.methods import fskd
from amkd.methods.first_images import FirstImageInputs
from amkd.models import prediction
from amkd.planning import cost as costs
from amkd.planning import report
from amkd.planning.workload import Speed
from amkd.run import inputs
from amkd.run.facts import facts_of_run
from amkd.synthesis import pseudo_examples
from tests.support import plain, traffic, whole_run
from tests.support.small import configured, digits
from tests.support.tiny_network import TinyNetwork

SHAPE = (8, 8, 1)
SIGMA = np.float32([0, 0.1, 0.2, 0.4])
SGD = optax.sgd(0.1)


def small(**fields):
    """Settings of a run of seconds."""
    usual = {
        "method": "fskd", "n_real": 6, "budget": 29, "fskd.epochs": 2, "train.batch_size": 8,
        "train.crop": 1, "train.mix_share": 0.5, "checkpoint.seconds": 0.0,
    }  # fmt: skip
    return configured(**{**usual, **fields})


@functools.cache
def network(name="lenet5", seed=0, sharp=2.0):
    """A network of random weights, and these, larger than at first: its answers differ."""
    found = models.build(name, 10, SHAPE)
    variables = jax.device_get(prediction.init(found, SHAPE, jax.random.key(seed)))
    return found, jax.tree.map(lambda weight: sharp * weight, variables)


# Fidelity.


def test_worked_fidelity():
    found = pseudo_examples.fidelity(jnp.asarray(SIGMA), 1.0, 0.5)
    np.testing.assert_allclose(found, (1, 0.672950, 0.452862, 0.205084), atol=1e-6)


def plain_fidelity(sigma, most, mean):
    usual = sum(sigma) / len(sigma)
    return [most * (mean / most) ** (one / usual) for one in sigma]


def test_fidelity_is_that_of_plain_numpy():
    sigma = np.random.default_rng(0).exponential(size=50).astype(np.float32)
    found = pseudo_examples.fidelity(jnp.asarray(sigma), 2.0, 0.3)
    np.testing.assert_allclose(found, plain_fidelity(sigma.astype(float), 2.0, 0.3), rtol=1e-4)


def test_fidelity_that_is_none():
    """Equal weights weigh nothing; nor does a reference that is certain of everything."""
    np.testing.assert_array_equal(
        pseudo_examples.fidelity(jnp.asarray(SIGMA), 0.7, 0.7), np.full(4, np.float32(0.7))
    )
    np.testing.assert_array_equal(
        pseudo_examples.fidelity(jnp.zeros(3), 2.0, 0.5), np.full(3, np.float32(2))
    )


def test_weighted_answers_have_the_papers_loss():
    """``l1`` times the mean over real images, plus the weighted mean over pseudo-examples."""
    rng = np.random.default_rng(1)
    answers, logits = rng.dirichlet(np.ones(10), 7).astype(np.float32), rng.normal(size=(7, 10))
    weights = small(
        **{"fskd.real_weight": 0.5, "fskd.most_weight": 2.0, "fskd.mean_weight": 0.25}
    ).fskd
    found = fskd.weighted(answers, 3, weights)
    loss = np.mean([plain.soft_cross_entropy(z, y) for z, y in zip(logits, found, strict=True)])
    each = [plain.soft_cross_entropy(z, y) for z, y in zip(logits, answers, strict=True)]
    fidelity = plain_fidelity([plain.entropy(y) for y in answers[3:].astype(float)], 2.0, 0.25)
    np.testing.assert_allclose(
        loss, 0.5 * np.mean(each[:3]) + np.mean(np.multiply(fidelity, each[3:])), rtol=1e-5
    )


def test_certain_answers_weigh_the_same():
    answers = np.eye(10, dtype=np.float32)[[1, 2, 1, 1, 1]]
    weights = fskd.weighted(answers, 2, small().fskd).sum(1)
    np.testing.assert_allclose(weights, [2.5, 2.5, 5 / 3, 5 / 3, 5 / 3], rtol=1e-6)


# The ascent.


def reference(x):
    return jnp.stack([2 * x[:, 0], x[:, 1]], -1)


def still(x):
    return jax.lax.stop_gradient(reference(x))


@pytest.mark.parametrize(
    ("of", "climbed", "gap"),
    [(reference, (1.010318, 0.504597), 0.091511), (still, (0.980488, 0.519512), 0.089053)],
    ids=["through both", "reference held constant"],
)
def test_worked_ascent(of, climbed, gap):
    """With a constant reference the divergence goes down."""
    x = jnp.array([[1.0, 0.5]])
    both = lambda one: pseudo_examples.gap(reference(one)[0], one[0])  # noqa: E731
    np.testing.assert_allclose(both(x), 0.090238, atol=1e-6)
    found, _ = pseudo_examples.climb_step(of, lambda one: one, SGD, images=x, state=SGD.init(x))
    np.testing.assert_allclose(found[0], climbed, atol=1e-6)
    np.testing.assert_allclose(both(found), gap, atol=1e-6)


def plain_gradient(a, b, x):
    """Of ``KL(softmax(x a) || softmax(x b))`` with respect to one x, by hand."""
    p, q = plain.softmax(x @ a), plain.softmax(x @ b)
    along = np.log(p / q)
    return a @ (p * (along - plain.kl(p, q))) + b @ (q - p)


def test_ascent_is_that_of_plain_numpy():
    """Every image for itself, by its whole gradient; the first step of Adam goes by the gradient's
    sign.
    """
    rng = np.random.default_rng(2)
    a, b, images = rng.normal(size=(6, 4)), rng.normal(size=(6, 4)), rng.normal(size=(5, 6))
    of = [lambda x, w=w: x @ jnp.float32(w) for w in (a, b)]
    gradient = np.stack([plain_gradient(a, b, x) for x in images])
    x = jnp.float32(images)
    found, _ = pseudo_examples.climb_step(*of, SGD, images=x, state=SGD.init(x))
    np.testing.assert_allclose(found, images + 0.1 * gradient, rtol=1e-4, atol=1e-5)
    adam = pseudo_examples.ASCENTS["adam"](0.02)
    found, _ = pseudo_examples.climb_step(*of, adam, images=x, state=adam.init(x))
    np.testing.assert_allclose(found, images + 0.02 * np.sign(gradient), atol=1e-4)


def gaps(teacher, target, images):
    both = [prediction.predict(*one, images).astype(np.float64) for one in (teacher, target)]
    return np.array([plain.kl(p, q) for p, q in zip(*both, strict=True)])


def test_copies_climb():
    """And stay bytes, in whatever company they are."""
    teacher, target, images = network(), network("lenet5_half", 1), digits(0, 300)[0]
    climb = functools.partial(
        pseudo_examples.climb,
        teacher,
        target,
        ascent=pseudo_examples.Ascent("gradient", 0.02),
        steps=3,
        check=lambda: None,
    )
    found = climb(images)
    assert found.dtype == np.uint8 and found.shape == images.shape
    before, after = gaps(teacher, target, images), gaps(teacher, target, found)
    assert after.mean() > before.mean() and np.mean(after >= before) > 0.9
    alone = climb(images[280:290])
    np.testing.assert_array_equal(alone, found[280:290])


def test_no_rate_leaves_copies_as_they_are():
    images = digits(0, 20)[0]
    still = pseudo_examples.climb(
        network(),
        network("lenet5_half", 1),
        images,
        ascent=pseudo_examples.Ascent("gradient", 0.0),
        steps=2,
        check=lambda: None,
    )
    np.testing.assert_array_equal(still, images)


# How many.


@pytest.mark.parametrize(
    ("total", "doublings", "sizes"),
    [
        (10_000, 3, [1250, 2500, 5000, 10_000]),  # the paper's
        (22_000, 3, [2750, 5500, 11_000, 22_000]),
        (23, 3, [3, 6, 12, 23]),
        (3, 3, [1, 2, 3]),
        (1, 3, [1]),
        (5, 0, [5]),
    ],
)
def test_sizes(total, doublings, sizes):
    assert pseudo_examples.sizes(total, doublings) == sizes


@given(st.integers(1, 10**6), st.integers(0, 40))
def test_sizes_fill_the_budget(total, doublings):
    sizes = pseudo_examples.sizes(total, doublings)
    assert sizes[-1] == total and len(sizes) <= doublings + 1
    assert all(a < b <= 2 * a for a, b in itertools.pairwise(sizes))


def test_first_ones_lie_between_two_images():
    real = np.stack([np.full(SHAPE, value, np.uint8) for value in (0, 100, 255)])
    found = np.concatenate(list(fskd.between(real, 3000, 0)))
    assert found.shape == (3000, *SHAPE)
    assert np.all(found == found[:, :1, :1])
    values = found[:, 0, 0, 0].astype(int)
    # Three pairs, each as often as the others, uniformly: 0 to 100, 0 to 255, 100 to 255.
    assert abs(values.mean() - 355 / 3) < 6 and len(set(values)) > 250
    np.testing.assert_array_equal(found, np.concatenate(list(fskd.between(real, 3000, 0))))
    assert not np.array_equal(found, np.concatenate(list(fskd.between(real, 3000, 1))))


# Making.


class Impatient(StopSignal):
    """Asks to stop once it has been looked at so often."""

    def __init__(self, looks):
        self.looks = looks

    @property
    def requested(self):
        self.looks -= 1
        return self.looks < 0


def made(folder, stop=None, settings=None, teacher=None):
    settings, done = settings or small(), []
    inside, variables = teacher or network()
    real = digits(0, settings.n_real)[0]
    found = fskd.synthesize(
        FirstImageInputs(
            settings=settings,
            shape=SHAPE,
            classes=10,
            real=real,
            network=inside,
            variables=variables,
            folder=folder,
            stop=stop or StopSignal(),
            progress=done.append,
        )
    )
    assert sum(done) == settings.budget
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return made(tmp_path_factory.mktemp("whole"))


def test_initial_weights_are_for_the_size_that_the_student_sees(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(fskd.initial_weights, "load", lambda *args: seen.append(args))
    made(tmp_path, settings=small(student="lenet5", student_size=16, student_weights="a:b"))
    assert {args for args in seen} == {("a:b", "lenet5", 10, (16, 16, 1))}


def test_as_many_as_the_budget_pays_for(whole):
    """23 = 3 and its doubles, the last growth cut to fit; copies lie near what they are copies
    of.
    """
    assert whole.images.shape == (29, *SHAPE) and whole.images.dtype == np.uint8
    np.testing.assert_array_equal(whole.images[:6], digits(0, 6)[0])
    assert whole.metrics == {
        "pseudo_examples": [3, 6, 12, 23],
        "gradient_queries": 20,
        "shown": (6, 29),
    }
    pseudo = whole.images[6:].astype(int)
    for start, stop in ((3, 6), (6, 12), (12, 23)):
        moved = np.abs(pseudo[start:stop] - pseudo[: stop - start]).max((1, 2, 3))
        assert np.all((moved > 0) & (moved <= 5))
    assert fskd.gradients(small(**{"fskd.steps": 4})) == 80
    assert fskd.trained(small()) == 2 * (9 + 12 + 18)


def test_the_same_bits_wherever_it_was_stopped(whole, tmp_path):
    """Every look at the stop signal is a place to stop at; what is kept is not made again."""
    runs = 0
    for looks in range(40):
        try:
            found = made(tmp_path, Impatient(looks % 4 + 1))
            break
        except Stopped:
            runs += 1
    assert runs > 3
    np.testing.assert_array_equal(found.images, whole.images)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")}
    assert len(stamps) == 3
    np.testing.assert_array_equal(made(tmp_path).images, whole.images)
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")}
    # A growth that was lost is made again, though the target is further.
    (tmp_path / "00000012.npy").unlink()
    np.testing.assert_array_equal(made(tmp_path).images, whole.images)


def test_another_seed_makes_others(whole, tmp_path):
    other = made(tmp_path, settings=dataclasses.replace(small(), seed=1)).images
    np.testing.assert_array_equal(other[:6], whole.images[:6])  # which were given
    assert not np.array_equal(other[6:], whole.images[6:])


def test_a_certain_teacher_of_one_class(tmp_path):
    """No uncertainty, and nothing that is not a number; with room for two pseudo-examples alone."""
    inside, variables = network(sharp=1.0)
    variables["params"]["fc3"]["bias"] = np.float32([1000] + [0] * 9)
    settings = small(budget=8)
    found = made(tmp_path, settings=settings, teacher=(inside, variables))
    assert found.images.shape == (8, *SHAPE) and found.metrics["pseudo_examples"] == [1, 2]


# Whole runs.


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"fskd.doublings": -1}, r"config\.fskd\.doublings=-1: must be at least 0"),
        ({"fskd.epochs": 0}, r"config\.fskd\.epochs=0: must be at least 1"),
        ({"fskd.rate": 0.0}, r"config\.fskd\.rate=0\.0: must be positive"),
        (
            {"fskd.ascent": "adm"},
            r"config\.fskd\.ascent='adm': must be one of gradient, adam \(did you mean 'adam'",
        ),
        ({"fskd.real_weight": -1.0}, r"config\.fskd\.real_weight=-1\.0: must be at least 0"),
        (
            {"fskd.mean_weight": 2.0},
            r"config\.fskd\.mean_weight=2\.0: must not exceed most_weight=1\.0",
        ),
        ({"budget": 6}, r"config\.budget=6: must be more than n_real=6, whose queries it includes"),
        (
            {"search.as_released": True},
            r"as_released=True: it changes the bytes of the images that were made",
        ),
        (
            {"teacher.kind": "python", "teacher.function": "tests.support.counting_teacher:answer"},
            r"config\.teacher\.kind='python': method 'fskd' makes its images from the weights and"
            r" gradients of the teacher's network, but this teacher is a black box; only"
            r" teacher\.kind=flax provides them",
        ),
    ],
)
def test_impossible(fields, told):
    with pytest.raises(UserError, match=told):
        small(**fields)


def test_real_images_may_be_of_another_domain():
    settings = small(**{"data.real": "fashion_mnist"})
    assert facts_of_run(settings, drawable=400, labelled=True).real_count == 6


def test_a_plan_tells_what_is_made():
    images, labels = digits(0, 40)
    data = DataSet("digits", 10, images, labels, images, images[:5], labels[:5])
    settings, known = small(), images[:6]
    facts = inputs.facts_of(settings, data)
    cost = costs.cost_of(settings, data, facts=facts, known=known, held=costs.Held())
    plan = report.Plan(
        given=settings,
        settings=settings,
        facts=facts,
        data=data,
        teacher=None,
        known=known,
        cost=cost,
    )
    lines = list(report._queries(plan))
    told = (
        "real images          6",
        "images to make       23",
        "queries              29 (round 0: 29)",
    )
    assert set(told) < set(
        lines
    ) and "gradient queries     20 (forward and backward passes" in "\n".join(lines)
    speed = Speed(100.0, 10.0, 100, 4.0)
    text = "\n".join([*report._work(plan, speed), *report._rounds(plan, speed)])
    assert "gradients            about 5 seconds at 4 a second" in text
    assert "extra training       78 images, in order to make images (about 8 seconds at 10" in text
    assert text.splitlines()[-1].split()[:2] == ["0", "29"]


FIELDS = {
    "method": "fskd", "fskd.epochs": 4, "train.epochs": 4, "train.min_steps": 0,
    "teacher.train.epochs": 4, "data.test_images": 60, "checkpoint.seconds": 0.0,
    "report.progress": False, "report.tensorboard": False, "teacher.min_accuracy": 0.11,
}  # fmt: skip


@pytest.mark.heavy  # test_zskd has a lighter one
def test_a_run_asks_about_all_that_it_made_and_goes_on_where_it_was_stopped(tmp_path):
    """50 real images and 100 pseudo-examples, 87 of them grown."""
    run = functools.partial(
        whole_run.run, tmp_path, preset="smoke", cache_dir=tmp_path / "cache", **FIELDS
    )
    first = tmp_path / "run/made/00000063.npy"
    with pytest.raises(Stopped):
        run(stop=whole_run.WhenTrue(first.exists))
    stamp = first.stat().st_mtime_ns
    assert not (tmp_path / "run/summary.json").exists()
    summary = run()
    assert first.stat().st_mtime_ns == stamp
    assert summary["n_real"] == 50
    assert summary["queries"] == summary["queries_paid"] == summary["rounds"][0]["queries"] == 150
    assert summary["gradient_queries"] == 87
    assert summary["rounds"][0]["search"]["pseudo_examples"] == [13, 26, 52, 100]
    assert (tmp_path / "run/plots/made.svg").exists()


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_climbs_in_loops_are_those_of_single_steps(steps, monkeypatch):
    """On accelerators all steps are one dispatch, with a part of the images on every device."""
    network = TinyNetwork(10)
    of = [
        (network, jax.device_get(prediction.init(network, SHAPE, jax.random.key(seed))))
        for seed in (0, 1)
    ]
    images = np.random.default_rng(0).integers(0, 256, (9, *SHAPE), np.uint8)
    found, sent = [], []
    for accelerated in (False, True):
        monkeypatch.setattr(devices, "accelerated", lambda own=accelerated: own)
        with traffic.counted(guarded=False) as counts:
            ascent = pseudo_examples.Ascent("gradient", 5.0)
            check = lambda: None  # noqa: E731
            found.append(
                pseudo_examples.climb(*of, images, ascent=ascent, steps=steps, check=check)
            )
        sent.append(counts.dispatches["_climb_steps"])
    assert sent == [steps, min(steps, 1)]
    assert np.abs(found[0].astype(int) - found[1]).max() <= 1
    assert steps or np.array_equal(found[1], images)
