"""Queries flipped real images, at most one of each.

``train.flip`` flips images in training, keeps the answer to the plain image and costs no query. So
use this method only where the teacher's answer depends on left and right. It is wrong for digits.
"""

from collections.abc import Iterator

import numpy as np

from amkd.config.search import SearchSettings
from amkd.methods import image_choice
from amkd.methods.base import MadeImageSelector, Method


def make(
    real: np.ndarray, settings: SearchSettings, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yields ``uint8[N, H, W, C]`` images flipped left to right, in random order."""
    del settings
    for place in rng.permutation(len(real)):
        yield real[place, :, ::-1]


METHOD = Method(
    selector=MadeImageSelector(
        image_choice.choose_made,
        image_choice.evaluations_made,
        acquires=True,
        misfits=image_choice.misfits,
        make=make,
        pool_title="flipped images",
        per_image=1,
    )
)
