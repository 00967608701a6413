"""Checkpoints of a run: the same bits come back, or a message; never others."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from amkd.core import checkpoint, devices
from amkd.data.records import Records
from amkd.run import round_state
from tests.support import round_states
from tests.support.round_states import arrays, load, phases, same, save_all

PHASES = list(phases(None))


@pytest.fixture(scope="module")
def variables() -> Any:
    return round_states.student()


def test_there_is_an_initial_state(tmp_path: Path) -> None:
    found = load(tmp_path / "checkpoints")
    assert same(found, round_state.initial())
    assert (found.round, found.epoch, len(found.records), found.variables) == (0, -1, 0, None)


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_comes_back_bit_for_bit(tmp_path: Path, variables: Any, phase: str) -> None:
    state = phases(variables)[phase]
    save_all(tmp_path / "checkpoints", [state])
    found = load(tmp_path / "checkpoints")
    assert same(found, state)
    assert isinstance(found.records, Records)
    assert all(isinstance(leaf, np.ndarray) for leaf in arrays(found).values())
    assert jax.tree.structure(found.variables) == jax.tree.structure(state.variables)


def test_same_notices_differences(variables: Any) -> None:
    """Notices every change of a state, for the comparisons in these tests."""
    state = phases(variables)["inside training"]
    assert same(state, state)

    def nudged(tree: Any) -> Any:
        """The last leaf's last byte is another."""
        leaves, structure = jax.tree.flatten(tree)
        content = bytearray(np.asarray(leaves[-1]).tobytes())
        content[-1] ^= 1
        last = np.frombuffer(bytes(content), leaves[-1].dtype).reshape(leaves[-1].shape)
        return jax.tree.unflatten(structure, [*leaves[:-1], last])

    assert state.training is not None
    for more in (
        {"round": 1},
        {"epoch": 40},
        {"reports": state.reports[:1]},
        {"seconds": {**state.seconds, "train": 0.0}},
        {"records": nudged(state.records)},
        {"score": nudged(state.score)},
        {"score": state.score[:-1]},
        {"variables": nudged(state.variables)},
        {"training": nudged(state.training)},
        {"variables": None},
        {"training": None},
        {"training": state.training[::-1]},
    ):
        assert not same(dataclasses.replace(state, **more), state)


def test_the_newest_state_is_restored_and_two_are_kept(tmp_path: Path, variables: Any) -> None:
    folder = tmp_path / "checkpoints"
    states = list(phases(variables).values())
    checkpoints = checkpoint.Checkpoints(folder)
    for place, state in enumerate(states):
        round_state.save(checkpoints, state)
        assert same(round_state.restore(checkpoints), state)
        assert len([path for path in folder.iterdir() if path.name.isdigit()]) == min(place + 1, 2)
    assert sorted(int(path.name) for path in folder.iterdir()) == [6, 7]
    assert same(load(folder), states[-1])
    # A run that goes on numbers on.
    save_all(folder, [states[0]])
    assert sorted(int(path.name) for path in folder.iterdir()) == [7, 8]
    assert same(load(folder), states[0])


def _cut(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _drop_meta(folder: Path) -> None:
    (folder / "meta.json").unlink()


def _null(folder: Path) -> None:
    (folder / "meta.json").write_text("null")


def _flip(folder: Path) -> None:
    largest = max((folder / "arrays").rglob("*"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("damage", [_cut, _drop_meta, _null, _flip, _empty])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path,
    variables: Any,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
) -> None:
    folder = tmp_path / "checkpoints"
    states = list(phases(variables).values())[-3:]
    save_all(folder, states)
    damage(folder / "3")
    checkpoints = checkpoint.Checkpoints(folder)
    assert same(round_state.restore(checkpoints), states[1])
    assert f"{folder / '3'} is damaged" in capsys.readouterr().out
    round_state.save(checkpoints, states[2])  # the damaged one is no longer among the two
    assert sorted(path.name for path in folder.iterdir()) == ["2", "4"]
    for one in ("2", "4"):
        damage(folder / one)
    assert same(load(folder), round_state.initial())


def test_a_deleted_checkpoint_leaves_the_one_before(tmp_path: Path, variables: Any) -> None:
    folder = tmp_path / "checkpoints"
    states = list(phases(variables).values())[-3:]
    save_all(folder, states)
    shutil.rmtree(folder / "3")
    assert same(load(folder), states[1])
    shutil.rmtree(folder / "2")
    assert same(load(folder), round_state.initial())


def test_an_unfinished_save_is_passed_over(tmp_path: Path, variables: Any) -> None:
    """What a kill leaves in the middle of a save: a folder by a temporary name."""
    folder = tmp_path / "checkpoints"
    state = phases(variables)["between rounds"]
    save_all(folder, [state])
    shutil.copytree(folder / "1", folder / ".tmp_half")
    (folder / ".tmp_half" / "meta.json").unlink()
    assert same(load(folder), state)
    save_all(folder, [state])  # and the next save clears it away
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]


# Hashes.


def test_the_hash_depends_on_values_names_types_and_shapes() -> None:
    def tree(
        name: str = "kernel",
        kind: Any = np.float32,
        shape: tuple[int, ...] = (2, 3),
        first: float = 0,
    ) -> Any:
        values = np.arange(6, dtype=kind).reshape(shape)
        values.flat[0] = first
        return {"params": {"conv": {name: values, "bias": np.zeros(3, np.float32)}}}

    trees = [
        tree(),
        tree(first=-0.0),
        tree(first=1e-45),
        tree(name="scale"),
        tree(shape=(3, 2)),
        tree(shape=(6,)),
        tree(kind=np.int32),
        {"params": tree()},
        {"params": {"conv": tree()["params"]["conv"], "more": np.zeros(0, np.float32)}},
        {
            "params": {
                "conv": {
                    "kernel": np.zeros(3, np.float32),
                    "bias": tree()["params"]["conv"]["kernel"],
                }
            }
        },
    ]
    assert len({checkpoint.sha256(one) for one in trees}) == len(trees)


def test_the_hash_depends_on_nothing_else(variables: Any) -> None:
    def turned(tree: Any) -> Any:
        return (
            {key: turned(tree[key]) for key in reversed(list(tree))}
            if isinstance(tree, dict)
            else tree
        )

    found = checkpoint.sha256(variables)
    assert (
        checkpoint.sha256(turned(variables)) == found
    )  # the order in which a dictionary was filled
    assert checkpoint.sha256(devices.replicate(variables)) == found  # where the arrays are
    assert (
        checkpoint.sha256(jax.tree.map(np.asfortranarray, variables)) == found
    )  # how they lie in memory
    assert len(found) == 64


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def fails(self, path, given):
        raise ValueError(f'RESOURCE_EXHAUSTED: "{path}": No space left on device [28]')

    monkeypatch.setattr(ocp.StandardCheckpointer, "save", fails)
    with pytest.raises(OSError, match=r"No space left on device: '.*/1'$"):
        checkpoint.write(tmp_path / "1", {"a": np.ones(2, np.float32)}, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("written", ["nothing", "other values", "fewer arrays"])
def test_what_is_not_read_again_as_it_was_written_is_not_sealed(written, tmp_path, monkeypatch):
    """The checkpoint before it stays."""
    tree = {"a": np.arange(3, dtype=np.int32), "b": {"c": np.ones((2, 2), np.float32)}}
    checkpoint.write(tmp_path / "1", tree, {"number": 1})
    save = ocp.StandardCheckpointer.save

    def bad(self, path, given):
        if written == "nothing":
            path.mkdir()
        elif written == "other values":
            save(self, path, {**given, "a": np.zeros(3, np.int32)})
        else:
            save(self, path, {"a": given["a"]})

    monkeypatch.setattr(ocp.StandardCheckpointer, "save", bad)
    with pytest.raises(OSError, match="could not be written completely"):
        checkpoint.write(tmp_path / "1", {**tree, "a": np.arange(3, 6, dtype=np.int32)}, {})
    with pytest.raises(OSError, match="could not be written completely"):
        checkpoint.write(tmp_path / "2", tree, {})
    found, meta = checkpoint.read(tmp_path / "1")
    assert found["a"].tolist() == [0, 1, 2] and meta == {"number": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
