"""Features of images: computed once, kept under the bytes of the image, equal to fresh ones."""

import re

import jax
import numpy as np
import pytest
from flax import linen as nn

from amkd import models
from amkd.config.recipe import Recipe
from amkd.core.errors import UserError
from amkd.core.stopping import Stopped
from amkd.data.augment import Views
from amkd.models import frozen_backbone, inference, layers, prediction
from amkd.models.feature_store import FeatureStore
from amkd.models.frozen_backbone import FrozenBackbone
from amkd.models.head import head_of, variables_of_head, with_head
from amkd.run import checks

SHAPE = (8, 8, 1)
NETWORK = models.build("lenet5_half", 3, SHAPE)
STILL = Views()
IMAGES = np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8)


@pytest.fixture(scope="module", name="variables")
def variables_():
    return prediction.init(NETWORK, SHAPE, jax.random.key(1))


@pytest.fixture(name="computed")
def computed_(monkeypatch):
    """How many images the backbone ran for, call by call."""
    counts = []

    def count(network, variables, images, numbers):
        counts.append(len(images))
        return fresh(network, variables, images, numbers)

    fresh = prediction.features
    monkeypatch.setattr(frozen_backbone.prediction, "features", count)
    return counts


def backbone(variables, folder, *, views=1, moved=STILL, seed=0, **how):
    return FrozenBackbone(
        NETWORK, variables, folder, views=moved, view_count=views, seed=seed, **how
    )


def test_a_head_is_the_last_layer_of_the_network(variables):
    probabilities, features = prediction.predict_with_features(NETWORK, variables, IMAGES)
    head = head_of(NETWORK)
    own = variables_of_head(NETWORK, variables)
    np.testing.assert_array_equal(
        prediction.predict_with_features(head, own, features)[0], probabilities
    )
    assert head.feature_count(own) == NETWORK.feature_count(variables) == features.shape[1]
    other = prediction.init(head, features.shape[1:], jax.random.key(2))
    whole = with_head(NETWORK, variables, other)
    assert jax.tree.structure(whole) == jax.tree.structure(variables)
    np.testing.assert_array_equal(
        prediction.predict(NETWORK, whole, IMAGES),
        prediction.predict_with_features(head, other, features)[0],
    )


@pytest.mark.parametrize("name", sorted(models.MODELS))
def test_a_head_has_only_the_last_layer(name):
    """Not the class token of a ViT, which belongs to the backbone."""
    entry = models.MODELS[name]
    side = -(-max(entry.smallest, 24) // entry.multiple) * entry.multiple
    network = models.build(name, 3, (side, side, 3 if entry.timm else 1))
    head = jax.eval_shape(lambda: inference.init(head_of(network), (7,), jax.random.key(0)))
    assert [*head["params"]["whole"]] == [network.last]


class Loose(models.Network):
    """Makes a parameter in its setup."""

    last = "fc"

    def setup(self):
        self.fc = nn.Dense(self.classes)
        self.scale = self.param("scale", nn.initializers.ones, ())

    def stem(self, images, train=False):
        return images.astype("float32") * self.scale

    def features(self, h, train=False, keys=None):
        return h.reshape(len(h), -1)

    def head(self, features):
        return self.fc(features)


def test_networks_with_cached_features_are_checked():
    vit = models.build("vit_small_patch16_224", 3, (32, 32, 3))
    frozen = Recipe(freeze="backbone", views=2)
    checks._check_parts("train", frozen, vit, (32, 32, 3), "student 'vit'")
    with pytest.raises(UserError, match=r"views=2: .* student 'own' makes the parameters scale in"):
        checks._check_parts("train", frozen, Loose(3), SHAPE, "student 'own'")


def test_a_head_computes_in_the_data_type_of_the_training(variables):
    head, own = head_of(NETWORK), variables_of_head(NETWORK, variables)
    for name, short in (("float32", "f32"), ("bfloat16", "bf16")):
        trained = layers.for_training(head, name)
        program = str(jax.make_jaxpr(trained.apply)(own, np.zeros((2, 84), np.float16)))
        assert re.findall(r"(\w+)\[2,3\] = dot_general", program) == [short]


def test_cached_features_are_fresh_ones_in_16_bits(variables, tmp_path):
    features = prediction.predict_with_features(NETWORK, variables, IMAGES)[1]
    found = backbone(variables, tmp_path).features([IMAGES[:2], IMAGES[2:]])
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, features.astype(np.float16))
    again = backbone(variables, tmp_path).features([IMAGES])
    np.testing.assert_array_equal(again, found)
    probabilities, _ = backbone(variables, tmp_path).predict_with_features(variables, [IMAGES])
    fresh = prediction.predict(NETWORK, variables, IMAGES)
    np.testing.assert_allclose(probabilities, fresh, atol=1e-3)


def test_it_runs_once_for_each_image_whatever_its_place(variables, tmp_path, computed):
    first = backbone(variables, tmp_path)
    found = first.features([IMAGES[[0, 1, 0]]])  # a copy is the same image
    np.testing.assert_array_equal(found[0], found[2])
    assert computed == [2]
    backbone(variables, tmp_path).features([IMAGES[[1, 2, 0]]])
    assert computed == [2, 1]


def in_orders(network, variables, images, folder):
    """Views of images in one go, in two rounds, and where another run had cached them before."""
    whole = [*range(len(images))]
    orders = {"whole": [whole], "rounds": [whole[:15], whole], "turned": [whole[::-1], whole]}
    found = {}
    for name, parts in orders.items():
        own = FrozenBackbone(
            network, variables, folder / name, views=Views(flip=True), view_count=2, seed=0
        )
        for part in parts:
            found[name] = own.views([images[part]])
    return found.values()


def test_the_cache_changes_no_bit(variables, tmp_path, monkeypatch):
    """Rows of this backbone tell their place in a batch; so would last bits."""

    def placed(network, variables, images, batch=256):
        fresh, features = predict(network, variables, images, batch=batch)
        return fresh, features + (np.arange(len(images)) % batch)[:, None].astype(np.float32)

    predict = prediction.predict_with_features
    monkeypatch.setattr(prediction, "predict_with_features", placed)
    images = np.random.default_rng(0).integers(0, 256, (40, *SHAPE), np.uint8)
    whole, rounds, turned = in_orders(NETWORK, variables, images, tmp_path)
    np.testing.assert_array_equal(rounds, whole)
    np.testing.assert_array_equal(turned, whole)


@pytest.mark.heavy
def test_the_cache_changes_no_bit_of_a_large_network(tmp_path):
    shape = (32, 32, 3)
    network = models.build("efficientnet_lite0", 3, shape)
    variables = jax.device_get(prediction.init(network, shape, jax.random.key(0)))
    images = np.random.default_rng(0).integers(0, 256, (40, *shape), np.uint8)
    whole, rounds, turned = in_orders(network, variables, images, tmp_path)
    np.testing.assert_array_equal(rounds, whole)
    np.testing.assert_array_equal(turned, whole)
    # On most processors it is not by chance: in batches as they come, rows of two orders differ.
    one, other = (
        prediction.predict_with_features(network, variables, some, batch=8)[1]
        for some in (images, images[::-1])
    )
    if np.array_equal(one, other[::-1]):
        pytest.skip("on this processor the last bits of a row do not depend on its place")


def test_places_by_hand():
    """Images 0 and 2 both stand at place 1, so they are in two batches."""
    table = prediction._places(np.array([1, 7, 1]))
    none = [-1] * 8
    assert table.tolist() == [[-1, 0, *none[2:7], 1], [-1, 2, *none[2:]]]


def test_a_head_does_not_matter_and_a_backbone_does(variables, tmp_path, computed):
    fields = dict(variables["params"])
    fields["fc3"] = jax.tree.map(np.zeros_like, fields["fc3"])
    backbone(variables, tmp_path).features([IMAGES])
    backbone({"params": fields}, tmp_path).features([IMAGES])
    assert computed == [5]
    other = jax.tree.map(lambda value: 2 * value, variables)
    found = backbone(other, tmp_path).features([IMAGES])
    assert computed == [5, 5]
    assert not np.array_equal(found, backbone(variables, tmp_path).features([IMAGES]))


def test_views_follow_from_seed_view_and_bytes(variables, tmp_path, computed):
    moved = Views(crop=2)
    found = backbone(variables, tmp_path, views=3, moved=moved).views([IMAGES])
    assert found.shape == (5, 3, NETWORK.feature_count(variables))
    plain = backbone(variables, tmp_path).features([IMAGES])
    np.testing.assert_array_equal(found[:, 0], plain)
    assert not np.array_equal(found[:, 1], found[:, 2])
    order = [3, 1, 4]
    other = backbone(variables, tmp_path / "other", views=3, moved=moved)
    parts = other.views([IMAGES[order[:1]], IMAGES[order[1:]]])
    np.testing.assert_array_equal(parts, found[order])
    # More views keep the first ones, and another seed or another range shares only view 0.
    del computed[:]
    more = backbone(variables, tmp_path, views=4, moved=moved).views([IMAGES])
    np.testing.assert_array_equal(more[:, :3], found)
    assert computed == [5]
    backbone(variables, tmp_path, views=2, moved=moved, seed=1).views([IMAGES])
    backbone(variables, tmp_path, views=2, moved=Views(crop=1)).views([IMAGES])
    assert computed == [5, 5, 5]


def test_a_view_is_the_network_on_a_moved_image(variables, tmp_path):
    """With mirrored images alone, a view's features are those of the image or of its mirror."""
    found = backbone(variables, tmp_path, views=4, moved=Views(flip=True)).views([IMAGES])
    both = [
        prediction.predict_with_features(NETWORK, variables, images)[1].astype(np.float16)
        for images in (IMAGES, IMAGES[:, :, ::-1])
    ]
    mirrored = [
        [np.array_equal(found[image, view], both[1][image]) for view in range(4)]
        for image in range(5)
    ]
    for image in range(5):
        for view in range(4):
            expected = both[int(mirrored[image][view])][image]
            np.testing.assert_array_equal(found[image, view], expected)
    assert 0 < np.sum(mirrored) < 15


def test_what_was_computed_before_a_stop_is_kept(variables, tmp_path, monkeypatch, computed):
    monkeypatch.setattr(frozen_backbone, "_SAVED_AT_ONCE", 2)

    def stop():
        raise Stopped

    with pytest.raises(Stopped):
        backbone(variables, tmp_path, check_stop=stop).features([IMAGES])
    done = []
    backbone(variables, tmp_path).views([IMAGES], done.append)
    assert computed == [2, 2, 1]
    assert done == [5]


def test_no_images_have_no_features(variables, tmp_path):
    width = NETWORK.feature_count(variables)
    assert backbone(variables, tmp_path, views=2).views([]).shape == (0, 2, width)
    assert backbone(variables, tmp_path).features([IMAGES[:0]]).shape == (0, width)


def test_features_that_do_not_fit_are_refused(variables, tmp_path):
    huge = jax.tree.map(lambda value: 1e3 * np.abs(value), variables)
    with pytest.raises(UserError, match=r"config\.train\.views: .* 16-bit floats; set it to 0"):
        backbone(huge, tmp_path).features([IMAGES])


def test_a_store_keeps_rows_under_keys(tmp_path):
    store = FeatureStore(tmp_path / "new" / "file.sqlite", 2)
    assert store.read([b"a"]) == {}
    store.write([b"a", b"b"], np.array([[1, 2], [3, 4]], np.float16))
    store.write([b"a"], np.array([[5, 6]], np.float16))  # what is there stays
    keys = [b"a", b"b", b"c", *(bytes([0, n]) for n in range(200)), *map(str.encode, "xyz" * 300)]
    found = store.read(keys)
    assert {key: row.tolist() for key, row in found.items()} == {b"a": [1, 2], b"b": [3, 4]}
    assert FeatureStore(tmp_path / "new" / "file.sqlite", 3).read([b"a"]) == {}


def test_a_damaged_store_begins_anew(tmp_path, capsys):
    path = tmp_path / "file.sqlite"
    store = FeatureStore(path, 2)
    for damage in (b"no database", None):
        store.write([b"a"], np.ones((1, 2), np.float16))
        content = damage or path.read_bytes()[:4096] + b"\xff" * 4096
        path.write_bytes(content)
        assert store.read([b"a"]) == {}
        assert "is damaged" in capsys.readouterr().out
    store.write([b"a"], np.ones((1, 2), np.float16))
    assert store.read([b"a"])[b"a"].tolist() == [1, 1]
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"cannot keep features .*--config\.cache_dir"):
        FeatureStore(tmp_path / "folder", 2).read([b"a"])
