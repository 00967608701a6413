"""Coverage of the real images: the lowest C2, but no image in more than its share of the round's mixes."""

import numpy as np

from amkd.acquisition import Candidates, filled


def choose(candidates: Candidates, k: int) -> np.ndarray:
    """In the order of C2, all whose two images still have room; where that is too few, the lowest of the others."""
    room = np.full(len(candidates.of.images), candidates.of.settings.per_image)
    picked: list[int] = []
    for place, (i, j) in enumerate(zip(candidates.scored.i.tolist(), candidates.scored.j.tolist(), strict=True)):
        if len(picked) == k:
            break
        if room[i] and room[j]:
            room[[i, j]] -= 1
            picked.append(place)
    return filled(np.array(picked, np.int64), len(candidates), k)


ACQUISITION = choose
