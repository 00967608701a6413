"""Draws fresh mixes for an assistant to answer: mixes that were not sent to the teacher."""

import numpy as np

from amkd.data import mixing
from amkd.data.records import Records
from amkd.search import pairs


def draw(
    queried: Records, count: int, *, near: float, lam: tuple[float, float], rng: np.random.Generator
) -> Records:
    """Returns fresh mixes: first mixes of pairs already queried, then mixes of other pairs.

    In both parts, each pair comes once before any pair comes again. A queried pair gets a lambda at
    which it was not queried.

    Args:
      queried: the queried records. Other pairs are pairs of the whole images among them.
      count: F, how many mixes.
      near: share of the mixes that are of pairs already queried; 0 is used if there is no such
        pair.
      lam: lowest and highest lambda; lambda is uniform between them.
      rng: source of randomness.

    Returns:
      F records.

    Raises:
      ValueError: there is no other pair.
    """
    paired = queried.take(np.flatnonzero(queried.i != queried.j))
    again = round(near * count) if len(paired) else 0
    low, high = (round(end * mixing.ONE) for end in lam)
    different = paired.take(_first_of_each_pair(paired))
    places = np.resize(rng.permutation(len(different)), again)
    i, j = different.i[places], different.j[places]
    w = rng.integers(low, high, again, np.int32, endpoint=True)
    while len(taken := _already_queried(Records(i, j, w), paired)):
        w[taken] = rng.integers(low, high, len(taken), np.int32, endpoint=True)
    others = _other_pairs(queried, count - again, rng)
    w_others = rng.integers(low, high, count - again, np.int32, endpoint=True)
    return Records(i, j, w).extend(Records(*others, w_others))


def _first_of_each_pair(mixes: Records) -> np.ndarray:
    """Returns the place of the first mix of each pair, ``int64[...]``, ascending."""
    return np.sort(np.unique(np.stack([mixes.i, mixes.j]), axis=1, return_index=True)[1])


def _already_queried(mixes: Records, queried: Records) -> np.ndarray:
    """Returns the places of mixes that are among the queried ones, ``int64[...]``."""
    known = set(zip(queried.i.tolist(), queried.j.tolist(), queried.w.tolist(), strict=True))
    own = zip(mixes.i.tolist(), mixes.j.tolist(), mixes.w.tolist(), strict=True)
    return np.array([place for place, one in enumerate(own) if one in known], np.int64)


def can_draw(queried: Records) -> bool:
    """Returns whether some pair of images that were queried whole has no answered mix."""
    images, removed = _known(queried)
    return pairs.count(len(images)) > len(removed)


def _known(queried: Records) -> tuple[np.ndarray, np.ndarray]:
    """Returns the whole images that were queried, ``int32[n]``, and the ranks of those of their
    pairs that were queried as mixes, ``int64[...]``, in order.
    """
    whole = queried.i == queried.j
    images = np.unique(queried.i[whole]).astype(np.int32)
    among = ~whole & np.isin(queried.i, images) & np.isin(queried.j, images)
    ends = np.sort([np.searchsorted(images, end[among]) for end in (queried.i, queried.j)], axis=0)
    return images, np.unique(pairs.rank_of(ends[0], ends[1], len(images)))


def _other_pairs(
    queried: Records, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns pairs of images that were queried whole and of which no mix was queried: ``(i, j)``,
    each ``int32[count]``.
    """
    images, removed = _known(queried)
    left = pairs.count(len(images)) - len(removed)
    if count and not left:
        raise ValueError(f"all pairs of {len(images)} images were queried")
    passes, rest = divmod(count, left) if count else (0, 0)
    places = np.concatenate(
        [np.tile(np.arange(left), passes), pairs.sample_ranks(left, rest, rng)]
    ).astype(np.int64)
    # Adds the number of queried pairs before the pair at each place.
    ranks = places + np.searchsorted(removed - np.arange(len(removed)), places, side="right")
    i, j = pairs.pair_of(ranks, len(images))
    return images[i], images[j]
