"""How much work a run is, and how fast this machine does it."""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from amkd import models
from amkd.config.recipe import Recipe
from amkd.config.settings import Settings
from amkd.core import devices, keys
from amkd.data.dataset import DataSet
from amkd.data.records import real_records
from amkd.methods.first_images import FirstImageInputs
from amkd.methods.student import assistant_of, student_of
from amkd.models import prediction
from amkd.run.context import assistant_weights, first_weights
from amkd.run.facts import RunFacts
from amkd.search import activations, pairs, placed, pool_search
from amkd.search.device_search import DeviceSearch
from amkd.training import losses, teacher_features, training_set
from amkd.training.train import Training, epochs_at_once, train_network
from amkd.training.training_set import TrainingSet

_SAMPLE = 512  # real images on which speed is measured
_SCORED = 256  # whole images scored at a time: a batch of prediction
_FILLED = 0.8  # of a batch of features: the share of its places that hold an image
_TIMED = 1.0  # seconds, at least, over which scoring is timed


class Speed(NamedTuple):
    """Measured on this machine with the configured student, compilation left out.

    Attributes:
      evaluations: images scored in a second.
      trained: images trained on in a second.
      activation_bytes: the bytes of one image's activations after the student's stem.
      gradients: gradient queries in a second, by methods that make their images; 0 for all others.
      features: images in a second whose features are computed, where they are cached; else 0.
      feature_bytes: the bytes of the cached features of one image's views; 0 where none are cached.
      assistant_trained: images in a second that the assistant is trained on; 0 without one.
      assistant_answers: images in a second that it answers; 0 without one.
    """

    evaluations: float
    trained: float
    activation_bytes: int
    gradients: float = 0.0
    features: float = 0.0
    feature_bytes: int = 0
    assistant_trained: float = 0.0
    assistant_answers: float = 0.0


def memory(settings: Settings, facts: RunFacts, data: DataSet, *, speed: Speed, shown: int) -> int:
    """Returns the bytes that grow with the configuration, on host and device together.

    They are the images, the table of their activations, and the training set.

    Args:
      settings: the configuration.
      facts: what is known of the run.
      data: the data set.
      speed: what was measured, with the bytes of activations and of cached features.
      shown: numbers that the teacher provides for each record in addition to its answer.
    """
    selector, one, plan = facts.method.selector, int(np.prod(data.shape)), settings.assistant
    mixes, real = (plan.mixes, plan.real_images) if plan.model else (0, 0)
    held = one * selector.held_images(facts.image_count, settings.budget + real)
    table = speed.activation_bytes * selector.table_images(facts.image_count)
    scored = table if table <= settings.search.table_bytes else one * facts.image_count
    records = settings.budget + mixes + real
    answers = records * (4 * (data.classes + shown) + 12 + speed.feature_bytes)
    return held + 2 * scored + 3 * answers + data.test_images.nbytes


def measure(config: Settings, facts: RunFacts, data: DataSet, real: np.ndarray) -> Speed:
    """Scores and trains a little with a new student, to measure how fast this machine is."""
    some = np.concatenate([real[:_SAMPLE], real[: max(2 - len(real), 0)]])  # two make a pair
    network = student_of(config, data.classes, data.shape, data.task.groups)
    variables = prediction.init(network, data.shape, keys.key(config.seed, 0, keys.Purpose.INIT))
    features = _features_per_second(network, variables, some) if config.train.views else 0.0
    pairs_searched = facts.method.selector.table_images(facts.image_count) > 0
    if features and not pairs_searched:
        scored = features  # the rest of a candidate's score takes no time
    elif facts.method.selector.unit == "img":
        scored = _predictions_per_second(network, variables, some)
    else:
        scored = _scored_per_second(config, facts, network, variables, some)
    return Speed(
        scored,
        _trained_per_second(config, data, some, network, variables),
        activations.stem_bytes(network, variables, data.shape),
        _gradients_per_second(config, facts, data, some),
        features,
        2 * config.train.views * network.feature_count(variables) if config.train.views else 0,
        *_assistant_speeds(config, data, some),
    )


def features_computed(settings: Settings, facts: RunFacts, data: DataSet) -> int:
    """Returns for how many images a frozen backbone runs once, without those of a search.

    These are the views of all images that are queried or that an assistant answers, and the
    evaluation images.
    """
    if not settings.train.views:
        return 0
    learned = facts.rounds[-1].queries + sum(one.assisted for one in facts.rounds)
    return settings.train.views * learned + len(data.test_images)


def _features_per_second(network: models.Network, variables: Any, some: np.ndarray) -> float:
    few = some[:32]
    numbers = np.arange(len(few))  # full batches, unlike those of a run
    return _FILLED * _rate(lambda: len(prediction.features(network, variables, few, numbers)))


def _rate(work: Callable[[], int]) -> float:
    """Returns how much work is done in a second.

    The first call is not timed, because it compiles.
    """
    work()
    done, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < _TIMED:
        done += work()
    return done / passed


def _scored_per_second(
    config: Settings, facts: RunFacts, network: models.Network, variables: Any, some: np.ndarray
) -> float:
    # The shortest dispatch, repeated until it can be timed: large students score few pairs a
    # second.
    minimiser, plan = pool_search.configured_minimiser(config.search), config.search
    k = max(facts.ks, default=1)
    student = placed.place(
        network,
        variables,
        some,
        with_logits=minimiser.uses_logits,
        table_bytes=plan.table_bytes,
    )
    scorer = DeviceSearch(placed=student, minimiser=minimiser, k=k, pairs=1, tile=plan.tile)
    i, j = pairs.pair_of(np.arange(scorer.length) % pairs.count(len(some)), len(some))
    return _rate(lambda: scorer.add(i, j)() * minimiser.evaluations)


def _predictions_per_second(network: models.Network, variables: Any, some: np.ndarray) -> float:
    """Returns how many whole images are scored in a second."""
    placed, some = devices.place(variables), np.resize(some, (_SCORED, *some.shape[1:]))
    return _rate(lambda: len(prediction.predict_with_features(network, placed, some)[0]))


def _gradients_per_second(
    settings: Settings, facts: RunFacts, data: DataSet, some: np.ndarray
) -> float:
    """Uses a new network of the teacher's kind, because there may be no teacher yet."""
    first = facts.method.first
    if not first.gradient_queries(settings):
        return 0.0
    network = models.build(settings.teacher.model, data.classes, data.shape, field="teacher.model")
    key = keys.key(settings.seed, 0, keys.Purpose.INIT)
    source = FirstImageInputs(
        settings=settings,
        shape=data.shape,
        classes=data.classes,
        real=some,
        network=network,
        variables=prediction.init(network, data.shape, key),
    )
    return _rate(functools.partial(first.spend_some, source))


def _trained_per_second(
    config: Settings, data: DataSet, some: np.ndarray, network: models.Network, variables: Any
) -> float:
    """Returns how many images the student is trained on in a second."""
    views, shown = config.train.views, teacher_features.width(config, data)
    few = _few(some, config.train)
    width = (len(few), views, network.feature_count(variables)) if views else None
    records = _unanswered(
        data,
        few,
        teacher_features=np.zeros((len(few), shown), np.float32) if shown else None,
        features=np.zeros(width, np.float16) if width else None,
    )
    training = Training(
        network=network,
        recipe=config.train,
        data=records,
        count=len(few),
        stream=(config.seed, 0),
        weights=first_weights(config, data),
    )
    return _speed_of(training.of_head(variables) if views else training)


def _assistant_speeds(config: Settings, data: DataSet, some: np.ndarray) -> tuple[float, float]:
    """Returns how many images the assistant is trained on, and how many it answers, in a second."""
    if not config.assistant.model:
        return 0.0, 0.0
    recipe, network = config.assistant.train, assistant_of(config, data.classes, data.shape)
    few = _few(some, recipe)
    training = Training(
        network=network,
        recipe=recipe,
        data=_unanswered(data, few),
        count=len(few),
        stream=(config.seed, 0),
        weights=assistant_weights(config, data),
    )
    key = keys.key(config.seed, 0, keys.Purpose.INIT)
    variables = prediction.init(network, data.shape, key)
    return _speed_of(training), _predictions_per_second(network, variables, some)


def _few(some: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Returns the images of a few batches."""
    count = min(len(some), 4 * recipe.batch_size)
    return some[: count - count % losses.views_compared(recipe)]


def _unanswered(data: DataSet, few: np.ndarray, **beside: Any) -> TrainingSet:
    """Returns a training set whose answers do not matter."""
    count = len(few)
    answers = np.full((count, data.classes), 1 / data.classes, np.float32)
    return training_set.make(few, real_records(count), answers, capacity=count, **beside)


def _speed_of(training: Training) -> float:
    """Returns how many images are trained on in a second."""
    at_once = epochs_at_once(training)

    def seconds(turns: int) -> float:
        """Returns the time of so many turns of epochs after a first one, which may compile."""
        ends: list[float] = []
        epochs = (turns + 1) * at_once
        few = dataclasses.replace(training.recipe, epochs=epochs, min_steps=0)
        train_network(
            dataclasses.replace(training, recipe=few),
            on_epoch=lambda *_: ends.append(time.perf_counter()),
        )
        return ends[-1] - ends[0]

    turns = max(round(_TIMED / seconds(1)), 1)
    return training.count * turns * at_once / seconds(turns)
