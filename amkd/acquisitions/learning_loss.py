"""Learning Loss: where a network trained on the losses of answered images predicts a high one (Yoo and Kweon, 2019)."""

import numpy as np

from amkd import choosing, keys
from amkd.acquisition import Candidates, first

_STEPS = 2000
_LEAST = 1e-6  # deviation of a feature that is told apart from a constant


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """The k largest predicted losses; see :mod:`amkd.loss_prediction`."""
    own, asked = candidates.seen(), candidates.asked()
    losses = -np.sum(candidates.answers() * np.log(asked.probabilities + np.finfo(np.float32).tiny), -1)
    middle, spread = asked.features.mean(0), asked.features.std(0)
    # The predictor has learned nothing of a feature that is the same in all that was asked about.
    spread = np.where(spread > _LEAST, spread, np.float32(np.inf))
    key = keys.key(*candidates.of.stream, keys.Purpose.ACQUISITION)
    scaled = [(seen.features - middle) / spread for seen in (asked, own)]
    return first(-choosing.predicted_losses(scaled[0], losses, scaled[1], _STEPS, key), k)


ACQUISITION = choose
