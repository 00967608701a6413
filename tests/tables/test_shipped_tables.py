"""The tables of this repository: they expand, they run, and they are what their runs say."""

import contextlib
import dataclasses
import importlib
import json
import pkgutil
from pathlib import Path

import pytest
from ml_collections import ConfigDict

import configs.tables
from amkd.config import shipped as shipped_names
from amkd.tables import rendering, sweep
from amkd.tables import table as tables
from configs.tables import (
    ablations,
    acquisitions,
    best,
    cifar10,
    demo,
    few_queries,
    figure4,
    labelling,
    lanes,
    losses,
    photos,
    regimes,
    table1,
    table2,
    table4,
)
from tests.support import command

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
KEPT = sorted(path.name for path in (RESULTS / "runs").glob("*")) if RESULTS.exists() else []
# Tables that stand in these pages; results/README.md has links to all others.
QUOTED = {
    "results/README.md": (
        "table1_cpu",
        "best_cpu",
        "acquisitions_cpu",
        "acquisitions_few",
        "losses_few",
        "labelling_cpu",
        "cifar10_cpu",
        "few_queries_cpu",
        "photos",
        "photos_trashnet",
    ),
}
WHOLE = (
    *(table1, table2, figure4, ablations, best, acquisitions, losses, labelling, cifar10, lanes),
    few_queries,
)
TABLES = [
    *((module, preset) for module in WHOLE for preset in ("", "cpu", "smoke")),
    *((table4, preset) for preset in ("", "cpu")),
    *((demo, preset) for preset in ("", "cpu", "smoke")),
    *((module, "few") for module in (acquisitions, losses)),
    *((regimes, preset) for preset in ("", "follow_up", "smoke")),
]


def shipped(name):
    """The shipped table of that name."""
    for module in pkgutil.iter_modules(configs.tables.__path__):
        get_config = importlib.import_module(f"configs.tables.{module.name}").get_config
        for preset in ("", "cpu", "few", "follow_up", "photos", "smoke", "trashnet"):
            with contextlib.suppress(ValueError):  # no such preset
                if (config := get_config(preset)).name == name:
                    return tables.from_config(config.to_dict())
    raise AssertionError(f"no configuration makes the table {name}")


@pytest.mark.parametrize(("module", "preset"), TABLES)
def test_shipped_tables_expand(module, preset):
    config = module.get_config(preset)
    assert isinstance(config, ConfigDict)
    found = tables.from_config(config.to_dict())
    assert len({*found.seeds}) == len(found.seeds)
    # Two seeds: the runs of the others differ in nothing else.
    runs = sweep.expand(dataclasses.replace(found, seeds=found.seeds[:2]))
    assert found.against or found.blocks
    assert set(found.against) <= set(found.ways) and len(runs) >= 2
    assert len({run.label for run in runs}) == len(runs)
    assert all(shipped_names.find(run.origin.config.partition(":")[0]) for run in runs)
    assert found.name.endswith(preset)
    with pytest.raises(ValueError, match="does not exist"):
        module.get_config("nothing")


def test_the_table_of_photographs_expands_beside_its_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "photos", tmp_path / "photos" / "trashnet"):
        for name in ("pictures", "test"):
            (folder / name).mkdir(parents=True)
        for name in ("classes.txt", "teacher.onnx", "student.safetensors"):
            (folder / name).touch()
    for preset in ("", "trashnet"):
        test_shipped_tables_expand(photos, preset)


def test_every_table_of_this_repository_has_its_runs():
    tables = {path.stem.removesuffix("-comparisons") for path in RESULTS.glob("*.json")}
    assert sorted(tables) == KEPT


@pytest.mark.parametrize("name", KEPT)
def test_tables_of_this_repository_are_what_their_runs_say(name, tmp_path):
    table = shipped(name)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / name).symlink_to(RESULTS / "runs" / name)
    text = rendering.render(table, tmp_path)
    planned = ("-comparisons.json",) if table.blocks else ()
    for kind in (".md", ".csv", ".json", "-curves.csv", ".svg", ".html", *planned):
        ours, rendered = (folder / f"{name}{kind}" for folder in (RESULTS, tmp_path))
        if kind == ".svg" and not rendered.exists():  # no figure is shown yet
            assert not ours.exists()
            continue
        assert ours.read_text() == rendered.read_text()
    pages = [page for page, names in QUOTED.items() if name in names]
    assert all(text.strip() in (ROOT / page).read_text() for page in pages)
    assert pages or f"({name}.md)" in (RESULTS / "README.md").read_text()


@pytest.mark.heavy
@pytest.mark.parametrize("module", [acquisitions, losses, best, few_queries, labelling])
def test_smokes_of_other_tables(module, tmp_path):
    """Every way to choose and every way to learn, to the end; evaluated on training images if
    the table is.
    """
    config = module.get_config("smoke")
    name = module.__name__.rpartition(".")[2]
    line = command.arguments(tmp_path / "runs", f"configs/tables/{name}.py:smoke")
    done = command.run(line, command.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / f"runs/results/{config.name}.json").read_text())
    assert {row["way"] for row in rows} == set(config.ways)
    # Only these tables have both a teacher and labels.
    assert (rows[0]["teacher_accuracy"] is not None) == (name in ("best", "few_queries"))


@pytest.mark.heavy
def test_the_smoke_of_table_1_runs_every_method(tmp_path):
    line = command.arguments(tmp_path / "runs", "configs/tables/table1.py:smoke")
    done = command.run(line, command.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "runs/results/table1_smoke.json").read_text())
    assert {row["way"] for row in rows} == table1.WAYS.keys()
    assert all(row["seeds"] == [0, 1] for row in rows)
    found = {row["way"]: row["accuracy_mean"] for row in rows}
    assert found["full_kd"] > found["real_only"]
