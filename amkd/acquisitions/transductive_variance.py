"""Transductive variance: the mixes whose answers most reduce the variance of the logits of the real
images (VTL; Hübotter et al., 2024).

Ours: the student's last layer is treated as a Bayesian linear layer, so that the covariance of two
logits is the inner product of features, given all answers so far. An answer's noise is a hundredth
of the mean variance of a real image's logit before any answer. For hard labels see :mod:`epig`.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates import transduction
from amkd.candidates.candidate_set import Candidates, predict

_TARGETS = 4096  # real images, at most
_NOISE = 0.01


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes greedily the k mixes with the largest transductive variance; see
    :mod:`amkd.candidates.transduction`.
    """
    inputs = candidates.inputs
    targets = predict(inputs, inputs.variables, candidates.real_images(_TARGETS)).features
    need = transduction.second_moment(targets) / len(targets)
    scale = np.trace(need)  # of the squares of features: a target's variance is 1 on average
    scale = scale if scale > 0 else 1.0
    covariance = transduction.posterior(candidates.queried().features, _NOISE * scale)
    points = candidates.predictions().features / np.float32(np.sqrt(scale))
    arrays = (np.asarray(of, np.float32) for of in (points, covariance, need / scale))
    return np.asarray(transduction.least_variance(*arrays, np.float32(_NOISE), k))


ACQUISITION = Acquisition(choose)
