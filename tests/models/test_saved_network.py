"""Saved networks: the same bits come back, or a message."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from amkd import models
from amkd.core import checkpoint
from amkd.core.errors import UserError
from amkd.models import prediction
from amkd.models.saved_network import load_network, save_network
from tests.support import round_states
from tests.support.round_states import CARD, SHAPE


@pytest.fixture(scope="module")
def variables() -> Any:
    return round_states.student()


@pytest.fixture(scope="module")
def network() -> models.Network:
    return round_states.network()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, variables: Any) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "student"
    save_network(folder, variables, CARD)
    return folder


def test_a_network_comes_back_bit_for_bit(
    sound: Path, network: models.Network, variables: Any
) -> None:
    found = load_network(sound)
    assert found.card == {**CARD, "sha256": checkpoint.sha256(variables)}
    assert jax.tree.structure(found.variables) == jax.tree.structure(variables)
    pairs = zip(jax.tree.leaves(found.variables), jax.tree.leaves(variables), strict=True)
    assert all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs
    )
    images = np.random.default_rng(0).integers(0, 256, (7, *SHAPE), np.uint8)
    expected = prediction.predict(network, variables, images)
    assert found.predict(images, batch=prediction.BATCH).tobytes() == expected.tobytes()
    np.testing.assert_allclose(found.predict(images), expected, atol=1e-6)


def test_a_few_images_are_not_computed_as_many() -> None:
    sizes = [prediction.batch_of(images) for images in (0, 1, 2, 4, 5, 64, 65, 1000)]
    assert sizes == [1, 1, 4, 4, 16, 64, 256, 256]


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (np.zeros((5, *SHAPE)), f"float64[5, {', '.join(map(str, SHAPE))}]"),
        (np.zeros(SHAPE, np.uint8), f"uint8[{', '.join(map(str, SHAPE))}]"),
        (np.zeros((5, 2, 3, 1), np.uint8), "uint8[5, 2, 3, 1]"),
        ([[0]], "list"),
    ],
    ids=["shares of white", "one image", "another size", "a list"],
)
def test_images_that_the_network_was_not_made_for_are_refused(
    sound: Path, images: Any, found: str
) -> None:
    with pytest.raises(UserError) as caught:
        load_network(sound).predict(images)
    wanted = f"uint8[M, {', '.join(map(str, SHAPE))}]"
    assert str(caught.value) == f"images must be {wanted} with values from 0 to 255, not {found}"


def test_batch_norm_statistics_are_kept(tmp_path: Path) -> None:
    net = models.build("resnet18", 4, (8, 8, 3))
    shapes = jax.eval_shape(
        lambda key: net.init(key, np.zeros((1, 8, 8, 3), np.uint8)), jax.random.key(0)
    )
    rng = np.random.default_rng(0)
    tree = jax.tree.map(lambda leaf: rng.random(leaf.shape).astype(np.float32), shapes)
    assert "batch_stats" in tree
    save_network(tmp_path / "net", tree, {"model": "resnet18", "classes": 4, "shape": [8, 8, 3]})
    found = load_network(tmp_path / "net")
    assert checkpoint.sha256(found.variables) == checkpoint.sha256(tree)


def test_saving_again_replaces(tmp_path: Path, variables: Any) -> None:
    folder = tmp_path / "student"
    save_network(folder, variables, CARD)
    other = jax.tree.map(lambda leaf: leaf + 1, variables)
    save_network(folder, other, {**CARD, "queries": 456})
    found = load_network(folder)
    assert found.card["queries"] == 456
    assert (
        checkpoint.sha256(found.variables)
        == checkpoint.sha256(other)
        != checkpoint.sha256(variables)
    )
    assert [path.name for path in tmp_path.iterdir()] == ["student"]


def test_an_interrupted_save_leaves_what_was_there(
    tmp_path: Path, variables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "student"
    save_network(folder, variables, CARD)

    def interrupt(*args: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "_files", interrupt)  # after the arrays, before the card
        with pytest.raises(KeyboardInterrupt):
            save_network(folder, jax.tree.map(lambda leaf: leaf + 1, variables), CARD)
    assert checkpoint.sha256(load_network(folder).variables) == checkpoint.sha256(variables)
    save_network(folder, variables, CARD)  # and what it left over is cleared away
    assert [path.name for path in tmp_path.iterdir()] == ["student"]


@pytest.mark.parametrize("name", ["nothing", "student/arrays"])
def test_a_folder_without_a_network_is_told_of(sound: Path, name: str) -> None:
    with pytest.raises(UserError, match="does not contain a saved network") as caught:
        load_network(sound.parent / name)
    assert str(sound.parent / name) in str(caught.value)


def test_a_workdir_is_not_damaged_but_has_a_student(sound: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_network(sound.parent)
    told = f"{sound.parent} does not contain a saved network; did you mean {sound}?"
    assert str(caught.value) == told


def test_a_damaged_network_is_told_of(tmp_path: Path, variables: Any) -> None:
    save_network(tmp_path / "student", variables, CARD)
    (tmp_path / "student" / "meta.json").unlink()
    with pytest.raises(UserError, match=r"the saved network in .*student is damaged") as caught:
        load_network(tmp_path / "student")
    assert "delete summary.json in that workdir" in str(caught.value)
