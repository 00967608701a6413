"""BALD by dropout: the student with different dropout masks represents different students (Gal et
al., 2017).

BatchNorm stays in inference mode. This is for networks with dropout only; for the others use
:mod:`ensemble`.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates, lowest
from amkd.core import devices, keys
from amkd.models import prediction, uncertainty


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the k mixes with the largest mutual information between class and mask."""
    inputs = candidates.inputs
    key = keys.key(*inputs.stream, keys.Purpose.ACQUISITION)
    answers = prediction.predict_with_dropout(
        inputs.network,
        inputs.variables,
        candidates.images(),
        passes=inputs.settings.committee,
        key=key,
    )
    return lowest(-devices.each(uncertainty.disagreement, answers), k)


ACQUISITION = Acquisition(choose)
