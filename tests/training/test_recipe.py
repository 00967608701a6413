"""Steps, learning rates and optimizers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.config.fields import choices
from amkd.config.recipe import Recipe
from amkd.training import recipe
from tests.support.recipes import PLAN, plan


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (7, 1), (8, 1), (9, 2), (16, 2), (17, 3)])
def test_last_batch_is_partly_filled(count, steps):
    assert recipe.steps_per_epoch(PLAN, count) == steps


@pytest.mark.parametrize(
    ("count", "min_steps", "epochs"),
    [(16, 0, 10), (16, 20, 10), (16, 21, 11), (16, 100, 50), (17, 100, 34), (1, 25, 25)],
)
def test_min_steps_asks_for_more_epochs(count, min_steps, epochs):
    found = plan(min_steps=min_steps)
    assert recipe.epochs(found, count) == epochs
    assert recipe.epochs(found, count) * recipe.steps_per_epoch(found, count) >= min_steps


@pytest.mark.parametrize(
    ("share", "steps", "images"), [(0.0, 3, 17), (0.25, 3, 17 + 6), (0.5, 5, 17 + 20)]
)
def test_a_pass_is_one_over_the_teachers_answers(share, steps, images):
    """17 of them in batches of 8, of which an assistant has 0, 2 or 4."""
    assert recipe.steps_per_epoch(PLAN, 17, share) == steps
    assert recipe.images_per_epoch(PLAN, 17, share) == images
    assert recipe.epochs(plan(min_steps=60), 17, share) == max(10, 60 // steps)
    assert len(recipe.epoch_rates(PLAN, 17, share)) == 10


def test_released_code_trains_on_all_stages_for_this_many_steps():
    """200 epochs over stages of 1k, 11k, 21k, 31k and 41k images in batches of 128."""
    released = plan(batch_size=128)
    assert (
        sum(200 * recipe.steps_per_epoch(released, 1000 * k) for k in (1, 11, 21, 31, 41))
        == 164_600
    )


def test_constant_rate():
    rates = recipe.learning_rates(PLAN, 7)
    assert rates.dtype == np.float32
    np.testing.assert_array_equal(rates, np.full(7, 0.5, np.float32))


def test_steps_drop_where_the_released_code_drops():
    """200 epochs of 5 steps: 80 + 60 + 40 + 20 epochs, each part at a tenth of the rate before."""
    rates = recipe.learning_rates(plan(schedule="steps"), 1000)
    expected = np.repeat([0.5, 0.05, 0.005, 0.0005], [400, 300, 200, 100])
    assert rates.dtype == np.float32
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


def test_steps_without_drops_are_constant():
    np.testing.assert_array_equal(
        recipe.learning_rates(plan(schedule="steps", drops=()), 5), np.float32([0.5] * 5)
    )


def test_drops_that_fall_on_one_step_all_count():
    """A training of 2 steps: .4 and .7 of it are both step 1, where the rate is a hundredth."""
    rates = recipe.learning_rates(plan(schedule="steps", drops=(0.4, 0.7)), 2)
    np.testing.assert_allclose(rates, [0.5, 0.005], rtol=1e-5)


@pytest.mark.parametrize("total", [2, 10, 1000])
def test_cosine_falls_from_the_peak_to_nearly_nothing(total):
    rates = recipe.learning_rates(plan(schedule="cosine"), total)
    expected = 0.25 * (1 + np.cos(np.pi * np.arange(total) / total))
    np.testing.assert_allclose(rates, expected, atol=1e-6)
    assert rates[0] == 0.5
    assert np.all(np.diff(rates) < 0)
    assert total < 1000 or rates[-1] < 1e-5


def test_warmup_grows_from_nothing_and_then_the_cosine_starts():
    rates = recipe.learning_rates(plan(schedule="cosine", warmup=0.2), 100)
    np.testing.assert_allclose(rates[:20], 0.5 * np.arange(20) / 20, atol=1e-7)
    np.testing.assert_allclose(
        rates[20:], 0.25 * (1 + np.cos(np.pi * np.arange(80) / 80)), atol=1e-6
    )


def test_the_warmup_of_variances_is_a_share_of_the_steps():
    found = recipe.step_inputs(plan(loss="pad_kl", pad_warmup=0.3), 10)
    assert found.warmed_up.tolist() == [False] * 3 + [True] * 7
    np.testing.assert_array_equal(found.rate, recipe.learning_rates(PLAN, 10))
    assert np.all(recipe.step_inputs(plan(loss="pad_kl"), 4).warmed_up)
    assert recipe.step_inputs(PLAN, 10).warmed_up is None


def test_drops_after_a_warmup_are_at_the_same_steps_as_without():
    rates = recipe.learning_rates(plan(schedule="steps", warmup=0.1), 100)
    np.testing.assert_allclose(rates[:10], 0.5 * np.arange(10) / 10, atol=1e-7)
    np.testing.assert_allclose(
        rates[10:], np.repeat([0.5, 0.05, 0.005, 0.0005], [30, 30, 20, 10]), rtol=1e-5
    )


def test_warmup_before_a_constant_rate():
    rates = recipe.learning_rates(plan(warmup=0.5), 4)
    np.testing.assert_allclose(rates, [0, 0.25, 0.5, 0.5], atol=1e-7)


@given(
    st.sampled_from(choices(Recipe, "schedule")),
    st.integers(1, 400),
    st.floats(0, 0.99),
    st.floats(1e-5, 10, exclude_min=True),
)
def test_rates_are_always_in_range(schedule, total, warmup, peak):
    rates = recipe.learning_rates(plan(schedule=schedule, warmup=warmup, learning_rate=peak), total)
    assert rates.shape == (total,)
    assert rates.dtype == np.float32
    assert np.all((rates >= 0) & (rates <= np.float32(peak) * 1.000001))


@pytest.mark.parametrize("schedule", choices(Recipe, "schedule"))
@pytest.mark.parametrize("warmup", [0.0, 0.25])
def test_schedules_promote_nothing_silently(schedule, warmup):
    with jax.numpy_dtype_promotion("strict"):
        recipe.learning_rates(plan(schedule=schedule, warmup=warmup), 8)


def two_steps(chosen, params, gradients):
    """Parameters after each of two steps, as the training step takes them."""
    tx, rate, after = recipe.optimizer_without_rate(chosen), 0.1, []
    state = tx.init(params)
    for gradient in gradients:
        updates, state = tx.update(gradient, state, params)
        params = optax.apply_updates(params, jax.tree.map(lambda u: -rate * u, updates))
        after.append(params)
    return after


def test_sgd_is_torchs_by_hand():
    """g += .01 p; buffer = .9 buffer + g; p -= .1 buffer."""
    params = {"kernel": jnp.array([2.0, -1.0]), "bias": jnp.array([10.0])}
    gradients = [
        {"kernel": jnp.array([1.0, 0.0]), "bias": jnp.array([-1.0])},
        {"kernel": jnp.array([0.5, 3.0]), "bias": jnp.array([0.0])},
    ]
    first, second = two_steps(PLAN, params, gradients)
    # g + .01 p = (1.02, -.01), -.9: these are the buffers, too.
    np.testing.assert_allclose(first["kernel"], [1.898, -0.999], rtol=1e-6)
    np.testing.assert_allclose(first["bias"], [10.09], rtol=1e-6)
    # (.5 + .01898, 3 - .00999) + .9 (1.02, -.01) = (1.43698, 2.98101); .1009 - .81 = -.7091.
    np.testing.assert_allclose(second["kernel"], [1.754302, -1.297101], rtol=1e-6)
    np.testing.assert_allclose(second["bias"], [10.16091], rtol=1e-6)


def test_sgd_without_momentum_and_decay_is_the_gradient():
    gradient = {"a": jnp.array([0.3, -0.2])}
    (after,) = two_steps(plan(momentum=0.0, weight_decay=0.0), {"a": jnp.zeros(2)}, [gradient])
    np.testing.assert_allclose(after["a"], [-0.03, 0.02], rtol=1e-6)


def test_adamw_decouples_the_decay():
    """Adam's first step is the gradient's sign; the decay adds .01 p and is not divided by
    anything.
    """
    params = {"a": jnp.array([5.0, -2.0])}
    (after,) = two_steps(plan(optimizer="adamw"), params, [{"a": jnp.array([1e-3, -30.0])}])
    np.testing.assert_allclose(after["a"], [5 - 0.1 * (1 + 0.05), -2 + 0.1 * (1 + 0.02)], rtol=1e-5)


def test_recipes_are_told_apart_by_value():
    """The compiled programs are looked up by them."""
    assert plan() == PLAN
    assert hash(plan()) == hash(PLAN)
    assert plan(crop=1) != PLAN
    with pytest.raises(dataclasses.FrozenInstanceError):
        PLAN.crop = 2


def test_a_step_knows_nothing_of_the_training_it_belongs_to():
    """Recipes of other lengths and rates share a compiled program, and none that train
    otherwise.
    """
    longer = dataclasses.replace(
        PLAN, epochs=7, min_steps=9, learning_rate=0.5, schedule="steps", drops=(0.5,)
    )
    assert recipe.step_recipe(longer) == recipe.step_recipe(PLAN)
    mixed = dataclasses.replace(PLAN, mix_share=0.5)
    for field, value in {"pad_warmup": 0.5, "mix_as_released": True}.items():
        assert recipe.step_recipe(
            dataclasses.replace(mixed, **{field: value})
        ) == recipe.step_recipe(mixed)
    others = {
        "crop": 3,
        "rotate": 1.0,
        "mix_share": 0.5,
        "average": 0.9,
        "loss": "standardised",
        "weighting": "softmax",
    }
    for field, value in others.items():
        assert recipe.step_recipe(
            dataclasses.replace(PLAN, **{field: value})
        ) != recipe.step_recipe(PLAN)


def test_what_does_nothing_is_not_of_the_essence():
    """A teacher's key does not change with fields that it does not use, nor with how its steps are
    dispatched.
    """
    base = recipe.weight_fields(PLAN)
    assert (
        "weighting" not in base
        and "mix_share" not in base
        and base["learning_rate"] == PLAN.learning_rate
    )
    for name, value in {
        "steps_per_dispatch": 3,
        "pad_warmup": 0.7,
        "weighting_power": 2.0,
        "mix_beta": 0.3,
    }.items():
        assert recipe.weight_fields(dataclasses.replace(PLAN, **{name: value})) == base
    for more in (
        {"crop": 1},
        {"mix_share": 0.5},
        {"weighting": "softmax"},
        {"average": 0.9},
        {"loss": "pad_kl"},
        {"precision": "float32"},
    ):
        assert recipe.weight_fields(dataclasses.replace(PLAN, **more)) != base
    mixed = dataclasses.replace(PLAN, mix_share=0.5)
    assert recipe.weight_fields(dataclasses.replace(mixed, mix_beta=0.3)) != recipe.weight_fields(
        mixed
    )
