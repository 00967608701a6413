"""The lowest C1 along a pair over a whole range of lambda (paper, eq. 2), with fewer evaluations
than a grid needs.

C1 has narrow minima where the student's best class changes, and a grid can miss them. Its *logits*
change smoothly: those of a ReLU network are piecewise linear in lambda. So a curve is fitted
through the logits that are known already, including those of the two real images. The minimum of
this curve shows where the lowest C1 should be. The student is evaluated there, the curve is fitted
again with one more point, and so on. The result is the lowest C1 of all evaluations. With
:attr:`Refined.forecast`, the minimum of the curve itself counts like an evaluation.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from amkd.data import mixing
from amkd.models.inference import MixInput, Trunk
from amkd.search.confidence import Minimise, c1

_PARTS = 16  # places in each span between two knots where C1 of the curve is computed
_CLOSER = 16  # further places around the lowest of these


@struct.dataclass
class Knots:
    """The M places along one pair where the logits are known, in ascending order; the first and
    the last place are the real images.

    Attributes:
      w: ``int32[M]``, weights of image i in units of 1/65536.
      logits: ``float32[M, Y]``.
    """

    w: jax.Array
    logits: jax.Array


@struct.dataclass
class Spans:
    """The parts of the curve between each knot and the next, ``S = M - 1`` of them.

    Attributes:
      start: ``float32[S]``, lambda of the knot at the lower end of each span.
      length: ``float32[S]``.
      low: ``float32[S]``, the lower end of the part inside the searched range.
      high: ``float32[S]``, its upper end; below ``low`` if no part is inside.
      hermite: ``float32[S, 4, Y]``: logits at the lower end, their slope times the length, and the
        same two at the upper end.
    """

    start: jax.Array
    length: jax.Array
    low: jax.Array
    high: jax.Array
    hermite: jax.Array


class Range(NamedTuple):
    """The weights that are searched, in units of 1/65536.

    Attributes:
      low: the lowest, above 0.
      high: the highest, below 65536.
    """

    low: int
    high: int


class Refined(NamedTuple):
    """The lowest C1 of a few evaluations: the first in the middle of the range, the others where
    the curve is lowest.

    Attributes:
      range: the searched range.
      evaluations: number of evaluations, E, at least 1.
      forecast: whether the minimum of the curve counts like an evaluation: it forecasts the result
        of more evaluations.
    """

    range: Range
    evaluations: int
    forecast: bool = False

    @property
    def at_once(self) -> int:
        """Returns 1: each evaluation needs the result of the one before."""
        return 1

    @property
    def uses_logits(self) -> bool:
        """Returns True: the curve ends at the real images."""
        return True

    def on(self, trunk: Trunk) -> Minimise:
        """Returns the function of a pair: the lowest C1, ``float32[]``, and its w, ``int32[]``."""

        def minimise(i: MixInput, j: MixInput) -> tuple[jax.Array, jax.Array]:
            knots = evaluate_knots(trunk, i, j, self.range, self.evaluations)
            found, at = lowest_knot(knots, self.range)
            if not self.forecast:
                return found, at
            forecast, there = lowest_on_curve(knots, self.range)
            return jnp.minimum(found, forecast), jnp.where(forecast < found, there, at)

        return minimise


def evaluate_knots(
    trunk: Trunk, i: MixInput, j: MixInput, range_: Range, evaluations: int
) -> Knots:
    """Returns the knots of one pair: the real images, the middle of the range, and then each time
    the place where the curve was lowest.
    """
    middle = jnp.int32((range_.low + range_.high) // 2)

    def evaluate(w: jax.Array) -> jax.Array:
        return trunk(mixing.mix(i.h, j.h, mixing.lam_of(w)))

    knots = Knots(jnp.array([0, mixing.ONE], jnp.int32), jnp.stack([j.logits, i.logits]))
    knots = insert(knots, middle, evaluate(middle))
    for _ in range(evaluations - 1):
        w = lowest_on_curve(knots, range_)[1]
        knots = insert(knots, w, evaluate(w))
    return knots


def insert(knots: Knots, w: jax.Array, logits: jax.Array) -> Knots:
    """Returns the knots with one more knot: ``w`` ``int32[]`` between the first and the last, and
    its logits ``float32[Y]``.
    """
    chex.assert_type([w, logits], [jnp.int32, jnp.float32])
    place = jnp.sum(knots.w <= w)

    def merged(old: jax.Array, new: jax.Array) -> jax.Array:
        number = jnp.arange(len(old) + 1).reshape((-1,) + (1,) * new.ndim)
        before, after = jnp.concatenate([old, new[None]]), jnp.concatenate([new[None], old])
        return jnp.where(number < place, before, jnp.where(number == place, new[None], after))

    return Knots(merged(knots.w, w), merged(knots.logits, logits))


def lowest_knot(knots: Knots, range_: Range) -> tuple[jax.Array, jax.Array]:
    """Returns the lowest C1 of the knots in the range, ``float32[]``, and the lowest w that attains
    it, ``int32[]``.
    """
    inside = (knots.w >= range_.low) & (knots.w <= range_.high)
    confidence = jnp.where(inside, jax.vmap(c1)(knots.logits), jnp.inf)
    return jnp.min(confidence), knots.w[_first(confidence)]


def lowest_on_curve(knots: Knots, range_: Range) -> tuple[jax.Array, jax.Array]:
    """Returns the lowest C1 of the curve through the knots inside the range, ``float32[]``, and its
    w, ``int32[]``.

    C1 of the curve is computed at the same number of places in every span, so that places are
    closer together where knots are; then it is computed at more places around the lowest one.
    """
    spans = curve(knots, range_)
    lams, confidence = jax.vmap(_c1_in_span)(spans)
    span, place = jnp.divmod(_first(confidence.reshape(-1)), _PARTS)
    best = jax.tree.map(lambda column: _pick(column, span), spans)
    around = np.linspace(-1 / _PARTS, 1 / _PARTS, _CLOSER + 1, dtype=np.float32)
    closer = _pick(_pick(lams, span), place) + (best.high - best.low) * around
    closer = jnp.clip(closer, best.low, best.high)
    confidence = c1_along(best, closer)
    lam = _pick(closer, _first(confidence))
    w = jnp.clip(jnp.rint(lam * mixing.ONE).astype(jnp.int32), range_.low, range_.high)
    return jnp.min(confidence), w


def _c1_in_span(span: Spans) -> tuple[jax.Array, jax.Array]:
    """Returns lambdas in one span, ``float32[C]``, and C1 of the curve there; C1 is infinite if the
    span is outside the range.
    """
    lams = span.low + (span.high - span.low) * (
        (np.arange(_PARTS, dtype=np.float32) + np.float32(0.5)) / _PARTS
    )
    return lams, jnp.where(span.high > span.low, c1_along(span, lams), jnp.inf)


def curve(knots: Knots, range_: Range) -> Spans:
    """Returns cubic Hermite curves between the knots.

    The slope at a knot is the slope of the parabola through it and its two neighbours. At the first
    and the last knot, it is the slope of the line to the only neighbour.
    """
    lam = mixing.lam_of(knots.w)
    length = jnp.maximum(jnp.diff(lam), 1 / mixing.ONE)  # a weight may be evaluated twice
    steep = jnp.diff(knots.logits, axis=0) / length[:, None]
    before, after = length[:-1, None], length[1:, None]
    within = (after * steep[:-1] + before * steep[1:]) / (before + after)
    slope = jnp.concatenate([steep[:1], within, steep[-1:]])
    ends = (
        knots.logits[:-1],
        slope[:-1] * length[:, None],
        knots.logits[1:],
        slope[1:] * length[:, None],
    )
    low, high = (mixing.lam_of(np.int32(end)) for end in range_)
    return Spans(
        lam[:-1], length, jnp.maximum(lam[:-1], low), jnp.minimum(lam[1:], high), jnp.stack(ends, 1)
    )


def c1_along(span: Spans, lam: jax.Array) -> jax.Array:
    """Returns C1 of the curve in one span, at ``float32[C]`` lambdas of it: ``float32[C]``."""
    u = (lam - span.start) / span.length
    v = 1 - u
    basis = ((1 + 2 * u) * v * v, u * v * v, (3 - 2 * u) * u * u, -u * u * v)
    logits = sum(
        weight[None] * end[:, None] for weight, end in zip(basis, span.hermite, strict=True)
    )
    return jax.vmap(c1, in_axes=1)(logits)


def _first(values: jax.Array) -> jax.Array:
    """Returns ``argmin`` of ``float32[C]`` by two minima: XLA on a CPU vectorises only these."""
    places = jnp.arange(len(values))
    return jnp.min(jnp.where(values == jnp.min(values), places, len(values) - 1))


def _pick(column: jax.Array, place: jax.Array) -> jax.Array:
    """Returns ``column[place]`` by a sum: for single pairs XLA does this faster than indexing."""
    chosen = (jnp.arange(len(column)) == place).reshape((-1,) + (1,) * (column.ndim - 1))
    return jnp.sum(jnp.where(chosen, column, 0), 0)
