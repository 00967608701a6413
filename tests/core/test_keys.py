"""Streams of randomness."""

import itertools

import jax
import numpy as np
import pytest

from amkd.core import keys
from amkd.core.keys import Purpose

RNG_GOLDEN = [152, 460, 679, 315]
KEY_GOLDEN = (2488719848, 3371676629)
STREAMS = list(itertools.product((0, 1, 2, 7), (0, 1, 2, 7), Purpose))


def bits_of_key(*stream):
    return tuple(np.asarray(jax.random.key_data(keys.key(*stream))).tolist())


def bits_of_rng(*stream):
    return tuple(keys.rng(*stream).integers(2**63, size=2).tolist())


def test_numbers_of_purposes_are_part_of_the_results():
    assert {purpose.name: purpose.value for purpose in Purpose} == {
        "REAL_IMAGES": 1,
        "POOL": 2,
        "INIT": 3,
        "ORDER": 4,
        "AUGMENT": 5,
        "RANDOM_PAIRS": 6,
        "TEACHER_SPLIT": 7,
        "SPLIT": 8,
        "HELD_OUT": 9,
        "AUDIT": 10,
        "VARIANTS": 11,
        "ACQUISITION": 12,
        "IMPRESSIONS": 13,
        "IMPRESSION_VIEWS": 14,
        "PSEUDO_EXAMPLES": 15,
        "AUXILIARY_HEAD": 20,
        "RELATIONS": 21,
        "FEATURE_VIEWS": 22,
        "MADE_IMAGES": 24,
        "SCORED_IMAGES": 25,
        "ASSISTED_IMAGES": 26,
        "ASSISTED_VIEWS": 27,
        "ROADS": 30,
    }


@pytest.mark.parametrize("bits", [bits_of_key, bits_of_rng])
def test_every_stream_is_another(bits):
    """Seed, round and purpose all count, and so does which of them is which."""
    assert len({bits(*stream) for stream in STREAMS}) == len(STREAMS)


def test_every_epoch_is_another():
    streams = [
        (seed, round_, Purpose.ORDER, epoch)
        for seed, round_, epoch in itertools.product(range(4), repeat=3)
    ]
    assert len({bits_of_rng(*stream) for stream in streams}) == len(streams)


@pytest.mark.parametrize("bits", [bits_of_key, bits_of_rng])
def test_a_stream_can_be_had_again(bits):
    assert bits(3, 2, Purpose.INIT) == bits(3, 2, Purpose.INIT)


def test_streams_keep_their_values():
    """Whoever changes these changes every published result."""
    assert keys.rng(0, 1, Purpose.ORDER, 2).integers(1000, size=4).tolist() == RNG_GOLDEN
    assert bits_of_key(0, 1, Purpose.INIT) == KEY_GOLDEN
