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

import jax
import numpy as np

from amkd.config.settings import Settings
from amkd.core import keys
from amkd.methods.base import Method, SynthesizedImages
from amkd.methods.first_images import Provided, Source
from amkd.synthesis import impression_views, impressions
from amkd.synthesis.impression_views import VIEWS

_SAMPLED_STEPS = 3  # enough for the time that a step takes


def synthesize(source: Source) -> Provided:
    """As many impressions, and after them views of them, as the budget pays for."""
    plan, budget = source.settings.zskd, source.settings.budget
    count = budget // (1 + plan.copies)
    found = np.concatenate(
        [
            _batch(source, start, min(plan.batch, count - start))
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
    source.progress(budget - count)
    metrics = {"impressions": count, "gradient_queries": plan.steps * count, "shown": (0, count)}
    return Provided(np.concatenate(shown), metrics)


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


def gradients(settings: Settings) -> int:
    """One for each step and impression."""
    return settings.zskd.steps * (settings.budget // (1 + settings.zskd.copies))


def sample(source: Source) -> int:
    """A few steps towards one batch of even answers."""
    plan = source.settings.zskd
    size, steps = (
        min(plan.batch, source.settings.budget // (1 + plan.copies)),
        min(plan.steps, _SAMPLED_STEPS),
    )
    answers = np.full((size, source.classes), 1 / source.classes, np.float32)
    _impressed(source, answers, steps, keys.key(source.settings.seed, 0, keys.Purpose.IMPRESSIONS))
    return size * steps


def misfits(settings: Settings) -> Iterator[str]:
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


def _batch(source: Source, start: int, size: int) -> np.ndarray:
    """So many impressions from number ``start`` on: classes and betas take turns. ``uint8[size, H,
    W, C]``.
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


def _impressed(source: Source, answers: np.ndarray, steps: int, key: jax.Array) -> np.ndarray:
    """An impression for each row of answers ``float32[B, Y]``, after so many steps."""
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
