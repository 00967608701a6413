"""The draw of the real images."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from amkd.data import sources
from amkd.data.dataset import DataSet, draw_real, with_not_drawn


def numbered(count: int = 300) -> DataSet:
    """A data set whose images are their own numbers."""
    pool = np.arange(count, dtype="<u4").view(np.uint8).reshape(count, 2, 2, 1)
    labels = np.arange(count, dtype=np.int32) % 10
    return DataSet("numbers", 10, pool, labels, pool, pool, labels)


def drawn(data: DataSet, n: int, seed: int) -> list[int]:
    return draw_real(data, n, seed).reshape(n, -1).view("<u4").ravel().tolist()


def test_the_draw_is_seeded() -> None:
    data = numbered()
    assert drawn(data, 50, 3) == drawn(data, 50, 3)
    assert len({tuple(drawn(data, 50, seed)) for seed in range(10)}) == 10


def test_the_draw_is_without_replacement_and_from_the_pool() -> None:
    data = numbered()
    for seed in range(5):
        found = drawn(data, 250, seed)
        assert len(set(found)) == 250
        assert set(found) <= set(range(300))
    assert sorted(drawn(data, 300, 0)) == list(range(300))
    with pytest.raises(ValueError):
        draw_real(data, 301, 0)


@pytest.mark.parametrize("nested", [False, True])
def test_the_draw_is_uniform(nested: bool) -> None:
    data = dataclasses.replace(numbered(20), nested_draw=nested)
    counts = np.bincount(
        [number for seed in range(1000) for number in drawn(data, 5, seed)], minlength=20
    )
    assert np.all(np.abs(counts - 250) < 5 * np.sqrt(1000 * 0.25 * 0.75))


def test_a_nested_draw_of_few_begins_every_draw_of_more() -> None:
    data = dataclasses.replace(numbered(), nested_draw=True)
    for seed in range(3):
        every = drawn(data, 300, seed)
        assert sorted(every) == list(range(300)) != every
        assert all(drawn(data, n, seed) == every[:n] for n in (1, 7, 150, 299))
        rest = np.asarray(with_not_drawn(data, draw_real(data, 7, seed), seed))
        assert rest.reshape(300, -1).view("<u4").ravel().tolist()[:7] == every[:7]
    with pytest.raises(ValueError, match="301 of 300"):
        draw_real(data, 301, 0)


@pytest.mark.parametrize("nested", [False, True])
def test_the_draw_is_blind_to_labels_and_to_other_parts(nested: bool) -> None:
    data = dataclasses.replace(numbered(), nested_draw=nested)
    blind = dataclasses.replace(
        data,
        teacher_labels=data.teacher_labels[::-1],
        teacher_images=data.teacher_images[:5],
        test_images=data.test_images[:5],
        test_labels=data.test_labels[:5] * 0,
        classes=3,
        name="other",
    )
    assert drawn(data, 40, 1) == drawn(blind, 40, 1)


def test_the_draw_has_its_own_memory(tmp_path: Path) -> None:
    digits = sources.load("digits", cache_dir=tmp_path)
    real = draw_real(digits, 7, 0)
    assert real.flags.c_contiguous
    assert not np.shares_memory(real, digits.pool_images)
    assert real.shape == (7, 8, 8, 1)
    assert real.dtype == np.uint8


def test_what_is_not_drawn_follows_in_order_and_is_not_copied() -> None:
    data = numbered(20)
    first = draw_real(data, 7, 3)
    found = with_not_drawn(data, first, 3)
    assert found.first is first and found.others is data.pool_images
    numbers = np.asarray(found).reshape(20, -1).view("<u4").ravel().tolist()
    assert numbers[:7] == drawn(data, 7, 3)
    assert sorted(numbers) == list(range(20)) and numbers[7:] == sorted(numbers[7:])


def test_what_may_not_be_drawn_does_not_follow() -> None:
    """Held-out images, such as the odd ones here, are among none of them."""
    data = dataclasses.replace(numbered(20), pool_indices=np.arange(0, 20, 2))
    found = with_not_drawn(data, draw_real(data, 4, 0), 0)
    numbers = np.asarray(found).reshape(10, -1).view("<u4").ravel().tolist()
    assert sorted(numbers) == list(range(0, 20, 2))
