"""Checks that this machine's accelerator computes what it should: the numbers of a search and of a
training step beside NumPy's in float64, the choice beside a CPU's, and bits from run to run.
"""

import dataclasses
import hashlib
import os
from typing import Any

import jax
import numpy as np

from amkd.config.recipe import Recipe
from amkd.core import devices
from amkd.data import mixing
from amkd.data.records import real_records
from amkd.search import pairs
from amkd.training import training_set
from amkd.training.train import Training, leaves_of, train_network
from benchmarks import our_side, students, worker
from tests.support import plain

MODEL = "lenet5_half"  # of which there is a version in plain NumPy
_STEP = 1e-6  # of the weights, to either side, for a derivative in float64


@dataclasses.dataclass(frozen=True)
class Check:
    """What was compared, and whether it is as it should be.

    Attributes:
      what: in words.
      figure: a difference, or a share.
      unit: of the figure.
      holds: whether it is within what is allowed.
      allowed: in words.
    """

    what: str
    figure: float
    unit: str
    holds: bool
    allowed: str


def confidences() -> Check:
    """C2 of all pairs of a few images, beside NumPy's C1 of every mix in float64."""
    of, lams = students.make(MODEL, 6), 3
    found = our_side.choose(of, pairs.count(6), lams)
    grid = mixing.lam_of(our_side.grid(lams))
    network = _network(of.variables["params"])
    true = [
        plain.c2(network, of.images[i], of.images[j], grid)[0]
        for i, j in zip(found.records.i, found.records.j, strict=True)
    ]
    difference = float(np.abs(found.score - true).max())
    return Check("C2, beside NumPy's", difference, "difference", difference < 2e-6, "below 2e-6")


def gradients() -> Check:
    """A step of the training program on real images, beside slopes of the loss in float64.

    Of each array of weights the slope in one random direction is compared, in shares of the
    gradient's length. Products are rounded as this backend does by default.
    """
    batch = devices.count() * -(-8 // devices.count())
    of = students.make(MODEL, batch)
    rng = np.random.default_rng(0)
    answers = rng.dirichlet(np.ones(students.CLASSES), batch).astype(np.float32)
    params = of.variables["params"]
    # Without momentum and at a rate of 1, a step is the gradient.
    after = _train(of, answers, _recipe(batch, momentum=0.0, learning_rate=1.0), epochs=1)
    moved = jax.device_get(after.variables["params"])
    worst = 0.0
    for layer, part in [(name, part) for name in params for part in params[name]]:
        gradient = np.asarray(params[layer][part], np.float64) - moved[layer][part]
        direction = rng.normal(size=gradient.shape)
        direction /= np.linalg.norm(direction)
        losses = []
        for step in (_STEP, -_STEP):
            shifted = {name: dict(values) for name, values in params.items()}
            shifted[layer][part] = np.asarray(params[layer][part], np.float64) + step * direction
            losses.append(_loss(shifted, of.images, answers))
        slope = (losses[0] - losses[1]) / (2 * _STEP)
        error = abs(float((gradient * direction).sum()) - slope) / np.linalg.norm(gradient)
        worst = max(worst, float(error))
    return Check("gradients, beside NumPy's", worst, "difference", worst < 2e-2, "below 0.02")


def choice(images: int, k: int) -> Check:
    """The pairs that are chosen here, beside those that a CPU chooses for the same student."""
    here = _ranks(images, k)
    there = here
    if jax.default_backend() != "cpu":
        with on_cpu() as cpu:
            there = cpu.call("ranks", images, k)
    same = len(np.intersect1d(here, there)) / k
    return Check("chosen pairs that a CPU chooses, too", same, "share", same > 0.999, "above 0.999")


def repeated_choice(images: int, k: int) -> Check:
    """The same search again."""
    return _same_bits("a search again: same pairs", [_ranks(images, k) for _ in range(2)])


def repeated_training() -> Check:
    """The same training again."""
    weights = [leaves_of(_some_training(epochs=4)) for _ in range(2)]
    return _same_bits("a training again: same bits", [_digest(leaves) for leaves in weights])


def resumed_training() -> Check:
    """A training that is stopped half-way and goes on from what was saved."""
    whole = leaves_of(_some_training(epochs=4))
    kept: list[Any] = []

    def on_epoch(epoch: int, state: Any, loss: float) -> None:
        if epoch == 2:
            kept.extend(leaves_of(state))

    _some_training(epochs=4, on_epoch=on_epoch)
    rest = leaves_of(_some_training(epochs=4, saved=kept, first_epoch=2))
    return _same_bits("a resumed training: same bits", [_digest(whole), _digest(rest)])


class OnCpu:
    """Lives in a process that has no accelerator."""

    def ranks(self, images: int, k: int) -> np.ndarray:
        """Returns the ranks of the pairs that are chosen."""
        return _ranks(images, k)


def on_cpu() -> worker.Worker:
    """Starts a process whose JAX uses the CPU."""
    before = os.environ.get("JAX_PLATFORMS")
    os.environ["JAX_PLATFORMS"] = "cpu"
    try:
        return worker.Worker("benchmarks.device_checks:OnCpu")
    finally:
        os.environ.pop("JAX_PLATFORMS")
        if before is not None:
            os.environ["JAX_PLATFORMS"] = before


def _ranks(images: int, k: int) -> np.ndarray:
    records = our_side.choose(students.make(MODEL, images), k, 11).records
    return pairs.rank_of(records.i, records.j, images)


def _network(params: Any) -> Any:
    return lambda image: plain.lenet5(params, image)


def _loss(params: Any, images: np.ndarray, answers: np.ndarray) -> float:
    network = _network(params)
    return float(
        np.mean(
            [plain.soft_cross_entropy(network(x), p) for x, p in zip(images, answers, strict=True)]
        )
    )


def _recipe(batch: int, **fields: Any) -> Recipe:
    lesson = our_side.lesson(MODEL, 4, 4, batch=batch, augmented=False)
    return dataclasses.replace(
        lesson.plan, optimizer="sgd", weight_decay=0.0, schedule="constant", min_steps=0, **fields
    )


def _train(
    of: students.Student, answers: np.ndarray, plan: Recipe, *, epochs: int, **how: Any
) -> Any:
    count = len(answers)
    training = Training(
        network=of.network,
        recipe=dataclasses.replace(plan, epochs=epochs),
        data=training_set.make(of.images, real_records(count), answers, capacity=count),
        count=count,
        stream=(0, 1),
    )
    return train_network(training, first_variables=of.variables, **how)


def _some_training(epochs: int, **how: Any) -> Any:
    batch = 32 * devices.count()
    of = students.make(MODEL, 4 * batch)
    answers = np.full((len(of.images), students.CLASSES), 1 / students.CLASSES, np.float32)
    plan = _recipe(batch, learning_rate=0.05, crop=1)
    return _train(of, answers, plan, epochs=epochs, **how)


def _digest(leaves: list[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest()


def _same_bits(what: str, found: list[Any]) -> Check:
    same = bool(np.array_equal(found[0], found[1]))
    return Check(what, float(same), "1 for yes", same, "1")
