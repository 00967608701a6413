"""Queries random crops of the real images, each resized to the size of the images.

At the start, ``search.candidates`` times as many crops are made as are wanted; if this is more than
are wanted, ``search.acquisition`` chooses among them in each round. Every image has as many crops
as any other, or one more. Crops in training (``train.zoom``) keep the answer to the whole image and
cost no query.
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
    """Yields endless crops, ``uint8[H, W, C]`` each, of images ``uint8[N, H, W, C]``."""
    low, high = settings.crop_area
    for place in made_images.turns(len(real), rng):
        box = boxes.draw_crop(real.shape[1:], (low, high), settings.crop_stretch, rng)
        mirrored = settings.crop_flip and rng.random() < 0.5
        crop = boxes.crop(real[place], box)
        yield crop[:, ::-1] if mirrored else crop


METHOD = Method(
    selector=MadeImageSelector(
        image_choice.choose_made,
        image_choice.evaluations_made,
        acquires=True,
        misfits=image_choice.misfits,
        make=make,
        pool_title="crops",
    )
)
