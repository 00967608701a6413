"""What the devices or the data cannot give."""

import dataclasses

import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.planning import report
from amkd.run import checks, inputs
from tests.support.small import configured

# What depends on the machine and on the data.


@pytest.mark.parametrize("group", ["train", "teacher.train"])
def test_batches_must_split_evenly_over_devices(group: str) -> None:
    loaded = configured(**{f"{group}.batch_size": 36})
    checks.check_devices(loaded, 4)
    with pytest.raises(UserError, match=rf"config\.{group}\.batch_size=36.* 8 devices"):
        checks.check_devices(loaded, 8)


def some_data(pool: int, labeled: int, test: int = 5) -> DataSet:
    images, labels = (
        np.zeros((max(pool, labeled, test), 2, 2, 1), np.uint8),
        np.zeros(max(labeled, test), np.int32),
    )
    return DataSet(
        "digits",
        10,
        images[:labeled],
        labels[:labeled],
        images[:pool],
        images[:test],
        labels[:test],
    )


def test_the_data_must_be_enough() -> None:
    loaded = configured(**{"teacher.images": 300})
    checks.check_data(loaded, some_data(200, 400))
    with pytest.raises(UserError, match=r"config\.n_real=200.*digits.* 199 .*--config\.n_real=199"):
        checks.check_data(loaded, some_data(199, 400))
    with pytest.raises(UserError, match=r"config\.teacher\.validation=100 .*images=300.* 399 "):
        checks.check_data(loaded, some_data(200, 399))
    # A teacher that is somebody else's needs no labels.
    asked = configured(**{"teacher.kind": "python", "teacher.function": "a:b"})
    checks.check_data(asked, some_data(200, 0))
    # Held-out images are not drawn.
    held_out = dataclasses.replace(some_data(200, 400), pool_indices=np.arange(150))
    with pytest.raises(UserError, match=r"config\.n_real=200.* 150 "):
        checks.check_data(loaded, held_out)
    top = configured(**{"teacher.answers.form": "top_k", "teacher.answers.top_k": 11})
    with pytest.raises(UserError, match=r"config\.teacher\.answers\.top_k=11.* 10 classes; set it"):
        checks.check_data(top, some_data(200, 400))
    # A method that takes all images, and there is none.
    everything = configured(**{"method": "full_kd", "n_real": 0})
    with pytest.raises(UserError, match=r"config\.method='full_kd': .* has no image to draw from"):
        checks.check_data(everything, some_data(0, 400))


def test_only_square_images_can_be_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    turned, wide = configured(**{"method": "sskd"}), some_data(200, 400)
    checks.check_data(turned, wide)
    wide = dataclasses.replace(
        wide,
        pool_images=np.zeros((200, 2, 3, 1), np.uint8),
        teacher_images=np.zeros((400, 2, 3, 1)),
    )
    with pytest.raises(
        UserError, match=r"config\.method='sskd': rotates images by 90 degrees, .* are 2x3"
    ):
        checks.check_data(turned, wide)
    monkeypatch.setattr(inputs, "load_data", lambda _: wide)
    with pytest.raises(UserError, match="these images are 2x3"):
        report.report(turned, None, StopSignal())


def test_the_batches_of_a_larger_network_are_split_too():
    """distillation_gap trains it by the teacher's recipe, though the labels are the teacher."""
    loaded = configured(
        **{
            "dataset": "digits",
            "method": "active_labelling",
            "teacher.kind": "labels",
            "search.acquisition": "distillation_gap",
            "search.gap_teacher": "network",
            "train.batch_size": 120,
            "teacher.train.batch_size": 128,
        }
    )
    checks.check_devices(loaded, 4)
    with pytest.raises(UserError, match=r"config.teacher.train.batch_size=128: must be a multiple"):
        checks.check_devices(loaded, 6)
