"""What depends on the devices and on the data."""

import numpy as np
import pytest

from amkd import validation
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.planning import report
from amkd.run import experiment
from amkd.validation import from_config
from tests.support.configuring import changed


@pytest.mark.parametrize("group", ["train", "teacher.train"])
def test_batches_must_split_evenly_over_devices(group: str) -> None:
    loaded = from_config(changed(**{f"{group}.batch_size".replace(".", "__"): 36}))
    validation.check_devices(loaded, 4)
    with pytest.raises(UserError, match=rf"config\.{group}\.batch_size=36.* 8 devices"):
        validation.check_devices(loaded, 8)


def some_data(pool: int, labeled: int, test: int = 5) -> DataSet:
    pictures, labels = (
        np.zeros((max(pool, labeled, test), 2, 2, 1), np.uint8),
        np.zeros(max(labeled, test), np.int32),
    )
    return DataSet(
        "digits",
        10,
        pictures[:labeled],
        labels[:labeled],
        pictures[:pool],
        pictures[:test],
        labels[:test],
    )


def test_the_data_must_be_enough() -> None:
    loaded = from_config(changed(teacher__images=300))
    validation.check_data(loaded, some_data(200, 400))
    with pytest.raises(UserError, match=r"config\.n_real=200.*digits.* 199 .*--config\.n_real=199"):
        validation.check_data(loaded, some_data(199, 400))
    with pytest.raises(UserError, match=r"config\.teacher\.validation=100 .*images=300.* 399 "):
        validation.check_data(loaded, some_data(200, 399))
    # A teacher that is somebody else's needs no labels.
    asked = from_config(changed(teacher__kind="python", teacher__function="a:b"))
    validation.check_data(asked, some_data(200, 0))
    # Held-out images are not drawn.
    held_out = some_data(200, 400)._replace(pool_places=np.arange(150))
    with pytest.raises(UserError, match=r"config\.n_real=200.* 150 "):
        validation.check_data(loaded, held_out)
    top = from_config(changed(teacher__answers__form="top_k", teacher__answers__top_k=11))
    with pytest.raises(UserError, match=r"config\.teacher\.answers\.top_k=11.* 10 classes"):
        validation.check_data(top, some_data(200, 400))


def test_only_square_images_can_be_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    turned, wide = from_config(changed(method="sskd")), some_data(200, 400)
    validation.check_data(turned, wide)
    wide = wide._replace(
        pool_images=np.zeros((200, 2, 3, 1), np.uint8), teacher_images=np.zeros((400, 2, 3, 1))
    )
    with pytest.raises(
        UserError, match=r"config\.method='sskd': turns images by 90 degrees, and these are 2x3"
    ):
        validation.check_data(turned, wide)
    monkeypatch.setattr(experiment, "load_data", lambda _: wide)
    with pytest.raises(UserError, match="these are 2x3"):
        report.report(turned, None, StopSignal())
