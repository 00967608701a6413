"""Few-shot distillation by pseudo-examples (FSKD), with the teacher as the reference model.

Source: Kimura et al., 2018. This is a white-box baseline: it needs gradients with respect to the
pixels of the teacher's input. These gradient queries are counted separately from the answers. The
``search`` group has no effect.

1. The set starts with the ``n_real`` real images and with mixes of two real images each.
2. A target network like the student learns the teacher's answers to the set.
3. A copy of every pseudo-example climbs the divergence of the target from the teacher, through both
   networks. The copies are added: the set doubles.
4. Steps 2 and 3 repeat until the budget is full. Then the driver queries all images and trains the
   student, as for every method.

What is counted: one query for each image, sent by the driver, and one gradient query for each copy
and step. The target learns the answers to the same images, which are not counted a second time. It
learns complete answers, even where ``teacher.answers`` gives the student only a part of them.

Ours, where the paper does not specify it or has no such teacher:

- In the target's training, fidelity weights pseudo-examples by their uncertainty. This is the
  entropy of the teacher's answer.
- Target and student are the configured network, trained by the ``train`` recipe. The paper has a
  small convolutional network, Nadam at .02 and 8 blocks of 25 epochs.
- The set grows after every block of epochs. Its first size is chosen so that the last growth ends
  at the budget. The lambda of a mix is uniform.
- A block begins with the last block's network and a new optimizer.
- Images are rounded to bytes after a growth, so that the teacher and the student see the same
  bytes.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from amkd import models
from amkd.config.settings import Settings
from amkd.config.synthesis import FskdSettings
from amkd.core import checkpoint, devices, keys
from amkd.data import mixing
from amkd.data.records import Records, mixes, real_records
from amkd.methods.base import Method, SynthesizedImages
from amkd.methods.first_images import FirstImageInputs, Provided
from amkd.methods.student import seen_shape, student_of
from amkd.models import prediction, uncertainty
from amkd.models.pretrained import initial_weights
from amkd.synthesis import pseudo_examples, target_network
from amkd.training import training_set
from amkd.training.train import Training

_SAMPLED = 256  # images: one batch of the program


def synthesize(source: FirstImageInputs) -> Provided:
    """Returns the real images, then as many pseudo-examples as the budget allows."""
    real, settings, n = source.real, source.settings, len(source.real)
    sizes = _sizes(settings)
    ends = [n + size for size in sizes]
    images = np.zeros(
        (ends[-1], *source.shape), np.uint8
    )  # room for all images, so that one compiled program serves all blocks
    images[: ends[0]] = np.concatenate([real, *between(real, sizes[0], settings.seed)])
    source.progress(ends[0])
    for block, (start, stop) in enumerate(itertools.pairwise(ends)):
        images[start:stop] = source.kept(
            start, functools.partial(_grown, source, images, ends, block)
        )
    metrics = {
        "pseudo_examples": sizes,
        "gradient_queries": gradients(settings),
        "shown": (n, ends[-1]),
    }
    return Provided(images, metrics)


def between(real: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yields mixes of two different real images each, in blocks of ``uint8[..., H, W, C]``."""
    rng, n = keys.rng(seed, 0, keys.Purpose.PSEUDO_EXAMPLES), len(real)
    i = rng.integers(0, n, count, np.int32)
    j = (i + rng.integers(1, n, count, np.int32)) % np.int32(n)
    return mixes(real, Records(i, j, rng.integers(1, mixing.ONE, count, np.int32)))


def weighted(answers: np.ndarray, n: int, plan: FskdSettings) -> np.ndarray:
    """Returns the answers multiplied by the weights of their images, ``float32[Q, Y]``.

    Cross-entropy is linear in the answer, so this weights the loss of each image.

    The mean over all records is then the paper's loss, except for the answers' own entropy:
    ``real_weight`` times the mean over the n real images, plus the mean over the pseudo-examples
    weighted by fidelity.

    Args:
      answers: ``float32[Q, Y]``, the answers to the real images first.
      n: how many real images there are.
      plan: the weights.
    """
    sigma = devices.each(uncertainty.entropy, answers[n:])
    fidelity = np.asarray(
        pseudo_examples.fidelity(jnp.asarray(sigma), plan.most_weight, plan.mean_weight)
    )
    weights = np.concatenate([np.full(n, plan.real_weight / n), fidelity / len(fidelity)])
    return answers * (len(answers) * weights).astype(np.float32)[:, None]


def gradients(settings: Settings) -> int:
    """Returns one gradient query for each copy and step of its ascent."""
    sizes = _sizes(settings)
    return settings.fskd.steps * (sizes[-1] - sizes[0])


def sample(source: FirstImageInputs) -> int:
    """Climbs one step with some real images, against an untrained target; returns their number."""
    network = student_of(source.settings, source.classes, source.shape)
    key = keys.key(source.settings.seed, keys.TARGET, keys.Purpose.INIT)
    some = source.real[:_SAMPLED]
    _climbed(source, (network, prediction.init(network, source.shape, key)), some, 1)
    return len(some)


def trained(settings: Settings) -> int:
    """Returns how many images the target is trained on, in all blocks."""
    return settings.fskd.epochs * sum(settings.n_real + size for size in _sizes(settings)[:-1])


def misfits(settings: Settings) -> Iterator[str]:
    """Refuses a budget that leaves no room for a pseudo-example."""
    if settings.budget <= settings.n_real:
        yield (
            f"config.budget={settings.budget}: must be more than n_real={settings.n_real}, whose"
            " queries it includes, so that a pseudo-example can be made; raise the budget, or set"
            " a smaller n_real"
        )


def _sizes(settings: Settings) -> list[int]:
    """Returns how many pseudo-examples there are at first, and after each growth."""
    return pseudo_examples.sizes(settings.budget - settings.n_real, settings.fskd.doublings)


def _grown(source: FirstImageInputs, images: np.ndarray, ends: list[int], block: int) -> np.ndarray:
    """Returns the copies that a growth adds, after their climb: ``uint8[P, H, W, C]``.

    They are copies of the first pseudo-examples, as many as are added after ``block``.
    """
    n, network = (
        len(source.real),
        student_of(source.settings, source.classes, source.shape),
    )
    learner = network, target_network.train_until(_target(source, images, ends), block)
    copied = images[n : n + ends[block + 1] - ends[block]]
    return _climbed(source, learner, copied, source.settings.fskd.steps)


def _climbed(
    source: FirstImageInputs, learner: tuple[models.Network, Any], images: np.ndarray, steps: int
) -> np.ndarray:
    """Returns copies of images that have climbed the divergence of the learner from the teacher."""
    plan = source.settings.fskd
    return pseudo_examples.climb(
        source.teacher_network,
        learner,
        images,
        ascent=pseudo_examples.Ascent(plan.ascent, plan.rate),
        steps=steps,
        check=source.stop.check,
    )


def _target(source: FirstImageInputs, images: np.ndarray, ends: list[int]) -> target_network.Target:
    """Returns the target network: the student's, by the student's recipe, with FSKD's changes."""
    settings = source.settings
    plan = dataclasses.replace(settings.train, epochs=settings.fskd.epochs, min_steps=0)
    plan = dataclasses.replace(plan, loss="soft", temperature=1.0, weighting="even")

    def training_of(block: int) -> Training:
        count = ends[block]
        answers = prediction.predict(*source.teacher_network, images[:count])
        answers = weighted(answers, len(source.real), settings.fskd)
        return Training(
            network=student_of(settings, source.classes, source.shape),
            recipe=plan,
            data=training_set.make(images, real_records(count), answers, capacity=len(images)),
            count=count,
            stream=target_network.stream(settings.seed, block),
            weights=initial_weights.load(
                settings.student_weights,
                settings.student,
                source.classes,
                seen_shape(settings, source.shape),
            ),
        )

    return target_network.Target(
        training_of=training_of,
        checkpoints=checkpoint.Checkpoints(source.folder / "target"),
        seconds=settings.checkpoint.seconds,
        stop=source.stop,
    )


METHOD = Method(
    first=SynthesizedImages(synthesize, gradients, misfits, sample, trained, from_real=True)
)
