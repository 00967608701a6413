"""The programs in the form for accelerators lower for CUDA and TPU, and a training program's size
does not grow with the steps that it does.
"""

import jax
import numpy as np
import pytest
from jax import export

from amkd.core import compilation
from amkd.search import device_search, enumeration, pairs, pool_search
from amkd.training import recipe, train_step, training_set
from tests.search.test_device_search import inputs
from tests.support.training import network_of, plan, some_data, start_of, training_of


def lowered(run, *arrays):
    """The text of a program of one device, for accelerators."""

    def on_one_device(*given):
        one = jax.tree.map(lambda leaf: leaf[None], given)
        found = jax.vmap(run, axis_name=compilation.AXIS)(*one)
        return jax.tree.map(lambda leaf: leaf[0], found)

    exported = export.export(jax.jit(on_one_device), platforms=("cuda", "tpu"))(*arrays)
    text = str(exported.mlir_module())
    assert "custom_call" not in text and "f64" not in text
    return text


def steps_text(count, **fields):
    chosen, data = plan(crop=1, flip=True, **fields), some_data()
    network = network_of().clone(axis_name=compilation.AXIS)
    of_step = recipe.step_recipe(chosen)
    rows = training_set.epoch(8 * count, 8, np.random.default_rng(0))

    def run(state, data, batches, inputs):
        return train_step.train_steps.__wrapped__(
            network, of_step, state, data, batches, inputs, jax.random.key(0), True
        )

    state = jax.device_get(start_of(training_of(chosen, network, data)))
    return lowered(run, state, data, rows, recipe.step_inputs(chosen, count))


def test_a_loop_of_training_steps_is_as_long_as_one_of_few(as_accelerated):
    few, many = steps_text(2), steps_text(64)
    assert "stablehlo.while" in few and "stablehlo.convolution" in few
    assert abs(len(many) - len(few)) < 0.02 * len(few)


@pytest.mark.parametrize("precision", ["default", "tensorfloat32", "float32"])
def test_products_of_training_round_as_named(precision, as_accelerated):
    """In forward and backward pass alike; HIGH is TF32 on a GPU, HIGHEST is float32."""
    text = steps_text(1, precision=precision)
    named = {
        "default": "DEFAULT",
        "tensorfloat32": "HIGH",
        "float32": "HIGHEST",
    }
    lines = [
        line
        for line in text.splitlines()
        if " = stablehlo.convolution" in line or " = stablehlo.dot_general" in line
    ]
    assert len(lines) > 10
    for line in lines:
        found = {name for name in named.values() if f"{name}]" in line or f"{name}>" in line}
        assert (found or {"DEFAULT"}) == {named[precision]}, line


def test_a_search_lowers_with_any_number_of_tiles(as_accelerated):
    one = inputs(n=6)
    student = pool_search.place(one, with_logits=False)
    minimiser = pool_search.configured_minimiser(one.settings)
    variables, rows = jax.device_get((student.variables, student.table.rows))

    def run(variables, rows, i, count):
        return device_search._score_first.__wrapped__(
            student.network, minimiser, 4, True, None, variables, rows, i, i, count
        )

    text = lowered(run, variables, rows, np.zeros(64, np.int32), np.int32(9))
    assert text.count("stablehlo.while") >= 1
    longer = lowered(run, variables, rows, np.zeros(4096, np.int32), np.int32(9))
    assert abs(len(longer) - len(text)) < 0.02 * len(text)


def test_enumeration_lowers():
    span = enumeration.span_of(pairs.RankRange(3, 9, np.array([5])), 10, 4)
    assert "xi64>" not in lowered(lambda one: enumeration.pairs_of(one, 10, 64), span)


@pytest.mark.parametrize("wanted", [True, False])
def test_deterministic_programs_of_a_gpu(wanted, monkeypatch):
    """XLA takes the option, and tells so where a name is wrong."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    try:
        compilation.repeat_bits(wanted)
        assert compilation.repeats_bits() is wanted
        options = compilation._options(True)
    finally:
        compilation.repeat_bits(False)
        compilation._options.cache_clear()
    assert options == ({"xla_gpu_deterministic_ops": True} if wanted else {})
    jax.jit(lambda x: x + 1, compiler_options=options).lower(0.0).compile()
    with pytest.raises(jax.errors.JaxRuntimeError, match="No such"):
        jax.jit(lambda x: x, compiler_options={"xla_gpu_nothing": True}).lower(0.0).compile()


def test_a_flag_of_the_user_counts_as_deterministic(monkeypatch):
    assert compilation.repeats_bits()  # a CPU's do
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert not compilation.repeats_bits()
    monkeypatch.setenv("XLA_FLAGS", "--xla_x=1 --xla_gpu_deterministic_ops=true")
    assert compilation.repeats_bits()
