"""Learning Loss: where a network trained on the losses of answered images predicts a high one (Yoo
and Kweon, 2019).

Ours: the loss is the divergence of the student from the answer, which is the cross-entropy for
  labels. Of an answer
that is unsure itself, cross-entropy is high for any student, and says nothing of what there is to
learn.
"""

import numpy as np

from amkd.candidates import programs
from amkd.candidates.candidate_set import Candidates, first
from amkd.core import keys

_STEPS = 2000


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """The k largest predicted losses; see :mod:`amkd.candidates.loss_prediction`."""
    own, asked = candidates.seen(), candidates.asked()
    losses = divergences(candidates.answers(), asked.probabilities)
    middle, spread = asked.features.mean(0, np.float64), asked.features.std(0, np.float64)
    # The predictor has learned nothing of a feature that is the same in all that was asked about.
    spread = np.where(np.ptp(asked.features, 0) > 0, spread, np.inf)
    key = keys.key(*candidates.of.stream, keys.Purpose.ACQUISITION)
    scaled = [((seen.features - middle) / spread).astype(np.float32) for seen in (asked, own)]
    return first(-programs.predicted_losses(scaled[0], losses, scaled[1], _STEPS, key), k)


def divergences(answers: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """KL of a student's probabilities from the answers, both ``float32[Q, Y]``: ``float32[Q]``."""
    tiny = np.finfo(np.float32).tiny
    logs = np.log(np.maximum(answers, tiny)) - np.log(np.maximum(probabilities, tiny))
    found: np.ndarray = np.sum(answers * logs, -1)
    return found


ACQUISITION = choose
