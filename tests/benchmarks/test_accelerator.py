"""The check of an accelerator, as it runs on a CPU, and the hours that follow from it."""

import dataclasses
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from amkd import models
from amkd.configs import cifar10, mnist
from amkd.validation import from_config
from benchmarks import accelerator, device_checks, hours, operations, our_side, results
from tests.docs.pages import ROOT
from tests.support.compiling import xla_flags


def test_the_recipes_are_those_of_the_shipped_configurations():
    """Written down again there, as ml-collections may be missing."""
    for model, shipped in (("lenet5_half", mnist), ("alexnet_half", cifar10)):
        plan = from_config(shipped.get_config().to_dict()).train
        plan = dataclasses.replace(plan, batch_size=16, epochs=10_000, min_steps=0)
        assert our_side.lesson(model, 4, 4, batch=16, augmented=True).plan == plan


def test_a_check_that_fails_says_so():
    assert device_checks._same("same bits", "a", "b") == device_checks.Check(
        "same bits", 0.0, False, "1 for yes"
    )
    row = accelerator.row_of(device_checks.Check("same bits", 0.0, False, "1 for yes"))
    assert row.details == {"what": "same bits", "allowed": "1 for yes", "holds": "no"}


@pytest.mark.heavy  # the check as a whole, below, has it as a row
def test_a_cpu_of_its_own_chooses_the_same_pairs():
    here = device_checks._ranks(6, 3)
    with device_checks.on_cpu() as cpu:
        np.testing.assert_array_equal(here, cpu.call("ranks", 6, 3))


def test_the_accelerator_check_runs_with_few_packages(tmp_path):
    """Where TFDS, ml-collections and all that only a run needs are missing."""
    code = """
import runpy, sys
for name in ("ml_collections", "tensorflow_datasets", "torch", "matplotlib", "tensorboardX",
             "PIL", "sklearn", "httpx", "jmespath", "tenacity", "array_record"):
    sys.modules[name] = None
sys.path.insert(0, ".")
runpy.run_module("benchmarks.accelerator", run_name="__main__", alter_sys=True)
"""
    rows = tmp_path / "rows.json"
    command = [sys.executable, "-c", code, "--quick", f"--json={rows}"]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": xla_flags(1, quick=True)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(rows.read_text())
    assert [row["name"] for row in found] == [*["check"] * 7, "search", "train"]
    assert all(row["details"]["holds"] == "yes" for row in found[:7])
    assert max(row["ours"] for row in found[1:3]) < 1e-3  # slopes in float32
    assert "## Checks of what a device computes" in results.render(found)


def test_hours_follow_from_measured_speeds_or_from_operations():
    row = {"machine": {"devices": 2}, "model": "vgg16"}
    speed = hours.read(
        [
            {**row, "name": "search", "ours": 100.0, "details": {"mflop_after_stem": 5.0}},
            {
                **row,
                "name": "search",
                "ours": 8.0,
                "model": "big",
                "details": {"mflop_after_stem": 9.0},
            },
            {**row, "name": "train", "ours": 10.0, "details": {"mflop_an_image": 20.0}},
            {**row, "name": "check", "ours": 1.0, "details": {}},
        ]
    )
    assert speed.seconds("search", "vgg16", 123) == 1 / 50  # of one of two devices
    assert speed.seconds("search", "other", 72e6) == 2  # the largest does 4 x 9 MFLOP/s
    assert speed.seconds("train", "other", 2e8) == 2


def test_the_work_of_a_run_is_what_its_plan_counts():
    """20 real images and 30 mixes of 190 pairs on a grid of 11; two epochs on 20, then on 50."""
    fields = {"dataset": "mnist", "n_real": 20, "budget": 50, "rounds": 1}
    train = {"epochs": 2, "min_steps": 0}
    settings = from_config({**fields, "student": "lenet5_half", "train": train})
    work = hours.Work()
    hours.add(work, settings, hours.Speed({}, {"search": 189_840.0, "train": 922_320.0}))
    assert (work.runs, work.evaluations, work.trained) == (1, 190 * 11, 2 * 20 + 2 * 50)
    assert (work.searching, work.training) == (190 * 11, 140)
    line = hours._line("t", "r", work, devices=2)
    assert line == ("t", "r", "1", "0 M", "0 M", "0", "0", "0.3", "0.0")


def test_hours_on_the_page_are_those_of_the_measured_speeds():
    """Of Tables 4 and 5: AlexNet was not measured, so they follow from the largest model."""
    rows = []
    for line in (ROOT / "benchmarks/ACCELERATOR.md").read_text().splitlines():
        found = re.match(r"\| (search|train), \S+ \| (\w+) \| ([\d,]+) \|", line)
        if found:
            name, model, rate = found.groups()
            shape = (28, 28, 1) if model.startswith("lenet5") else (32, 32, 3)
            whole, stem = operations.of_network(models.build(model, 10, shape), shape)
            row = {"name": name, "model": model, "ours": float(rate.replace(",", ""))}
            row["details"] = {"mflop_after_stem": (whole - stem) / 1e6}
            row["details"]["mflop_an_image"] = 3 * whole / 1e6
            rows.append({**row, "machine": {}})
    assert len(rows) == 6
    text = hours.render(("table4",), hours.read(rows), 1)
    (whole,) = (line for line in text.splitlines() if "**table4**" in line)
    search, train = (round(float(cell.replace(",", ""))) for cell in whole.split("|")[-3:-1])
    page = (ROOT / "docs/accelerators.md").read_text()
    assert re.search(rf"\| Tables 4 and 5 \|.*\| {search:,} \| {train:,} \|\n", page)
