"""Zero-shot distillation: queries images made from the teacher's own network (ZSKD).

Source: Nayak et al., 2019. This is a white-box baseline: it needs the weights of the teacher's last
layer and gradients with respect to the pixels of its input. Gradient queries are counted separately
from answers. The ``search`` group has no effect. The paper distils at the temperature of the
impressions: set ``train.temperature`` to it.

Departures from the released code:

- Every image starts from its own noise.
- Classes and betas alternate inside a batch, whose images share one grey scale. The released code
  has one class and one beta in each batch.
- The views of an impression (amkd/synthesis/impression_views.py) are drawn once, and each is one
  query. The released code queries all 106 views again in every epoch.
"""

import dataclasses
from collections.abc import Iterator

import jax
import numpy as np

from amkd.config.settings import Settings
from amkd.core import keys
from amkd.methods.base import Method, SynthesizedImages
from amkd.methods.first_images import FirstImageInputs, Provided
from amkd.synthesis import impression_views, impressions
from amkd.synthesis.impression_views import VIEWS

_SAMPLED_STEPS = 3  # enough to measure the time of a step


def synthesize(source: FirstImageInputs) -> Provided:
    """Makes impressions, followed by views of them, as many as the budget allows."""
    plan, budget = source.settings.zskd, source.settings.budget
    each = 1 + plan.copies  # an impression and its views, which take no time
    count = budget // each
    scaled = dataclasses.replace(source, progress=lambda made: source.progress(each * made))
    found = np.concatenate(
        [
            _batch(scaled, start, min(plan.batch, count - start))
            for start in range(0, count, plan.batch)
        ]
    )
    rng = keys.rng(source.settings.seed, 0, keys.Purpose.IMPRESSION_VIEWS)
    orders = _orders(count, source.shape, rng)
    shown = [found]
    for number, start in enumerate(range(count, budget, count)):
        part = found[: budget - start]
        views = [VIEWS[order[number % len(order)]] for order in orders[: len(part)]]
        shown.append(impression_views.show(part, views, rng))
    source.progress(budget - each * count)
    metrics = {"impressions": count, "gradient_queries": plan.steps * count, "shown": (0, count)}
    return Provided(np.concatenate(shown), metrics)


def _orders(count: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Returns the order of views of each impression: ``int64[count, V]`` places of views.

    The plain view is left out. No view comes twice before all have come once. Images that are not
    square have no transposition.
    """
    fit = [
        place
        for place, view in enumerate(VIEWS)
        if place and (view.more != "transpose" or shape[0] == shape[1])
    ]
    return rng.permuted(np.tile(np.array(fit), (count, 1)), axis=1)


def gradients(settings: Settings) -> int:
    """Returns one gradient query for each step of each impression."""
    return settings.zskd.steps * (settings.budget // (1 + settings.zskd.copies))


def sample(source: FirstImageInputs) -> int:
    """Makes a few steps towards one batch of even answers; returns the gradient queries spent."""
    plan = source.settings.zskd
    size, steps = (
        min(plan.batch, source.settings.budget // (1 + plan.copies)),
        min(plan.steps, _SAMPLED_STEPS),
    )
    answers = np.full((size, source.classes), 1 / source.classes, np.float32)
    _impressed(source, answers, steps, keys.key(source.settings.seed, 0, keys.Purpose.IMPRESSIONS))
    return size * steps


def misfits(settings: Settings) -> Iterator[str]:
    """Refuses real images, which it does not use, and a budget for less than one impression."""
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


def _batch(source: FirstImageInputs, start: int, size: int) -> np.ndarray:
    """Returns the impressions that begin with number ``start``, ``uint8[size, H, W, C]``.

    Classes and betas alternate.
    """
    plan = source.settings.zskd
    for_answers, for_noise = jax.random.split(
        keys.key(source.settings.seed, 0, keys.Purpose.IMPRESSIONS)
    )
    numbers = np.arange(start, start + size)
    classes, betas = numbers % source.classes, numbers // source.classes % len(plan.betas)
    alpha = np.stack(
        [
            impressions.concentrations(source.kernel, np.float32(beta), plan.as_released)
            for beta in plan.betas
        ]
    )
    answers = impressions.draw_answers(alpha[betas, classes], numbers, for_answers)

    own = jax.random.fold_in(for_noise, start)
    return source.kept(start, lambda: _impressed(source, answers, plan.steps, own))


def _impressed(
    source: FirstImageInputs, answers: np.ndarray, steps: int, key: jax.Array
) -> np.ndarray:
    """Returns an impression for each row of answers ``float32[B, Y]``, after ``steps`` steps."""
    plan = source.settings.zskd
    return impressions.make_impressions(
        *source.teacher_network,
        answers,
        shape=source.shape,
        descent=impressions.Descent(plan.temperature, plan.learning_rate),
        steps=steps,
        key=key,
        check=source.stop.check,
    )


METHOD = Method(first=SynthesizedImages(synthesize, gradients, misfits, sample))
