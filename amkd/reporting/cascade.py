"""The cascade: the student answers where it is confident, and the teacher answers the rest.

Everything is computed on evaluation images: the teacher has answered them, and the student was not
trained on them. An image that is passed on gets the teacher's own answer, which agrees with the
teacher by definition.
"""

from typing import Any, NamedTuple

import numpy as np

from amkd.reporting import interval, metrics

_SHOWN = 21  # points that are kept: about every 5% of the images


class Point(NamedTuple):
    """The cascade at one threshold.

    Attributes:
      threshold: the student answers images whose highest probability is at least this; None if it
        answers no image.
      local: share of the images that the student answers.
      agreement: share of the images for which the teacher names a class that get this class from
        the whole system.
      low: lower end of the agreement's 95% interval (Wilson).
      high: upper end of it.
      cost: the cost of 1,000 images, in the currency of the price.
    """

    threshold: float | None
    local: float
    agreement: float
    low: float
    high: float
    cost: float


class Counted(NamedTuple):
    """How many images the teacher answered, and for how many of them it named a class."""

    images: int
    named: int


def curve(student: np.ndarray, teacher: np.ndarray, price: float = 0.0) -> list[Point]:
    """Returns the cascade at every threshold, from no image answered by the student to all images.

    Images with the same confidence are answered together. The agreement never rises along the
    curve.

    Args:
      student: its class probabilities, ``float32[T, Y]``.
      teacher: the teacher's, ``float32[T, Y]``; images that it was not asked about (NaN) are left
        out. Images for which it names no class count for share and cost, as they are passed on like
        all others, but not for the agreement.
      price: the price of one image, when the teacher answers it.

    Returns:
      One point for no image, and one for each confidence that occurs; empty if the teacher named a
      class for no image.
    """
    asked = _asked(teacher)
    student, teacher = student[asked], teacher[asked]
    named = metrics.names_class(teacher)
    if not named.any():
        return []
    count = Counted(len(student), int(named.sum()))
    confidence = student.max(-1)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    wrong = np.cumsum((named & (student.argmax(-1) != teacher.argmax(-1)))[order])
    last = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True))  # of equal ones
    ends = [(float(confidence[place]), int(place) + 1, int(wrong[place])) for place in last]
    return [_point(*end, count=count, price=price) for end in [(None, 0, 0), *ends]]


def _point(
    threshold: float | None, local: int, errors: int, *, count: Counted, price: float
) -> Point:
    """Returns the point at which the student answers ``local`` images, ``errors`` of them wrong."""
    agreement = 1 - errors / count.named
    low, high = interval.wilson(agreement, count.named)
    cost = 1000 * price * (count.images - local) / count.images
    return Point(threshold, local / count.images, agreement, low, high, cost)


def _asked(teacher: np.ndarray) -> np.ndarray:
    return np.asarray(~np.isnan(teacher).all(-1))


def widest(points: list[Point], wanted: float, *, surely: bool = False) -> Point | None:
    """Returns the point at which the student answers most images and the agreement is high enough.

    Args:
      points: the points of a curve.
      wanted: lowest agreement of the whole system, in [0, 1].
      surely: whether the whole interval of the agreement must be at or above ``wanted``.

    Returns:
      The point; None if there is none. Without ``surely`` there always is one: the teacher alone.
    """
    fitting = (point for point in points if (point.low if surely else point.agreement) >= wanted)
    return max(fitting, key=lambda point: point.local, default=None)


def thinned(points: list[Point], most: int = _SHOWN) -> list[Point]:
    """Returns points of a curve that are spread evenly over the share of images, both ends
    included.
    """
    if len(points) <= most:
        return points
    local = np.array([point.local for point in points])
    places = np.searchsorted(local, np.linspace(0, 1, most) - 1e-9)
    return [points[place] for place in np.unique(places)]


def summary(
    student: np.ndarray, teacher: np.ndarray | None, *, price: float, wanted: float
) -> dict[str, Any] | None:
    """Returns the entry about the cascade in ``summary.json``; None if the teacher answered no
    evaluation image.

    Args:
      student: its class probabilities, ``float32[T, Y]``.
      teacher: the teacher's, ``float32[T, Y]``, with rows of NaN; None if it was not asked.
      price: the price of one image.
      wanted: required agreement of the whole system, for which a threshold is searched; 0 for none.
    """
    points = [] if teacher is None else curve(student, teacher, price)
    if teacher is None or not points:
        return None
    at = None
    if wanted:
        found = {"estimate": widest(points, wanted), "surely": widest(points, wanted, surely=True)}
        at = {"agreement": wanted} | {
            name: point._asdict() if point else None for name, point in found.items()
        }
    return {
        "images": int(_asked(teacher).sum()),
        "named": int(metrics.names_class(teacher).sum()),
        "wanted": at,
        "points": [point._asdict() for point in thinned(points)],
    }
