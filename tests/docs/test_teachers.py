"""The teachers in results/teachers are whole, and runs with their configuration find them."""

import pytest

from amkd.core import checkpoint
from amkd.models.saved_network import load_network
from amkd.run import inputs
from amkd.tables import short_records
from amkd.teachers import local
from tests.docs.kept_figures import RUNS
from tests.docs.pages import ROOT
from tests.support.small import configured

TEACHERS = sorted((ROOT / "results" / "teachers").iterdir())


@pytest.mark.parametrize("folder", TEACHERS, ids=lambda folder: folder.name)
def test_a_kept_teacher_is_whole_and_answered_kept_runs(folder):
    saved = load_network(folder)  # checks every byte
    assert saved.card["sha256"] == checkpoint.sha256(saved.variables)
    identity = f"flax:{saved.card['model']}:{saved.card['sha256'][:16]}"
    assert identity in {
        run["teacher"] for table in RUNS.iterdir() for run in short_records.read(table)
    }


SHORT = {"teacher.train.epochs": 20}  # of tables/cifar10.py:cpu


@pytest.mark.parametrize(
    ("name", "fields"), [("mnist", {}), ("fashion_mnist", {}), ("cifar10", SHORT)]
)
def test_a_run_finds_a_kept_teacher(name, fields, tfds_dir, tmp_path):
    """In the place that its configuration and images give it, below cache_dir."""
    settings = configured(name, **{"cache_dir": tmp_path, "data.dir": tfds_dir}, **fields)
    place = local.place(settings.teacher, inputs.load_data(settings), tmp_path)
    assert place.name in {folder.name for folder in TEACHERS}
