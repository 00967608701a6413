"""Candidates of known pairs, and choices among them in plain NumPy."""

import dataclasses

import numpy as np

from amkd.candidates import candidate_set
from amkd.search import top_k
from tests.search.test_device_search import inputs


def candidates(i, j, of=None, **fields):
    """Candidates by their pairs, C2 ascending."""
    count = len(i)
    scored = top_k.Scored(
        np.arange(count, dtype=np.float32), np.int32(i), np.int32(j), np.int32([32768] * count)
    )
    of = of or inputs()
    return candidate_set.Candidates(
        scored, of._replace(settings=dataclasses.replace(of.settings, **fields))
    )


def plain_farthest(points, centers, k):
    """Greedy k-center, every distance anew in float64."""
    chosen, points = [], np.float64(points)
    around = list(np.float64(centers))
    for _ in range(k):
        least = [min((np.sum((p - c) ** 2) for c in around), default=np.inf) for p in points]
        least = [-1 if place in chosen else value for place, value in enumerate(least)]
        chosen.append(int(np.argmax(least)))
        around.append(points[chosen[-1]])
    return chosen


def plain_greedy(worth, near, beta, k):
    """The most worth and reverse neighbours among those that are left, counted anew for every
    choice.
    """
    chosen = []
    for _ in range(k):
        left = [place for place in range(len(worth)) if place not in chosen]
        values = {q: worth[q] + beta * sum(q in near[p] for p in left) for q in left}
        chosen.append(max(left, key=lambda q: values[q]))  # of equals the first
    return chosen
