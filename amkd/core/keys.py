"""Randomness: every stream is a function of (seed, round, purpose) and is never stored."""

import enum

import jax
import numpy as np

TEACHER = 2**31 - 1  # in place of the round, for a local teacher: no student shares its streams
TARGET = (
    2**30
)  # in place of the round, plus a number of its own, for a network that images are made against


class Purpose(enum.IntEnum):
    """What a stream of random numbers is for. Numbers are part of the results: never reuse one."""

    REAL_IMAGES = 1  # which images of the data set are the N real ones
    POOL = 2  # which pairs are in a sampled pool
    INIT = 3  # initial parameters of a network
    ORDER = 4  # order of the records in an epoch
    AUGMENT = 5  # crops, flips and dropout
    RANDOM_PAIRS = 6  # the choice of the random_mixup method
    TEACHER_SPLIT = 7  # which labeled images validate a local teacher
    SPLIT = 8  # split of a data set that has none of its own
    HELD_OUT = 9  # which pictures judge the student where there are no labels
    AUDIT = 10  # which pairs audit a screened search
    VARIANTS = 11  # shifts and mirrors of the real images' variants
    ACQUISITION = 12  # what acquisitions draw: seeds of k-means++, masks of dropout, orders of a loss predictor
    IMPRESSIONS = 13  # answers and first pixels of images made from a network
    IMPRESSION_VIEWS = 14  # how these are shown
    PSEUDO_EXAMPLES = 15  # which real images the first ones lie between, and where
    BRANCH = 20  # first weights of what a loss learns beside the student
    RELATIONS = 21  # head on a local teacher's features, which tells what turned images are of: first weights, batches


def of_member(round_: int, member: int) -> int:
    """In place of the round, for a further student of a round's committee; member 0 is the round's
    own.
    """
    return round_ + (member << 16)


def key(seed: int, round_: int, purpose: Purpose) -> jax.Array:
    """JAX key of one stream.

    Args:
      seed: the run's seed.
      round_: round the stream belongs to; 0 for what belongs to the whole run.
      purpose: what the numbers are for.
    """
    folded = jax.random.fold_in(jax.random.key(seed), round_)
    return jax.random.fold_in(folded, int(purpose))


def rng(seed: int, round_: int, purpose: Purpose, *more: int) -> np.random.Generator:
    """NumPy generator of one stream, for choices made on the host.

    Args:
      seed: the run's seed.
      round_: round the stream belongs to; 0 for what belongs to the whole run.
      purpose: what the numbers are for.
      *more: further coordinates, such as the epoch.
    """
    return np.random.default_rng((seed, round_, int(purpose), *more))
