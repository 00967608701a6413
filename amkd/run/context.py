"""What stays the same through all rounds of a run."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from amkd import models
from amkd.config.settings import Settings
from amkd.core import checkpoint, keys
from amkd.core.errors import diverged
from amkd.core.stopping import StopSignal
from amkd.data import augment
from amkd.data.dataset import DataSet
from amkd.data.lazy_images import Images
from amkd.data.records import Mixes, Records, mixes
from amkd.methods.student import assistant_of, assistant_side, seen_shape, student_of
from amkd.models import prediction, resizing
from amkd.models.frozen_backbone import FrozenBackbone
from amkd.models.layers import Variables
from amkd.models.pretrained import initial_weights
from amkd.models.pretrained.initial_weights import Weights
from amkd.querying import client
from amkd.reporting import run_log
from amkd.run.corrected import Corrections
from amkd.run.facts import RunFacts
from amkd.search import pairs
from amkd.training import teacher_features


def first_weights(settings: Settings, data: DataSet) -> Weights | None:
    """Returns a student's initial variables; None for random ones.

    Raises:
      UserError: they cannot be loaded, or belong to another network.
    """
    return initial_weights.load(
        settings.student_weights, settings.student, data.classes, seen_shape(settings, data.shape)
    )


def assistant_weights(settings: Settings, data: DataSet) -> Weights | None:
    """Returns an assistant's initial variables; None for random ones.

    Raises:
      UserError: they cannot be loaded, or belong to another network.
    """
    plan = settings.assistant
    if not plan.model:
        return None
    seen = resizing.seen_shape(data.shape, assistant_side(settings, data.shape))
    return initial_weights.load(plan.weights, plan.model, data.classes, seen, "assistant.weights")


def frozen_backbone(
    settings: Settings, data: DataSet, check_stop: Callable[[], None] = lambda: None
) -> FrozenBackbone | None:
    """Returns the backbone whose features are cached; None if the recipe caches no features.

    Args:
      settings: the configuration.
      data: the data set.
      check_stop: is called after every few images; may raise to stop.
    """
    recipe = settings.train
    if not recipe.views:
        return None
    network = student_of(settings, data.classes, data.shape, data.task.groups)
    weights = first_weights(settings, data)
    assert weights is not None  # validated
    fresh = prediction.init(network, data.shape, keys.key(settings.seed, 0, keys.Purpose.INIT))
    return FrozenBackbone(
        network,
        jax.device_get(weights.place(fresh)),
        Path(settings.cache_dir).expanduser() / "features",
        views=augment.views_of(recipe),
        view_count=recipe.views,
        seed=settings.seed,
        check_stop=check_stop,
    )


def weights_identity(settings: Settings, data: DataSet) -> str:
    """Returns the SHA-256 of the student's initial variables; empty for random ones.

    With a pretrained assistant, a comma and the SHA-256 of its initial variables follow.
    """
    found, assistant = first_weights(settings, data), assistant_weights(settings, data)
    own = found.sha256 if found else ""
    return f"{own},{assistant.sha256}" if assistant else own


@dataclasses.dataclass(frozen=True, kw_only=True)
class SharedContext:
    """What every process of a run knows, and what stays the same through all its rounds.

    Attributes:
      settings: the configuration.
      facts: what is derived from the configuration: N, k of every round, recipes.
      data: the data set; its test part is for evaluation only.
      images: ``uint8[M, H, W, C]``, all images to which records may refer: the images of round 0,
        and after them their variants, images made from them, or all other images.
      pool: the pairs of all images.
      stop: whether the process was asked to stop.
      backbone: the frozen backbone, which runs once for each image; None unless the recipe freezes
        it and caches its features.
    """

    settings: Settings
    facts: RunFacts
    data: DataSet
    images: Images
    pool: pairs.PairPool
    stop: StopSignal
    backbone: FrozenBackbone | None = None

    def network(self) -> models.Network:
        """Returns the student's network in float32, as it scores and predicts."""
        return student_of(self.settings, self.data.classes, self.data.shape, self.data.task.groups)

    def network_of_teacher(self) -> models.Network:
        """Returns the network that ``teacher.model`` names, in float32."""
        data = self.data
        return models.build(
            self.settings.teacher.model,
            data.classes,
            data.shape,
            field="teacher.model",
            groups=data.task.groups,
        )

    def weights(self) -> Weights | None:
        """Returns the student's initial variables; None for random ones."""
        return first_weights(self.settings, self.data)

    def assistant(self) -> models.Network:
        """Returns the assistant's network in float32."""
        return assistant_of(self.settings, self.data.classes, self.data.shape)

    def assistant_weights(self) -> Weights | None:
        """Returns the assistant's initial variables; None for random ones."""
        return assistant_weights(self.settings, self.data)

    def mixes(self, records: Records) -> Iterator[np.ndarray]:
        """Yields the images of records in blocks of ``uint8[..., H, W, C]``.

        Teacher and student see the same bytes.
        """
        return mixes(self.images, records, self.settings.search.as_released)

    def images_of(self, records: Records) -> Mixes:
        """Returns the images of records; each is computed when it is read."""
        return Mixes(self.images, records, self.settings.search.as_released)

    def predict_cached(
        self, variables: Variables, records: Records
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns a student's class probabilities and features for records, from cached features:
        ``float32[Q, Y]`` and ``float32[Q, d]``.
        """
        assert self.backbone is not None
        return self.backbone.predict_with_features(variables, self.mixes(records))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunContext(SharedContext):
    """What stays the same through all rounds of a run, for the process that leads it.

    Attributes:
      configured: the configuration as the user gave it; a value ``n_real=0`` is not replaced.
      first_metrics: the facts to report about the images of round 0, for JSON.
      client: sends the queries to the teacher.
      teacher_features: the teacher's features, which are used in addition to its answers; None if
        the answers are enough.
      test_answers: the teacher's answers on the evaluation images, ``float32[T, Y]``; None if it is
        not asked about them.
      refused_evaluation: how many evaluation images the teacher refused to answer.
      checkpoints: where the state is saved.
      report: the log and the progress bars.
      corrections: a person's corrections of classes; None if the training uses none.
    """

    configured: Settings
    first_metrics: dict[str, Any]
    client: client.QueryClient
    teacher_features: teacher_features.TeacherFeatures | None
    test_answers: np.ndarray | None
    checkpoints: checkpoint.Checkpoints
    report: run_log.RunLog
    corrections: Corrections | None = None
    refused_evaluation: int = 0

    def evaluate(self, variables: Variables | None) -> np.ndarray:
        """Returns a student's answers on the evaluation images, ``float32[T, Y]``."""
        return self.predict(variables, self.data.test_images)

    def predict(self, variables: Variables | None, images: np.ndarray) -> np.ndarray:
        """Returns a student's answers on images, ``float32[M, Y]``.

        Raises:
          FloatingPointError: an answer is not finite.
        """
        if not len(images):
            return np.empty((0, self.data.classes), np.float32)
        if self.backbone is not None:
            answers = self.backbone.predict_with_features(variables, [images])[0]
        else:
            answers = prediction.predict(self.network(), variables, images)
        if not np.isfinite(answers).all():
            raise diverged("an answer of the student is not finite")
        return answers
