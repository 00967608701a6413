"""Active Mixup's rounds (paper, Algorithm 1): a thin driver that threads immutable state through
them.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from amkd import models
from amkd.config.settings import Settings
from amkd.core import checkpoint
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.data.records import Records, mixes
from amkd.models import prediction
from amkd.models.layers import Variables
from amkd.querying import client
from amkd.reporting import report
from amkd.search import pairs
from amkd.training import teacher_features


class RunContext(NamedTuple):
    """What stays the same through all rounds of a run.

    Attributes:
      settings: the frozen configuration.
      data: the data set; its test part is for evaluation only.
      real: ``uint8[N, H, W, C]``, the real images, and after them the variants that are mixed
        beside them.
      first: how many of these round 0 asks about: the real ones, and views of them if the method
        has any, or all that were made.
      told: what there is to report of how these were come by, for JSON.
      pool: pairs of all of them.
      desk: where the teacher is asked.
      insight: what it shows beside its answers; None where these are enough, as they are for all
        black boxes.
      test_answers: the teacher's on the test images, ``float32[T, Y]``, or None if it is not asked.
      checkpoints: where the state is saved.
      report: what a person sees.
      stop: whether the process was asked to stop.
    """

    settings: Settings
    data: DataSet
    real: np.ndarray
    first: int
    told: dict[str, Any]
    pool: pairs.Pool
    desk: client.Desk
    insight: teacher_features.TeacherFeatures | None
    test_answers: np.ndarray | None
    checkpoints: checkpoint.Checkpoints
    report: report.Report
    stop: StopSignal

    def network(self) -> models.Network:
        """The student, in float32, as it scores and predicts."""
        return models.build(self.settings.student, self.data.classes, self.data.shape)

    def mixes(self, records: Records) -> Iterator[np.ndarray]:
        """What records look like, to the teacher and to the student alike: blocks of ``uint8[...,
        H, W, C]``.
        """
        return mixes(self.real, records, self.settings.search.as_released)

    def judge(self, variables: Variables | None) -> np.ndarray:
        """A student's answers on the images that judge it, ``float32[T, Y]``."""
        if not len(self.data.test_images):
            return np.empty((0, self.data.classes), np.float32)
        return prediction.predict(self.network(), variables, self.data.test_images)
