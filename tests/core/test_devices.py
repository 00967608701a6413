"""Batches over the devices: the same rows in either form, and nothing is sent twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd.core import devices
from amkd.core.compilation import compiled
from amkd.data import records
from amkd.models import prediction
from tests.support import traffic

ROWS = np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)


@compiled()
def two_columns(weights, rows):
    return rows @ weights, jnp.sum(rows, -1)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 70])
def test_batches_over_all_devices_are_the_batches_of_one(count, as_accelerated):
    """Batches of 8 on each of four devices; the last one is padded."""
    found = devices.in_batches(two_columns, WEIGHTS, ROWS[:count], 8)
    assert [column.shape for column in found] == [(count, 3), (count,)]
    assert all(isinstance(column, np.ndarray) for column in found)
    np.testing.assert_allclose(found[0], ROWS[:count] @ WEIGHTS, atol=1e-5)
    np.testing.assert_allclose(found[1], ROWS[:count].sum(1), atol=1e-5)


def test_no_rows_have_results_without_rows():
    found = devices.in_batches(two_columns, WEIGHTS, ROWS[:0], 8)
    assert [column.shape for column in found] == [(0, 3), (0,)]


def test_every_device_works_on_its_rows(as_accelerated):
    placed = devices.split(ROWS[:32])
    first, _ = two_columns(devices.replicate(WEIGHTS), placed)
    assert {shard.data.shape for shard in first.addressable_shards} == {(8, 3)}
    assert len(first.addressable_shards) == devices.count() == 4


def test_rows_on_every_device_never_come_to_the_host(as_accelerated):
    with traffic.counted() as sent:
        found = devices.on_every_device(two_columns, WEIGHTS, ROWS, 8)
    assert sent.downloads == 0
    assert sent.uploaded == WEIGHTS.nbytes + 96 * 5 * 4  # three batches of 4 x 8 rows
    np.testing.assert_allclose(found[0], ROWS @ WEIGHTS, atol=1e-5)
    assert all(column.is_fully_replicated for column in found)
    assert found[0].sharding.device_set == set(jax.local_devices())


@pytest.mark.parametrize("count", [1, 31, 32, 33, 70])
def test_rows_on_every_device_need_no_second_copy(count, as_accelerated, monkeypatch):
    """The memory of the rows that were written is used again."""
    write, before = devices._written, []

    def written(size, whole, part):
        before.append((whole[0], size))
        return write(size, whole, part)

    monkeypatch.setattr(devices, "_written", written)
    found = devices.on_every_device(two_columns, WEIGHTS, ROWS[:count], 8)
    np.testing.assert_allclose(found[0], ROWS[:count] @ WEIGHTS, atol=1e-5)
    assert sum(size for _, size in before) == count
    assert all(column.is_deleted() for whole, _ in before for column in whole)


def test_rows_on_every_device_are_those_of_the_host_form():
    found = devices.on_every_device(two_columns, WEIGHTS, ROWS, 8)
    expected = devices.in_batches(two_columns, WEIGHTS, ROWS, 8)
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    assert all(column.is_fully_replicated for column in found)


def test_what_is_kept_is_not_uploaded_again(as_accelerated):
    kept = devices.place(WEIGHTS)
    with traffic.counted() as sent:
        for _ in range(3):
            devices.in_batches(two_columns, kept, ROWS[:32], 8)
    assert sent.uploaded == 3 * ROWS[:32].nbytes
    assert sent.dispatches == {"two_columns": 3}


def test_a_cpu_keeps_arrays_on_the_host():
    assert devices.place(WEIGHTS) is WEIGHTS


def test_memory_of_a_device_that_does_not_tell_is_a_usual_one(monkeypatch):
    assert devices.memory() == 12 * 2**30

    class Told:
        def memory_stats(self):
            return {"bytes_limit": 5}

    monkeypatch.setattr(devices, "_least_memory", 4)
    assert devices.memory() == 4
    monkeypatch.setattr(devices, "_least_memory", 2**50)
    monkeypatch.setattr(jax, "local_devices", lambda: [Told(), Told()])
    assert devices.memory() == 5


@pytest.mark.parametrize(
    ("shape", "block", "on_cpu", "on_eight"),
    [((28, 28, 1), 1024, 256, 128), ((224, 224, 3), 128, 128, 16), ((384, 384, 3), 64, 64, 8)],
)
def test_blocks_of_large_images_are_not_mostly_padding(shape, block, on_cpu, on_eight, monkeypatch):
    assert records.block_size(shape) == block
    assert prediction.batch_of_block(block) == on_cpu
    monkeypatch.setattr(devices, "accelerated", lambda: True)
    monkeypatch.setattr(devices, "count", lambda: 8)
    assert prediction.batch_of_block(block) == on_eight
