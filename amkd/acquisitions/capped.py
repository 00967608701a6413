"""Coverage of the real images: the lowest C2, but no image in too many of a round's mixes.

``search.max_per_image`` is how many mixes of a round an image may be in.
"""

import numpy as np

from amkd.acquisitions.base import Acquisition
from amkd.candidates.candidate_set import Candidates, fill_up


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """Takes, in the order of C2, the mixes whose two images are both below the limit; if these are
    too few, then the lowest of the others.
    """
    settings = candidates.task.settings
    # An image and its variants count as one.
    real = len(candidates.task.images) // (1 + settings.variants)
    room = np.full(real, settings.max_per_image)
    picked: list[int] = []
    first, second = ((side % real).tolist() for side in (candidates.scored.i, candidates.scored.j))
    for place, (i, j) in enumerate(zip(first, second, strict=True)):
        if len(picked) == k:
            break
        if room[i] and room[j]:
            room[[i, j]] -= 1
            picked.append(place)
    return fill_up(np.array(picked, np.int64), len(candidates), k)


ACQUISITION = Acquisition(choose)
