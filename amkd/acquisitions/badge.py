"""BADGE: uncertain and diverse by k-means++ on gradient embeddings (Ash et al., 2020); see
:mod:`amkd.candidates.gradients`.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates import gradients
from amkd.candidates.candidate_set import Candidates
from amkd.core import keys


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Draws k seeds from the candidates; as in the released code, queried images are not seeds."""
    predictions = candidates.predictions()
    key = keys.key(*candidates.inputs.stream, keys.Purpose.ACQUISITION)
    return np.asarray(gradients.badge(predictions.probabilities, predictions.features, k, key))


ACQUISITION = Acquisition(choose)
