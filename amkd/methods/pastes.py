"""Queries real images into which a rectangle of another real image was pasted, as in CutMix.

Source: Yun et al., 2019, who train on such images with the mixed label of both. Here the teacher
answers them. At the start, ``search.candidates`` times as many are made as are wanted; if this is
more than are wanted, ``search.acquisition`` chooses among them in each round.
"""

from collections.abc import Iterator

import numpy as np

from amkd.config.search import SearchSettings
from amkd.data import boxes, made_images
from amkd.methods import image_choice
from amkd.methods.base import MadeImageSelector, Method


def make(
    real: np.ndarray, settings: SearchSettings, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yields endless pastes, ``uint8[H, W, C]`` each, of images ``uint8[N, H, W, C]``."""
    low, high = settings.paste_area
    for place in made_images.turns(len(real), rng):
        other = (place + 1 + rng.integers(len(real) - 1)) % len(real)  # any but the image itself
        box = boxes.draw_paste(real.shape[1:], (low, high), settings.paste_beta, rng)
        yield boxes.paste(real[place], real[other], box)


METHOD = Method(
    selector=MadeImageSelector(
        image_choice.choose_made,
        image_choice.evaluations_made,
        acquires=True,
        misfits=image_choice.misfits,
        make=make,
        pool_title="pastes",
    )
)
