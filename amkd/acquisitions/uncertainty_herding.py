"""Uncertainty herding: the mixes near real images that the student has learned least and that have
no other queried image near them (Bae et al., 2024).

Ours: a real image's uncertainty is the divergence of the student from the answer that was paid for
it. So the targets are the queried real images, and each is covered by all other queried images, but
not by itself.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.acquisitions.learning_loss import divergences
from amkd.candidates import herding
from amkd.candidates.candidate_set import Candidates

_TARGETS = 4096  # real images, at most


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes greedily the k mixes that cover the most divergence; see
    :mod:`amkd.candidates.herding`.
    """
    asked, places = candidates.queried(), candidates.queried_real_images(_TARGETS)
    uncertainty = divergences(candidates.answers()[places], asked.probabilities[places])
    # Rounding can make it negative.
    uncertainty = np.maximum(uncertainty, 0).astype(np.float32)
    points = candidates.predictions().features
    return np.asarray(herding.cover(points, asked.features, places, uncertainty, k))


ACQUISITION = Acquisition(choose)
