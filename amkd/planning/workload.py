"""How much work a run is, and how fast this machine does it."""

import dataclasses
import functools
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amkd import models
from amkd.acquisitions import STUDENTS
from amkd.config.settings import Settings
from amkd.core import keys
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.data.records import real_records
from amkd.methods import base
from amkd.models import prediction
from amkd.search import device_search, pairs, pool_search
from amkd.search.device_search import DeviceSearch
from amkd.training import recipe, teacher_features, training_set
from amkd.training.train import Training, train_network

_SAMPLE = 512  # real images on which speed is measured
_TIMED = 1.0  # seconds, at least, over which scoring is timed


class Speed(NamedTuple):
    """Measured on this machine with the configured student, compilation left out.

    Attributes:
      evaluations: images scored in a second.
      trained: images trained on in a second.
      activation_bytes: of one image after the student's stem.
      gradients: gradient queries in a second, by methods that make their images; 0 for all others.
    """

    evaluations: float
    trained: float
    activation_bytes: int
    gradients: float = 0.0


def pool_size(config: Settings, images: int) -> int:
    """Pairs that may be chosen, or images where these are not mixed; ``images`` is how many may be
    drawn.
    """
    if not config.way.mixes:
        return images - config.n_real
    count = pairs.count(config.mixed_images(config.n_real))
    return min(count, config.search.max_pairs or count)


class Round(NamedTuple):
    """The work of one round.

    Attributes:
      queries: records in its training set.
      evaluations: of the last round's student, by the search.
      trained: images trained on.
    """

    queries: int
    evaluations: int
    trained: int


def make_rounds(config: Settings, n: int, images: int = 0) -> list[Round]:
    """The work of every round, round 0 first, which asks about n images; ``images`` is how many may
    be drawn.
    """
    chosen = [0, *itertools.accumulate(config.queries_per_round())]
    ks, pool = config.queries_per_round(), pool_size(config, images)
    of = config.way.evaluations or (lambda *_: 0)
    evaluations = [
        0,
        *(of(config.search, pool - gone, k) for gone, k in zip(chosen, ks, strict=False)),
    ]
    sizes = [n + before for before in chosen]
    trained = [
        recipe.epochs(config.recipe_of(number), size) * size for number, size in enumerate(sizes)
    ]
    further = _further_students(config)
    together = [own + further * before for own, before in zip(trained, [0, *trained], strict=False)]
    return [Round(*row) for row in zip(sizes, evaluations, together, strict=True)]


def _further_students(config: Settings) -> int:
    """How many students are trained beside the last one before a round's choice."""
    if not config.way.chooses or config.search.acquisition not in STUDENTS:
        return 0
    return STUDENTS[config.search.acquisition](config.search.committee)


def memory(config: Settings, data: DataSet, real: np.ndarray, activation: int) -> int:
    """Bytes that grow with the configuration, on host and device: images, their table, the training
    set.
    """
    searched = config.way.choose is not None and config.way.mixes
    count = config.first_queries(data.pool_size)
    if config.way.choose:
        count = config.mixed_images(len(real)) if config.way.mixes else data.pool_size
    bytes_ = count * int(np.prod(data.shape))
    table = activation * count if searched else 0
    scored = table if table <= config.search.table_bytes else 4 * bytes_
    answers = config.budget * (4 * (data.classes + teacher_features.width(config, data)) + 12)
    return 2 * bytes_ + 2 * scored + 3 * answers + data.test_images.nbytes


def measure(config: Settings, data: DataSet, real: np.ndarray) -> Speed:
    """Scores and trains a little with a fresh student, to learn how fast this machine is."""
    some = np.concatenate([real[:_SAMPLE], real[: max(2 - len(real), 0)]])  # two make a pair
    network = models.build(config.student, data.classes, data.shape)
    variables = prediction.init(network, data.shape, keys.key(config.seed, 0, keys.Purpose.INIT))
    return Speed(
        _scored_per_second(config, network, variables, some),
        _trained_per_second(config, data, some),
        device_search.stem_bytes(network, variables, data.shape),
        _gradients_per_second(config, data, some) if config.way.maker else 0.0,
    )


def _rate(work: Callable[[], int]) -> float:
    """How much of it is done in a second, by as many calls as it takes to be timed; one before them
    compiles.
    """
    work()
    done, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < _TIMED:
        done += work()
    return done / passed


def _scored_per_second(
    config: Settings, network: models.Network, variables: Any, some: np.ndarray
) -> float:
    # The shortest dispatch, as often as it takes to be timed: large students score few pairs a
    # second.
    minimiser, plan = pool_search.minimiser(config.search), config.search
    k = max(config.queries_per_round(), default=1)
    scorer = DeviceSearch(network, variables, some, minimiser, k, 1, plan.tile, plan.table_bytes)
    i, j = pairs.pair_of(np.arange(scorer.length) % pairs.count(len(some)), len(some))
    return _rate(lambda: scorer.add(i, j)() * minimiser.evaluations)


def _gradients_per_second(config: Settings, data: DataSet, some: np.ndarray) -> float:
    """With a fresh network of the teacher's kind, as there may be no teacher yet."""
    assert config.way.maker
    network = models.build(config.teacher.model, data.classes, data.shape)
    making = base.Making(
        network=network,
        variables=prediction.init(network, data.shape, keys.key(config.seed, 0, keys.Purpose.INIT)),
        shape=data.shape,
        classes=data.classes,
        real=some,
        settings=config,
        folder=Path(),
        stop=StopSignal(),
        progress=lambda _: None,
    )
    return _rate(functools.partial(config.way.maker.sample, making))


def _trained_per_second(config: Settings, data: DataSet, some: np.ndarray) -> float:
    count = min(len(some), 4 * config.train.batch_size)
    count -= count % config.train.together
    shown = teacher_features.width(config, data)
    records = training_set.make(
        some,
        real_records(count),
        np.full((count, data.classes), 1 / data.classes, np.float32),
        capacity=count,
        teacher_features=np.zeros((count, shown), np.float32) if shown else None,
    )

    def seconds(epochs: int) -> float:
        """Returns the time of so many epochs after a first one, which may compile."""
        ends: list[float] = []
        training = Training(
            network=models.build(config.student, data.classes, data.shape),
            recipe=dataclasses.replace(config.train, epochs=epochs + 1, min_steps=0),
            data=records,
            count=count,
            stream=(config.seed, 0),
        )
        train_network(training, on_epoch=lambda *_: ends.append(time.perf_counter()))
        return ends[-1] - ends[0]

    epochs = max(round(_TIMED / seconds(1)), 1)
    return count * epochs / seconds(epochs)
