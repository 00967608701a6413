"""Checkpoints and saved networks: the same bits come back, or a message; never others."""

import contextlib
import dataclasses
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from amkd import models
from amkd.core import checkpoint, devices
from amkd.core.errors import UserError
from amkd.data.records import Records
from amkd.models import prediction
from amkd.models.saved_network import load_network, save_network
from amkd.run import round_state
from amkd.run.round_state import RoundState

ROOT = Path(__file__).resolve().parents[2]
SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def network() -> models.Network:
    return models.build("lenet5_half", 10, SHAPE)


@pytest.fixture(scope="module")
def variables(network: models.Network) -> Any:
    return jax.device_get(prediction.init(network, SHAPE, jax.random.key(0)))


def row(round_: int) -> dict[str, Any]:
    return {
        "round": round_,
        "queries": 20,
        "loss": 0.1 + 0.2,
        "agreement": None,
        "seconds": {"train": 1.5},
    }


def state_of(
    round_: int, epoch: int, variables: Any, training: list[np.ndarray] | None
) -> RoundState:
    """A state with awkward values: NaN scores, subnormals, sums that JSON must keep."""
    rng = np.random.default_rng(round_)
    count = 20 + 10 * round_
    j = rng.integers(0, 20, count).astype(np.int32)
    records = Records(np.arange(count, dtype=np.int32), j, np.full(count, 65535, np.int32))
    score = rng.random(count).astype(np.float32)
    score[:20] = np.nan
    score[-1] = 1e-45
    seconds = {"search": 0.1 + 0.2, "query": 1 / 3, "train": 1e-9, "evaluate": 0.0}
    rows = tuple(row(number) for number in range(round_))
    return RoundState(round_, epoch, records, score, variables, training, seconds, rows)


def phases(variables: Any) -> dict[str, RoundState]:
    rng = np.random.default_rng(9)
    leaves: list[np.ndarray] = [
        np.array(77, np.int32),  # the step, which has no dimensions
        rng.normal(size=(5, 5, 1, 3)).astype(np.float32),
        np.array([np.nan, np.inf, -0.0, 1e-45], np.float32),
        *(np.full(2, place, np.float32) for place in range(20)),  # more than ten: order matters
    ]
    return {
        "no student yet": state_of(0, 0, None, None),
        "inside the first training": state_of(0, 3, None, leaves),
        "between rounds": state_of(1, -1, variables, None),
        "queried": state_of(2, 0, variables, None),
        "inside training": state_of(2, 41, variables, leaves),
    }


PHASES = list(phases(None))


def arrays(state: RoundState) -> dict[str, Any]:
    tree = (vars(state.records), state.score, state.variables, state.training)
    return {
        jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def same(a: RoundState, b: RoundState) -> bool:
    """Equal to the last bit, types included."""
    x, y = arrays(a), arrays(b)
    return (
        (a.round, a.epoch, a.seconds, a.reports) == (b.round, b.epoch, b.seconds, b.reports)
        and (a.variables is None, a.training is None) == (b.variables is None, b.training is None)
        and x.keys() == y.keys()
        and all(x[k].dtype == y[k].dtype and x[k].shape == y[k].shape for k in x)
        and all(np.asarray(x[k]).tobytes() == np.asarray(y[k]).tobytes() for k in x)
    )


def save_all(folder: Path, states: list[RoundState]) -> None:
    checkpoints = checkpoint.Checkpoints(folder)
    for state in states:
        round_state.save(checkpoints, state)


def load(folder: Path) -> RoundState:
    return round_state.restore(checkpoint.Checkpoints(folder))


# The state of a run.


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
    """The judge of the tests here: every change of a state is one."""
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
    assert sorted(int(path.name) for path in folder.iterdir()) == [4, 5]
    assert same(load(folder), states[-1])
    # A run that goes on numbers on.
    save_all(folder, [states[0]])
    assert sorted(int(path.name) for path in folder.iterdir()) == [5, 6]
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


# Finished networks.

CARD = {
    "role": "student",
    "model": "lenet5_half",
    "classes": 10,
    "shape": list(SHAPE),
    "queries": 123,
}


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
    assert (
        found.predict(images).tobytes() == prediction.predict(network, variables, images).tobytes()
    )


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
    with pytest.raises(UserError, match="holds no saved network") as caught:
        load_network(sound.parent / name)
    assert str(sound.parent / name) in str(caught.value)


# Damage. It is tried out in a process of its own: orbax's threads complain of it at their leisure.

HARMS = {
    "delete": None,
    "empty": None,
    "half": 0.5,
    "flip early": 0.1,
    "flip midway": 0.5,
    "flip late": 0.9,
}
CARD_HARMS = {
    "hash": ('"sha256": "', '"sha256": "0'),
    "hash's name": ('"sha256"', '"sha257"'),
    "classes": ('"classes": 10', '"classes": 11'),
    "model": ('"model": "lenet5_half"', '"model": "lenet4_half"'),
    "queries": ('"queries": 123', '"queries": 122'),
    "cut off": ("}", ""),
}
META_HARMS = {
    "epoch": ('"epoch": 41', '"epoch": 40'),
    "round": ('"round": 2,', '"round": 3,'),
    "key": ('"epoch": 41', '"epoci": 41'),
    "rows' key": ('"rows"', '"rowr"'),
    "finished row": ('"queries": 20', '"queries": 21'),
}
META = "meta.json"


def files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]


def harmed(content: bytes, harm: str) -> bytes | None:
    """A file's content after some harm; None if the file is no more."""
    if harm == "delete":
        return None
    part = HARMS[harm]
    place = int((part or 0) * len(content))
    if harm.startswith("flip"):
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    return content[:place]


def outcome(load: Callable[[], str], told: str) -> str:
    """How damage is met: ``same`` (it does not matter), ``noticed``, or what is wrong."""
    try:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            found = load()
    except UserError as error:
        return "noticed" if told in str(error) and "elete" in str(error) else f"unclear: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if found != "the one before":
        return found
    return "noticed" if f"{told} is damaged" in said.getvalue() else f"unclear: {said.getvalue()}"


def try_damage(saved: Path, sound: Path) -> dict[str, dict[str, str]]:
    """Every harm to every file, by what was harmed, how and where."""
    state, network = load(saved), load_network(sound)
    work = saved.parent / "work"
    shutil.copytree(saved, work)
    shutil.rmtree(work / "2")
    before = load(work)

    def load_state() -> str:
        found = load(work)
        if same(found, before):
            return "the one before"
        return "same" if same(found, state) else "WRONG"

    def load_student() -> str:
        found = load_network(work)
        card, digest = found.card, checkpoint.sha256(found.variables)
        same_network = card == network.card and digest == network.card["sha256"]
        return "same" if same_network else "WRONG"

    def attempt(source: Path, folder: Path, name: str, content: bytes | None) -> str:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, work)
        target = work / folder / name
        target.unlink() if content is None else target.write_bytes(content)
        return outcome(load_state if source == saved else load_student, str(work / folder))

    found: dict[str, dict[str, str]] = {}
    for kind, source, folder in (("checkpoint", saved, Path("2")), ("network", sound, Path())):
        for harm in HARMS:
            found[f"{kind} {harm}"] = {
                name: attempt(
                    source, folder, name, harmed((source / folder / name).read_bytes(), harm)
                )
                for name in files(source / folder)
                if name != META
            }
        name, table = (META, META_HARMS if kind == "checkpoint" else CARD_HARMS)
        text = (source / folder / name).read_text()
        for harm, (old, new) in table.items():
            assert old in text
            content = text.replace(old, new, 1).encode()
            found[f"{kind} {harm}"] = {name: attempt(source, folder, name, content)}
    return found


@pytest.fixture(scope="module")
def damage(
    tmp_path_factory: pytest.TempPathFactory, variables: Any, sound: Path
) -> dict[str, dict[str, str]]:
    """What :func:`try_damage` finds for the newer of two checkpoints and for a network."""
    saved = tmp_path_factory.mktemp("saved") / "checkpoints"
    save_all(saved, [phases(variables)["between rounds"], phases(variables)["inside training"]])
    code = (
        "import json, pathlib, sys; from tests.core import test_checkpoint as t;"
        " print(json.dumps(t.try_damage(*map(pathlib.Path, sys.argv[1:]))))"
    )
    command = [sys.executable, "-c", code, str(saved), str(sound)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-3000:]
    result: dict[str, dict[str, str]] = json.loads(ran.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("kind", ["checkpoint", "network"])
def test_damage_is_noticed_or_does_not_matter(
    damage: dict[str, dict[str, str]], kind: str, harm: str
) -> None:
    """Never a wrong state or network, and a message that names the folder."""
    found = damage[f"{kind} {harm}"]
    wrong = {name: what for name, what in found.items() if what not in ("same", "noticed")}
    assert not wrong, json.dumps(wrong, indent=2)
    assert "noticed" in found.values()


@pytest.mark.parametrize("harm", META_HARMS)
def test_what_json_holds_of_a_checkpoint_is_guarded_too(
    damage: dict[str, dict[str, str]], harm: str
) -> None:
    """A flipped bit can turn round 2 into round 3, or a key into another."""
    assert damage[f"checkpoint {harm}"] == {META: "noticed"}


@pytest.mark.parametrize("harm", CARD_HARMS)
def test_a_networks_card_is_guarded_too(damage: dict[str, dict[str, str]], harm: str) -> None:
    assert damage[f"network {harm}"] == {META: "noticed"}


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
    with pytest.raises(OSError, match="could not be written whole"):
        checkpoint.write(tmp_path / "1", {**tree, "a": np.arange(3, 6, dtype=np.int32)}, {})
    with pytest.raises(OSError, match="could not be written whole"):
        checkpoint.write(tmp_path / "2", tree, {})
    found, meta = checkpoint.read(tmp_path / "1")
    assert found["a"].tolist() == [0, 1, 2] and meta == {"number": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
