"""What is compiled, how often, and what a later run finds of it."""

import contextlib

import jax
import numpy as np
import pytest

from amkd import models
from amkd.core import compilation
from amkd.data.records import Records
from amkd.training import training_set
from amkd.training.train import Training, train_network
from tests.support import command, recipes

SHAPE = (8, 8, 1)
COMPILED = "/jax/core/compile/backend_compile_duration"


@contextlib.contextmanager
def counting():
    """A list with one entry for every program that is compiled meanwhile."""
    found, on = [], [True]

    def note(event, *_, **__):
        if event == COMPILED and on:
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    yield found
    on.clear()


def test_a_program_is_compiled_once_for_each_static_argument_and_shape():
    """Called like the function itself; of three programs the oldest is dropped, as two are kept."""
    traced = []

    @compilation.compiled(static=("power",), kept=2)
    def raised(x, power, shift=1.0):
        """Documented."""
        traced.append((x.shape, power))
        return x**power + shift

    three, five = np.arange(3, dtype=np.float32), np.arange(5, dtype=np.float32)
    assert raised(three, 2).tolist() == [1, 2, 5]
    assert raised(power=2, x=three, shift=0.0).tolist() == [0, 1, 4]
    assert raised(five, 2).tolist() == [1, 2, 5, 10, 17]
    assert raised(three, 3).tolist() == [1, 2, 9]
    assert traced == [((3,), 2), ((5,), 2), ((3,), 3)]
    raised(three, 4)
    raised(three, 2)
    assert traced[3:] == [((3,), 4), ((3,), 2)]
    assert (raised.__name__, raised.__doc__) == ("raised", "Documented.")


@pytest.mark.parametrize("precision", [None, "highest"])
def test_a_program_has_its_own_precision_of_matrix_products(precision):
    seen = []

    @compilation.compiled(precision=precision)
    def product(x):
        seen.append(jax.config.jax_default_matmul_precision)
        return x @ x

    with jax.default_matmul_precision("float32"):
        product(np.eye(2, dtype=np.float32))
    assert seen == [precision or "float32"]


def test_a_mapped_program_splits_and_donates_by_name():
    count = jax.local_device_count()

    @compilation.mapped(split={"own": 0}, static=("times",), donate="own")
    def scaled(times, shared, own):
        return times * shared * own

    @compilation.mapped(split={"own": 1}, out_axes=None, all_processes=True, steady=False)
    def total(own):
        return jax.lax.psum(own.sum(), compilation.AXIS)

    own = jax.device_put(np.arange(2.0 * count, dtype=np.float32).reshape(count, 2))
    found = scaled(3, np.float32(2), own)
    np.testing.assert_array_equal(found, 6 * np.arange(2.0 * count).reshape(count, 2))
    assert float(total(np.ones((2, count), np.float32))) == 2 * count


def train(count, capacity, plan):
    """A round's training on so many records."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, *SHAPE), np.uint8)
    i, j = rng.integers(0, 20, (2, count)).astype(np.int32)
    records = Records(i, j, np.full(count, 30000, np.int32))
    answers = np.full((count, 3), 1 / 3, np.float32)
    training = Training(
        network=models.build("lenet5_half", 3, SHAPE),
        recipe=plan,
        data=training_set.make(images, records, answers, capacity=capacity),
        count=count,
        stream=(0, 1),
    )
    train_network(training)


@pytest.mark.parametrize(
    ("batch", "fields"),
    [
        (16, {"schedule": "cosine"}),
        (24, {"schedule": "steps"}),
        (32, {"schedule": "constant"}),
        (40, {"loss": "pad_kl", "pad_warmup": 0.3}),
    ],
    ids=str,
)
def test_later_rounds_compile_nothing(batch, fields):
    """Other numbers of records, of steps and of epochs run the programs of the first round, which
    no other test has.
    """
    plan = recipes.plan(epochs=2, min_steps=7, batch_size=batch, warmup=0.1, **fields)
    with counting() as first:
        train(33, 200, plan)
    with counting() as later:
        train(64, 200, plan)
        train(200, 200, plan)
    assert first and not later


@pytest.mark.heavy
def test_a_second_run_finds_the_programs_of_the_first(tmp_path):
    """It reads every one that was kept whole, and compiles the damaged ones again; its student has
    the same bits.
    """
    cache = tmp_path / "cache"

    def student(name):
        line = command.arguments(tmp_path / name, **command.PRICED, cache_dir=cache)
        done = command.run(line, command.environment(tmp_path))
        assert done.returncode == 0, done.stderr
        return command.summary(tmp_path / name)["student_sha256"]

    def last_read():
        return {path.name: path.read_bytes() for path in cache.glob("compiled/*/*-atime")}

    first, kept = student("first"), last_read()
    damaged = sorted(cache.glob("compiled/*/*-cache"))[::2]
    assert damaged and len(kept) > len(damaged)
    for program in damaged:
        program.write_bytes(program.read_bytes()[:-100])
    assert student("second") == first
    read = last_read()
    names = {program.name.replace("-cache", "-atime") for program in damaged}
    assert all(read[name] != before for name, before in kept.items() if name not in names)
