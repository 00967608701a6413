"""A configuration, checked as a whole and frozen, before anything is loaded or paid for.

Defaults live in ``configs/default.py`` and nowhere else; this module knows which fields there
are, their types, and what makes a value impossible.
"""

import itertools


def schedule(kind: str, rounds: int, total: int) -> list[int]:
    """Images to select in each round.

    Args:
      kind: ``equal`` shares; ``doubling``: the number selected so far doubles with every round; or
        the numbers themselves, as in ``1000,2000``.
      rounds: number of rounds.
      total: images to select in all rounds together.

    Raises:
      ValueError: ``kind`` is none of these.
    """
    if kind == "equal":
        return [total * t // rounds - total * (t - 1) // rounds for t in range(1, rounds + 1)]
    if kind == "doubling":
        so_far = [0, *(max(total >> (rounds - t), 0) for t in range(1, rounds + 1))]
        return [b - a for a, b in itertools.pairwise(so_far)]
    return [int(part) for part in kind.split(",")]
