"""Checks that this machine's accelerator computes correctly: compares the numbers of a search and
of a training step with NumPy's in float64, the choice with a CPU's, and the bits of several runs.
"""

import dataclasses
import hashlib
import os
from typing import Any

import jax
import numpy as np

from amkd.core import devices
from amkd.data import mixing
from amkd.data.records import real_records
from amkd.search import pairs
from amkd.training import training_set
from amkd.training.train import Training, leaves_of, train_network
from benchmarks import our_side, students, worker
from tests.support import plain

MODEL = "lenet5_half"  # tests.support.plain has a version of it in plain NumPy
_STEP = 1e-6  # step of the weights, to each side, for a derivative in float64


@dataclasses.dataclass(frozen=True)
class Check:
    """A comparison and its result.

    Attributes:
      what: what is checked, in words.
      figure: the figure.
      holds: whether the figure is allowed.
      allowed: the allowed figures, in words.
    """

    what: str
    figure: float
    holds: bool
    allowed: str


def confidences() -> Check:
    """Compares C2 of all pairs of a few images with NumPy's C1 of every mix in float64."""
    of, lams = students.make(MODEL, 5), 3
    found = our_side.choose(of, pairs.count(5), lams)
    grid = mixing.lam_of(our_side.grid(lams))
    network = _network(of.variables["params"])
    true = [
        plain.c2(network, of.images[i], of.images[j], grid)[0]
        for i, j in zip(found.records.i, found.records.j, strict=True)
    ]
    difference = float(np.abs(found.score - true).max())
    return Check("largest difference from NumPy's C2", difference, difference < 2e-6, "below 2e-6")


def gradients(precision: str) -> Check:
    """Compares a step of the training program on real images with slopes of the loss in float64.

    For each array of weights the slope in one random direction is compared, relative to the
    gradient's length.

    Args:
      precision: ``train.precision``: how products are rounded.
    """
    of, answers, batch = _lesson()
    params = of.variables["params"]
    # The first step is the gradient times the rate. With a large rate the gradient is not lost by
    # the rounding of the weights.
    rate = 64.0
    after = _train(of, answers, batch, epochs=1, learning_rate=rate, precision=precision)
    moved = jax.device_get(after.variables["params"])
    worst, rng = 0.0, np.random.default_rng(0)
    for layer, part in [(name, part) for name in params for part in params[name]]:
        before = np.asarray(params[layer][part], np.float64)
        gradient = (before - moved[layer][part]) / rate
        direction = rng.normal(size=gradient.shape)
        direction /= np.linalg.norm(direction)
        losses = []
        for step in (_STEP, -_STEP):
            shifted = {name: dict(values) for name, values in params.items()}
            shifted[layer][part] = before + step * direction
            losses.append(_loss(shifted, of.images[:batch], answers[:batch]))
        slope = (losses[0] - losses[1]) / (2 * _STEP)
        error = abs(float((gradient * direction).sum()) - slope) / np.linalg.norm(gradient)
        worst = max(worst, float(error))
    most = 2e-2 if precision == "default" else 2e-3
    title = f"largest difference from NumPy's slopes, train.precision={precision}"
    return Check(title, worst, worst < most, f"below {most:g}")


def choices(images: int, k: int) -> list[Check]:
    """Compares the pairs that are chosen here with those that a CPU chooses for the same student,
    and with those of a second search here.
    """
    here = _ranks(images, k)
    there = here
    if jax.default_backend() != "cpu":
        with on_cpu() as cpu:
            there = cpu.call("ranks", images, k)
    same = len(np.intersect1d(here, there)) / k
    return [
        Check("share of the pairs that a CPU chooses", same, same > 0.999, "above 0.999"),
        _same("same pairs in a second search", here, _ranks(images, k)),
    ]


def trainings() -> list[Check]:
    """Compares the bits of a training with those of the same training again, and with those of one
    that stops half-way and resumes from the saved state.
    """
    kept: list[Any] = []

    def on_epoch(epoch: int, state: Any, loss: float) -> None:
        if epoch == 2 and not kept:
            kept.extend(leaves_of(state))

    lesson = _lesson()
    whole, again = (leaves_of(_train(*lesson, epochs=4, on_epoch=on_epoch)) for _ in range(2))
    resumed = leaves_of(_train(*lesson, epochs=4, saved=kept, first_epoch=2))
    return [
        _same("same bits in a second training", _digest(whole), _digest(again)),
        _same("same bits in a resumed training", _digest(whole), _digest(resumed)),
    ]


class OnCpu:
    """Runs in a process without an accelerator."""

    def ranks(self, images: int, k: int) -> np.ndarray:
        """Returns the ranks of the chosen pairs."""
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


def _lesson() -> tuple[students.Student, np.ndarray, int]:
    """Returns a student, an answer to each of its images, and a quarter of their number as the
    batch size.
    """
    batch = devices.count() * -(-8 // devices.count())
    of = students.make(MODEL, 4 * batch)
    answers = np.random.default_rng(0).dirichlet(np.ones(students.CLASSES), len(of.images))
    return of, answers.astype(np.float32), batch


def _train(
    of: students.Student,
    answers: np.ndarray,
    batch: int,
    *,
    epochs: int,
    learning_rate: float | None = None,
    precision: str = "default",
    **how: Any,
) -> Any:
    """Trains on all images, or, if a rate is given, does one step on the first ones."""
    count = len(answers) if learning_rate is None else batch
    plan = dataclasses.replace(
        our_side.lesson(MODEL, 4, 4, batch=batch, augmented=False).plan,
        optimizer="sgd",
        weight_decay=0.0,
        schedule="constant",
        learning_rate=learning_rate or 0.05,
        precision=precision,
        epochs=epochs,
    )
    training = Training(
        network=of.network,
        recipe=plan,
        data=training_set.make(
            of.images, real_records(count), answers[:count], capacity=len(answers)
        ),
        count=count,
        stream=(0, 1),
    )
    return train_network(training, first_variables=of.variables, **how)


def _digest(leaves: list[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest()


def _same(what: str, one: Any, other: Any) -> Check:
    same = bool(np.array_equal(one, other))
    return Check(what, float(same), same, "1 for yes")
