"""A workdir's configuration is read back as it was given."""

import json

import pytest

from amkd.config import run_record
from amkd.config.fields import flatten
from amkd.config.parsing import parse
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.run import workdir
from tests.support.small import configured

CHANGED = {
    "n_real": 250,
    "train.drops": (0.5, 0.75),
    "teacher.kind": "python",
    "teacher.function": "a:b",
    "search.lam_low": 0.25,
    "warm_start": True,
    "cache_dir": "/x: y",
}


def test_every_field_is_read_back(tmp_path):
    settings = configured(**CHANGED)
    assert not run_record.is_in(tmp_path)
    workdir.claim(settings, tmp_path, "run", "teacher", "")
    assert run_record.is_in(tmp_path)
    assert parse(run_record.get_config(str(tmp_path)).to_dict(), Settings) == settings


def test_an_earlier_version_lacks_fields_and_has_other_names(tmp_path):
    flat = flatten(configured(**CHANGED))
    del flat["last_epochs"]
    (tmp_path / "config.json").write_text(json.dumps({"run": "1", "config": flat}))
    assert parse(run_record.get_config(str(tmp_path)).to_dict(), Settings) == configured(**CHANGED)


DAMAGED = {
    "cut": '{"run": "1", "conf',
    "nothing": "",
    "null": "null",
    "no configuration": "{}",
    "a list": '{"run": "1", "config": []}',
    "a field of tomorrow": '{"run": "1", "config": {"tomorrow": 1}}',
    "a value of another type": '{"run": "1", "config": {"n_real": "many"}}',
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_one(case, tmp_path):
    (tmp_path / "config.json").write_text(DAMAGED[case])
    with pytest.raises(UserError, match=r"config\.json"):
        run_record.get_config(str(tmp_path))


def test_a_damaged_one_gives_way_to_its_copy(tmp_path):
    settings = configured(**CHANGED)
    workdir.claim(settings, tmp_path, "run", "teacher", "")
    (tmp_path / "config.json").write_text('{"run": "1", "conf')
    assert parse(run_record.get_config(str(tmp_path)).to_dict(), Settings) == settings
