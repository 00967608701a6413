"""What setup.cfg, requirements.txt and their companions say agrees with the folders."""

import configparser
import re
import tomllib
from pathlib import Path

import amkd

ROOT = Path(__file__).resolve().parents[2]


def setup() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg")
    return found


def packages_below(folder: Path, name: str) -> set[str]:
    inner = [file.parent.relative_to(folder) for file in folder.rglob("__init__.py")]
    return {".".join((name, *path.parts)) for path in inner}


def test_the_packages_are_the_folders():
    shipped = packages_below(ROOT / "configs", "amkd.configs")
    folders = packages_below(ROOT / "amkd", "amkd") | shipped
    assert set(setup()["options"]["packages"].split()) == folders
    without = [
        file
        for top in ("amkd", "configs")
        for file in (ROOT / top).rglob("*.py")
        if not (file.parent / "__init__.py").exists()
    ]
    assert without == []  # a folder without __init__.py is not shipped


def test_every_package_has_its_place_in_the_import_contract():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    layers = tool["importlinter"]["contracts"][0]["layers"]
    placed = set(re.findall(r"amkd\.\w+", " ".join(layers)))
    packages = {f"amkd.{file.parent.name}" for file in (ROOT / "amkd").glob("*/__init__.py")}
    assert packages - {"amkd.configs"} <= placed


def ranges() -> dict[str, str]:
    """The oldest version of each package in requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    found = [re.match(r"([\w-]+)>=([\w.]+)", line) for line in lines if not line.startswith("#")]
    assert all(found), lines
    return {plain(one[1]): one[2] for one in found if one}


def plain(name: str) -> str:
    return name.lower().replace("_", "-")


def pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {plain(name): version for name, version in pairs}


def numbers(version: str) -> list[int]:
    """Without trailing zeros: 1.0 and 1.0.0 are one version."""
    found = [int(part) for part in re.findall(r"\d+", version)]
    while found and found[-1] == 0:
        found.pop()
    return found


def test_the_user_s_libraries_are_named():
    asked = "jax flax optax orbax-checkpoint tensorflow-datasets ml-collections chex"
    assert set(asked.split()) <= ranges().keys()


def test_the_oldest_constraints_are_the_lower_bounds():
    oldest = pins("constraints-oldest.txt")
    assert {name: numbers(oldest[name]) for name in ranges()} == {
        name: numbers(version) for name, version in ranges().items()
    }


def test_the_tested_constraints_name_every_requirement():
    assert ranges().keys() <= pins("constraints.txt").keys()


def test_one_version_everywhere():
    number = re.match(r"\d+\.\d+\.\d+", amkd.__version__)[0]
    assert f"\nversion: {number}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {number}" in (ROOT / "CHANGELOG.md").read_text()
