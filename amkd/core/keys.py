"""Randomness: every stream is a function of (seed, round, purpose) and is never stored."""

import enum

import jax
import numpy as np

# Used instead of the round, so that no student shares these streams:
TEACHER = 2**31 - 1  # a local teacher
ASSISTANT = 2**29  # plus the round's number: an assistant
TARGET = 2**30  # plus the block's number: a target network, against which images are made


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
    HELD_OUT = 9  # evaluation images where there are no ground-truth labels
    AUDIT = 10  # which pairs audit a screened search
    VARIANTS = 11  # shifts and flips of the real images' variants
    ACQUISITION = 12  # acquisitions: seeds of k-means++, dropout masks, orders of a loss predictor
    IMPRESSIONS = 13  # answers and initial pixels of images made from a network
    IMPRESSION_VIEWS = 14  # views of these images
    PSEUDO_EXAMPLES = 15  # which real images the first pseudo-examples lie between, and where
    AUXILIARY_HEAD = 20  # initial weights of a loss's auxiliary head
    RELATIONS = 21  # the head on a local teacher's features (SSKD): initial weights, batches
    FEATURE_VIEWS = 22  # views of which a frozen network's features are kept
    MADE_IMAGES = 24  # crops, pastes and flipped images: of which images, and where
    SCORED_IMAGES = 25  # which of the unused images are scored, where not all of them are
    ASSISTED_IMAGES = 26  # which images an assistant answers: pairs, lambdas, real images
    ASSISTED_VIEWS = 27  # views of these images
    ROADS = 30  # road images with lanes


def of_member(round_: int, member: int) -> int:
    """Returns the number used instead of the round for a further student of its committee; member
    0 is the round's own student.
    """
    return round_ + (member << 16)


def key(seed: int, round_: int, purpose: Purpose) -> jax.Array:
    """Returns the JAX key of one stream.

    Args:
      seed: the run's seed.
      round_: round the stream belongs to; 0 for what belongs to the whole run.
      purpose: what the numbers are for.
    """
    folded = jax.random.fold_in(jax.random.key(seed), round_)
    return jax.random.fold_in(folded, int(purpose))


def rng(seed: int, round_: int, purpose: Purpose, *more: int) -> np.random.Generator:
    """Returns the NumPy generator of one stream, for choices made on the host.

    Args:
      seed: the run's seed.
      round_: round the stream belongs to; 0 for what belongs to the whole run.
      purpose: what the numbers are for.
      *more: further coordinates, such as the epoch.
    """
    return np.random.default_rng((seed, round_, int(purpose), *more))
