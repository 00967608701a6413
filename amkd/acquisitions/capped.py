"""Coverage of the real images: the lowest C2, but no image is used in too many mixes of a round.

``search.max_per_image`` is the largest number of mixes of a round that may use one image.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes, in the order of C2, the mixes whose two images are both below the limit. If there are
    fewer than k of these, it adds the lowest of the others.
    """
    return first_within_limit(candidates, np.arange(len(candidates)), k)


def first_within_limit(candidates: Candidates, order: np.ndarray, k: int) -> np.ndarray:
    """Takes mixes in the given order, but no image more often than ``search.max_per_image`` allows.
    If there are fewer than k of these, it adds the first of the others.

    Args:
      candidates: the candidates.
      order: ``int64[M]``, all places, the most wanted one first.
      k: how many mixes to take.

    Returns:
      ``int64[k]`` different places.
    """
    settings = candidates.inputs.settings
    # An image and its variants count as one.
    real = len(candidates.inputs.images) // (1 + settings.variants)
    room = np.full(real, settings.max_per_image)
    picked, others = list[int](), list[int]()
    sides = (candidates.scored.i[order] % real, candidates.scored.j[order] % real)
    for place, i, j in zip(order.tolist(), *(side.tolist() for side in sides), strict=True):
        if len(picked) == k:
            break
        if room[i] and room[j]:
            room[[i, j]] -= 1
            picked.append(place)
        else:
            others.append(place)
    return np.array([*picked, *others[: k - len(picked)]], np.int64)


ACQUISITION = Acquisition(choose)
