"""Learning Loss: a network is trained on the losses of answered images, and the mixes are chosen
for which it predicts a high loss (Yoo and Kweon, 2019).

Ours: the loss is the divergence of the student from the answer; for hard labels this is the
cross-entropy. Where the answer itself is unsure, the cross-entropy is high for any student, and
does not show how much there is to learn.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates import loss_prediction
from amkd.candidates.candidate_set import Candidates, lowest
from amkd.core import keys

_STEPS = 2000


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the k mixes with the largest predicted losses; see
    :mod:`amkd.candidates.loss_prediction`.
    """
    own, queried = candidates.predictions(), candidates.queried()
    losses = divergences(candidates.answers(), queried.probabilities)
    mean, spread = queried.features.mean(0, np.float64), queried.features.std(0, np.float64)
    # The predictor has learned nothing about a feature that is the same in all queried images.
    spread = np.where(np.ptp(queried.features, 0) > 0, spread, np.inf)
    key = keys.key(*candidates.inputs.stream, keys.Purpose.ACQUISITION)
    scaled = [((said.features - mean) / spread).astype(np.float32) for said in (queried, own)]
    predicted = loss_prediction.predicted_losses(scaled[0], losses, scaled[1], _STEPS, key)
    return lowest(-np.asarray(predicted), k)


def divergences(answers: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns the KL divergence of a student's probabilities from the answers, both
    ``float32[Q, Y]``: ``float32[Q]``.
    """
    tiny = np.finfo(np.float32).tiny
    logs = np.log(np.maximum(answers, tiny)) - np.log(np.maximum(probabilities, tiny))
    found: np.ndarray = np.sum(answers * logs, -1)
    return found


ACQUISITION = Acquisition(choose)
