"""A workdir's configuration is read back as it was given."""

import json

import pytest

from amkd.config import kept
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
    assert not kept.is_in(tmp_path)
    workdir.claim(settings, tmp_path, "run", "teacher", "")
    assert kept.is_in(tmp_path)
    assert parse(kept.get_config(str(tmp_path)).to_dict(), Settings) == settings


def test_an_earlier_version_lacks_fields_and_has_other_names(tmp_path):
    flat = flatten(configured(**CHANGED))
    del flat["last_epochs"]
    (tmp_path / "config.json").write_text(json.dumps({"config": flat}))
    assert parse(kept.get_config(str(tmp_path)).to_dict(), Settings) == configured(**CHANGED)


DAMAGED = {
    "cut": '{"run": "1", "conf',
    "nothing": "",
    "null": "null",
    "no configuration": "{}",
    "a list": '{"config": []}',
    "a field of tomorrow": '{"config": {"tomorrow": 1}}',
    "a value of another type": '{"config": {"n_real": "many"}}',
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_one(case, tmp_path):
    (tmp_path / "config.json").write_text(DAMAGED[case])
    with pytest.raises(UserError, match=r"config\.json"):
        kept.get_config(str(tmp_path))
