"""Zero-shot distillation: no image but those made from the teacher's own network (Nayak et al.,
2019).

A white-box rival: it needs the weights of the teacher's last layer and gradients at its pixels,
which are counted apart from its answers. ``search`` has no part in it. Ours: every image starts
from noise of its own; a batch, whose images share one scale of grey, has classes and betas in turn,
where the released code's has one of each; and the views of an impression
(amkd/synthesis/impression_views.py) are drawn once, so that each is one query, where the released
code asks
anew about all 106 in every epoch. The paper distils at the temperature of the impressions: set
  ``train.temperature`` to
it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import jax
import numpy as np

from amkd.core import keys
from amkd.methods.base import Made, Maker, Making, Method
from amkd.synthesis import impression_views, impressions
from amkd.synthesis.impression_views import VIEWS

if TYPE_CHECKING:
    from amkd.config.settings import Settings

_SAMPLED_STEPS = 3  # enough for the time that a step takes


def make(making: Making) -> Made:
    """As many impressions, and after them views of them, as the budget pays for."""
    plan, budget = making.settings.zskd, making.settings.budget
    count = budget // (1 + plan.copies)
    found = np.concatenate(
        [
            _batch(making, start, min(plan.batch, count - start))
            for start in range(0, count, plan.batch)
        ]
    )
    rng = keys.rng(making.settings.seed, 0, keys.Purpose.IMPRESSION_VIEWS)
    orders = _orders(count, making.shape, rng)
    shown = [found]
    for number, start in enumerate(range(count, budget, count)):
        part = found[: budget - start]
        views = [VIEWS[order[number % len(order)]] for order in orders[: len(part)]]
        shown.append(impression_views.show(part, views, rng))
    making.progress(budget - count)
    told = {"impressions": count, "gradient_queries": plan.steps * count, "shown": (0, count)}
    return Made(np.concatenate(shown), told)


def _orders(count: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """In which order each impression is shown in all views but the plain one: ``int64[count, V]``
    places.

    No view comes twice before all have come once. Images that are not square have no transposition.
    """
    fit = [
        place
        for place, view in enumerate(VIEWS)
        if place and (view.more != "transpose" or shape[0] == shape[1])
    ]
    return rng.permuted(np.tile(np.array(fit), (count, 1)), axis=1)


def gradients(settings: "Settings") -> int:
    """One for each step and impression."""
    return settings.zskd.steps * (settings.budget // (1 + settings.zskd.copies))


def sample(making: Making) -> int:
    """A few steps towards one batch of even answers."""
    plan = making.settings.zskd
    size, steps = (
        min(plan.batch, making.settings.budget // (1 + plan.copies)),
        min(plan.steps, _SAMPLED_STEPS),
    )
    answers = np.full((size, making.classes), 1 / making.classes, np.float32)
    _impressed(making, answers, steps, keys.key(making.settings.seed, 0, keys.Purpose.IMPRESSIONS))
    return size * steps


def impossible(settings: "Settings") -> Iterator[str]:
    """Real images would have no part in it, and an impression is the least."""
    if settings.data.real:
        yield (
            f"config.data.real={settings.data.real!r}: method 'zskd' draws no real images;"
            " leave it out"
        )
    elif settings.budget <= settings.zskd.copies:
        yield (
            f"config.budget={settings.budget}: must be more than"
            f" zskd.copies={settings.zskd.copies}, so that an image"
            " can be made"
        )


def _batch(making: Making, start: int, size: int) -> np.ndarray:
    """So many impressions from number ``start`` on: classes and betas take turns. ``uint8[size, H,
    W, C]``.
    """
    plan = making.settings.zskd
    for_answers, for_noise = jax.random.split(
        keys.key(making.settings.seed, 0, keys.Purpose.IMPRESSIONS)
    )
    numbers = np.arange(start, start + size)
    classes, betas = numbers % making.classes, numbers // making.classes % len(plan.betas)
    alpha = np.stack(
        [
            impressions.concentrations(making.kernel, np.float32(beta), plan.as_released)
            for beta in plan.betas
        ]
    )
    answers = impressions.draw_answers(alpha[betas, classes], numbers, for_answers)

    own = jax.random.fold_in(for_noise, start)
    return making.kept(start, lambda: _impressed(making, answers, plan.steps, own))


def _impressed(making: Making, answers: np.ndarray, steps: int, key: jax.Array) -> np.ndarray:
    """An impression for each row of answers ``float32[B, Y]``, after so many steps."""
    plan = making.settings.zskd
    return impressions.make_impressions(
        making.network,
        making.variables,
        answers,
        shape=making.shape,
        descent=impressions.Descent(plan.temperature, plan.learning_rate),
        steps=steps,
        key=key,
        check=making.stop.check,
    )


METHOD = Method(maker=Maker(make, gradients, impossible, sample))
