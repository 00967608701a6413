"""EPIG: the mixes whose class gives the most information about the classes of the real images, for
answers that are hard labels (Bickford Smith et al., 2023). For answers that are probabilities see
:mod:`transductive_variance`.

The committee's other students are trained again in every round: this costs training time, but no
query. As in the paper, each mix is scored independently: the k highest may resemble each other.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates import joint_information
from amkd.candidates.candidate_set import Candidates, lowest

_FEWEST, _MOST = 16, 1024  # real images
_WORK = 2**31  # joint probabilities in a round, at most, unless _FEWEST images need more


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes the k mixes with the largest mean information about real images. The number of real
    images that are used falls as the number of classes and candidates grows.
    """
    classes = candidates.predictions().probabilities.shape[-1]
    most = int(np.clip(_WORK // (len(candidates) * classes**2), _FEWEST, _MOST))
    both = candidates.committee_and(candidates.real_images(most))
    own, targets = zip(
        *((one.probabilities, other.probabilities) for one, other in both), strict=True
    )
    scores = joint_information.epig(np.stack(own, 1), np.stack(targets, 1))
    return lowest(-np.asarray(scores), k)


def _students(committee: int) -> int:
    """Returns the size of the committee without the student itself."""
    return committee - 1


ACQUISITION = Acquisition(choose, _students)
