"""Speeds are measured in the form for accelerators, too, where epochs end together."""

import jax
import numpy as np

from amkd.data.dataset import DataSet
from amkd.methods.student import student_of
from amkd.models import prediction
from amkd.planning import workload
from tests.support.small import configured, digits


def test_speed_of_training_where_epochs_end_together(as_accelerated, monkeypatch):
    monkeypatch.setattr(workload, "_TIMED", 0.01)
    images, labels = digits(0, 40)
    none = images[:0], np.empty(0, np.int32)
    data = DataSet("digits", 10, *none, images, images, labels, tuple("0123456789"), "")
    config = configured(**{"train.batch_size": 20, "train.steps_per_dispatch": 4})
    network = student_of(config, data.classes, data.shape)
    variables = prediction.init(network, data.shape, jax.random.key(0))
    found = workload._trained_per_second(config, data, images, network, variables)
    assert np.isfinite(found) and found > 0
