"""The shipped configurations load, and say what there is."""

import dataclasses
import importlib

import pytest

from amkd.config import shipped
from amkd.config.fields import flatten
from amkd.config.names import field_names
from amkd.methods import find
from amkd.run import checks
from amkd.validation import from_config

# All but roads, whose images are lanes, and photos, whose real images use the whole budget.
CONFIGS = tuple(
    name.replace("/", ".")
    for name in shipped.names()
    if not name.startswith("tables/") and name not in ("roads", "photos")
)


@pytest.mark.parametrize("preset", ["", "service", "http"])
def test_photographs_are_valid(preset: str) -> None:
    config = importlib.import_module("configs.photos").get_config(preset).to_dict()
    loaded = from_config(config)
    assert loaded.dataset == "folder" and loaded.train.views == 2


@pytest.mark.parametrize("preset", ["", "smoke"], ids=["full", "smoke"])
@pytest.mark.parametrize("name", CONFIGS)
def test_shipped_configurations_are_valid(name: str, preset: str) -> None:
    module = importlib.import_module(f"configs.{name}")
    config = module.get_config(preset).to_dict()
    loaded = from_config(config)
    assert loaded.dataset == {"default": "digits", "http": "folder", "service": "folder"}.get(
        name, name.removeprefix("best.")
    )
    ks = find(loaded.method).selector.ks(loaded)
    assert sum(ks) == loaded.budget - loaded.n_real and len(ks) == loaded.rounds
    checks.check_devices(loaded, 8)
    # Nothing is lost or altered on the way.
    flat = flatten(loaded)
    assert flat["train.epochs"] == config["train"]["epochs"]
    assert flat["teacher.train.learning_rate"] == config["teacher"]["train"]["learning_rate"]
    assert flat["train.drops"] == (0.4, 0.7, 0.9)
    assert list(flat) == list(field_names())
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", CONFIGS)
def test_smoke_presets_are_smaller(name: str) -> None:
    module = importlib.import_module(f"configs.{name}")
    full, smoke = (from_config(module.get_config(preset).to_dict()) for preset in ("", "smoke"))
    assert smoke.budget < full.budget
    assert smoke.dataset == full.dataset
    assert smoke.student == full.student


@pytest.mark.parametrize("name", CONFIGS)
def test_an_unknown_preset_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="'smok' does not exist; there is: smoke"):
        importlib.import_module(f"configs.{name}").get_config("smok")
