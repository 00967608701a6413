"""Runs amkd's search and training as in a run: the only benchmark module that calls them."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from amkd import models
from amkd.config.recipe import Recipe
from amkd.core import devices, keys
from amkd.data.records import Records, mixes, real_records
from amkd.methods import active_mixup
from amkd.models.alexnet import AlexNet
from amkd.search import pairs
from amkd.search.lambda_grid import lambda_grid
from amkd.search.selection import Selection, SelectionInputs
from amkd.training import training_set
from amkd.training.train import Training, train_network
from amkd.validation import from_config
from benchmarks.students import CLASSES, Student, make


class NoDropout(AlexNet):
    """AlexNet without dropout, to compare losses: each library draws its own masks."""

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        """Computes features; without the keys there is no dropout."""
        return super().features(h, train)


class Enough(Exception):
    """The measurement has taken long enough."""


# The training fields of the shipped configurations that differ from the defaults. They are copied
# here, because the configurations need ml-collections, and a machine with an accelerator may have
# nothing but JAX.
MNIST: dict[str, Any] = {"epochs": 100, "min_steps": 4000, "learning_rate": 6e-3, "crop": 1}
CIFAR10: dict[str, Any] = {
    "epochs": 200,
    "optimizer": "sgd",
    "schedule": "steps",
    "learning_rate": 0.1,
    "crop": 4,
    "flip": True,
}


def grid(lams: int) -> np.ndarray:
    """Returns the shipped grid with ``lams`` values: ``int32[L]`` in units of 1/65536."""
    group = from_config({}).search
    return lambda_grid(group.lam_low, group.lam_high, lams)


def choose(
    of: Student,
    k: int,
    lams: int,
    *,
    progress: Callable[[int], None] = lambda _: None,
    chunk: int = 0,
) -> Selection:
    """Runs a round's real search: the k pairs with the lowest C2 of all pairs.

    Args:
      of: the student and the images.
      k: how many pairs to keep.
      lams: size of the grid.
      progress: takes the number of pairs scored after every chunk; may raise.
      chunk: pairs in one dispatch; 0 for the shipped value.
    """
    group = from_config({}).search
    inputs = SelectionInputs(
        images=of.images,
        pool=pairs.make_pair_pool(len(of.images), 0, 0),
        chosen=np.empty(0, np.int64),
        records=real_records(len(of.images)),
        k=k,
        stream=(0, 1),
        network=of.network,
        variables=of.variables,
        settings=dataclasses.replace(group, lam_count=lams, chunk=chunk or group.chunk),
        progress=progress,
    )
    return active_mixup.choose(inputs)


def compile_search(of: Student, k: int, lams: int, *, chunk: int = 0) -> None:
    """Runs a search up to its first report, so that the programs are compiled for the next one."""

    def progress(count: int) -> None:
        raise Enough

    try:
        choose(of, k, lams, progress=progress, chunk=chunk)
    except Enough:
        settle()


def scan(of: Student, k: int, lams: int, *, seconds: float, chunk: int = 0) -> tuple[int, float]:
    """Searches the pool for about ``seconds`` seconds, then stops.

    The clock starts when the first chunk is finished and others are already running, and stops in
    the same state. So this measures the steady rate of a search of any length, without its start.

    Returns:
      The number of scored pairs, and the seconds that they took.

    Raises:
      ValueError: the search reported too rarely for a rate.
    """
    times: list[float] = []
    counts: list[int] = []

    def progress(count: int) -> None:
        times.append(time.perf_counter())
        counts.append(count)
        if len(times) > 1 and times[-1] - times[0] >= seconds:
            raise Enough

    try:
        choose(of, k, lams, progress=progress, chunk=chunk)
    except Enough:
        settle()
    if len(times) < 2:
        raise ValueError("the whole pool is one chunk: use more images, or a smaller --chunk")
    return sum(counts[1:]), times[-1] - times[0]


def settle(longest: float = 120.0) -> None:
    """Waits until this process no longer computes: work sent to the devices cannot be cancelled."""
    for device in jax.local_devices():  # an accelerator does its work in order
        (jax.device_put(0.0, device) + 1).block_until_ready()
    until = time.perf_counter() + longest
    while time.perf_counter() < until:
        busy, began = time.process_time(), time.perf_counter()
        time.sleep(0.1)
        if time.process_time() - busy < 0.1 * (time.perf_counter() - began):
            return


def matrix_rate(size: int, precision: str = "highest", dtype: Any = jnp.float32) -> float:
    """Measures FLOP/s: the fastest of several products of square matrices.

    Args:
      size: rows and columns.
      precision: as in ``jax.default_matmul_precision``: ``highest`` is full float32, ``default`` is
        this backend's default for float32.
      dtype: the data type of the matrices.
    """
    a = jnp.asarray(np.random.default_rng(0).random((size, size), np.float32), dtype)
    product = jax.jit(lambda a: jnp.matmul(a, a, precision=precision))
    times = []
    for _ in range(6):
        began = time.perf_counter()
        product(a).block_until_ready()
        times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times[1:])


def describe() -> dict[str, str]:
    """Describes JAX's devices, for the rows."""
    return {"jax_device": devices.describe()}


@dataclasses.dataclass(frozen=True)
class Lesson:
    """A network, and its training data.

    Attributes:
      of: the student and the images.
      plan: the recipe.
      records: Q records.
      answers: ``float32[Q, Y]``.
    """

    of: Student
    plan: Recipe
    records: Records
    answers: np.ndarray

    def mixes(self) -> np.ndarray:
        """Returns the records as canonical bytes: ``uint8[Q, H, W, C]``."""
        return np.concatenate(list(mixes(self.of.images, self.records)))


def lesson(model: str, n: int, count: int, *, batch: int, augmented: bool) -> Lesson:
    """Makes a training as in the configuration of the model's data set.

    Args:
      model: name of the network.
      n: number of real images.
      count: number of records Q.
      batch: images in a step.
      augmented: whether to use the configuration's crops and flips.
    """
    fields = MNIST if model.startswith("lenet5") else CIFAR10
    plan = from_config({"train": fields}).train
    off = {} if augmented else {"crop": 0, "flip": False}
    # There are so many epochs that the learning rate stays at its peak during the measurement.
    plan = dataclasses.replace(plan, batch_size=batch, epochs=10_000, min_steps=0, **off)
    rng = np.random.default_rng(1)
    i, j = pairs.pair_of(np.sort(rng.choice(pairs.count(n), count, replace=False)), n)
    records = Records(i, j, rng.choice(grid(11), count))
    scores = np.exp(rng.normal(0, 2, (count, CLASSES)))
    answers = (scores / scores.sum(1, keepdims=True)).astype(np.float32)
    return Lesson(make(model, n), plan, records, answers)


def fit(
    what: Lesson,
    count: int,
    on_epoch: Callable[[int, Any, float], None],
    *,
    dropout: bool = True,
) -> None:
    """Trains as in a round, on the first ``count`` records of the lesson."""
    network = models.build(what.of.model, CLASSES, what.of.images.shape[1:])
    if not dropout and isinstance(network, AlexNet):
        network = NoDropout(CLASSES, width=network.width)
    capacity = len(what.records)
    training = Training(
        network=network,
        recipe=what.plan,
        data=training_set.make(what.of.images, what.records, what.answers, capacity=capacity),
        count=count,
        stream=(0, 1),
    )
    train_network(training, first_variables=what.of.variables, on_epoch=on_epoch)


def batches(what: Lesson, count: int) -> np.ndarray:
    """Returns the batches of the first epoch of :func:`fit`: ``int32[S, B]``."""
    return training_set.epoch(
        count, what.plan.batch_size, keys.rng(0, 1, keys.Purpose.ORDER, 0)
    ).index


def first_loss(what: Lesson, steps: int) -> float:
    """Returns the mean loss of the first steps, without dropout."""
    found: list[float] = []

    def on_epoch(epoch: int, state: Any, loss: float) -> None:
        found.append(loss)
        raise Enough

    try:
        fit(what, steps * what.plan.batch_size, on_epoch, dropout=False)
    except Enough:
        return found[0]
    raise AssertionError("fit ended without an epoch")


def epochs(what: Lesson, seconds: float) -> tuple[int, float]:
    """Trains whole epochs for about ``seconds`` seconds, after a first epoch.

    Returns:
      The number of images trained on, and the seconds that they took.
    """
    times: list[float] = []

    def on_epoch(epoch: int, state: Any, loss: float) -> None:
        times.append(time.perf_counter())
        if len(times) > 1 and times[-1] - times[0] >= seconds:
            raise Enough

    try:
        fit(what, len(what.records), on_epoch)
    except Enough:
        settle()
    return (len(times) - 1) * len(what.records), times[-1] - times[0]
