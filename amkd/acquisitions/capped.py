"""Coverage of the real images: the lowest C2, but no image in more than its share of the round's
mixes.
"""

import numpy as np

from amkd.candidates.candidate_set import Candidates, filled


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """In the order of C2, all whose two images still have room; where that is too few, the lowest
    of the others.
    """
    plan = candidates.of.settings
    real = len(candidates.of.images) // (1 + plan.variants)  # an image and its variants are one
    room = np.full(real, plan.max_per_image)
    picked: list[int] = []
    first, second = ((side % real).tolist() for side in (candidates.scored.i, candidates.scored.j))
    for place, (i, j) in enumerate(zip(first, second, strict=True)):
        if len(picked) == k:
            break
        if room[i] and room[j]:
            room[[i, j]] -= 1
            picked.append(place)
    return filled(np.array(picked, np.int64), len(candidates), k)


ACQUISITION = choose
