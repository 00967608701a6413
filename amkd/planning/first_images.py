"""The images of round 0 that are known before a run."""

import numpy as np

from amkd.config.settings import Settings
from amkd.data.dataset import DataSet, draw_real
from amkd.methods.first_images import FirstImageInputs
from amkd.run.facts import RunFacts


def known_images(settings: Settings, facts: RunFacts, data: DataSet, *, sound: bool) -> np.ndarray:
    """Returns the images of round 0 that are known.

    If there are too few images to draw from, no image is returned, so that the plan can still
    report the cost.
    """
    count = facts.real_count if facts.real_count <= data.drawable_count else 0
    real = draw_real(data, count, settings.seed)
    if not sound:
        return real
    source = FirstImageInputs(settings=settings, shape=data.shape, classes=data.classes, real=real)
    return facts.method.first.known(source)
