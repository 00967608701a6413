"""BALD by dropout: passes of the student with other masks stand for other students (Gal et al.,
2017).

BatchNorm stays in inference mode. For networks with dropout only: the others have :mod:`ensemble`.
"""

import numpy as np

from amkd.candidates.candidate_set import Candidates, first
from amkd.core import devices, keys
from amkd.models import prediction, uncertainty


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """The k mixes of most mutual information between class and mask."""
    task = candidates.of
    key = keys.key(*task.stream, keys.Purpose.ACQUISITION)
    looks = prediction.look_often(
        task.network,
        task.variables,
        candidates.images(),
        passes=task.settings.committee,
        key=key,
    )
    return first(-devices.each(uncertainty.disagreement, looks), k)


ACQUISITION = choose
