"""Damaged checkpoints and networks: every harm to every file is noticed, or does not matter.

It is tried out in a process of its own: orbax's threads complain of it at their leisure.
"""

import contextlib
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from amkd.core import checkpoint
from amkd.core.errors import UserError
from amkd.models.saved_network import load_network, save_network
from tests.support import round_states
from tests.support.round_states import CARD, load, phases, same, save_all

ROOT = Path(__file__).resolve().parents[2]

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
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, dict[str, str]]:
    """What :func:`try_damage` finds for the newer of two checkpoints and for a network."""
    variables, sound = round_states.student(), tmp_path_factory.mktemp("sound") / "student"
    save_network(sound, variables, CARD)
    saved = tmp_path_factory.mktemp("saved") / "checkpoints"
    save_all(saved, [phases(variables)["between rounds"], phases(variables)["inside training"]])
    code = (
        "import json, pathlib, sys; from tests.core import test_checkpoint_damage as t;"
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
