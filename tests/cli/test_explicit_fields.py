"""Fields that were set by hand are known: those of the command line, or all of a run's workdir."""

import json
import sys

import pytest
from absl import flags

from amkd.cli import flag_definitions
from amkd.cli.explicit_fields import explicit_fields
from amkd.config import run_record
from amkd.config.names import field_names
from amkd.run.workdir import _without_secrets
from amkd.validation import examine, from_config
from tests.support.configuring import changed


@pytest.fixture
def given(monkeypatch):
    """Parses a command line as the command's own."""

    def parse(*arguments):
        monkeypatch.setattr(sys, "argv", ["amkd", *arguments])
        values = flags.FlagValues()
        flag_definitions.define_flags(values)
        values(sys.argv)
        monkeypatch.setattr(flags, "FLAGS", values)
        return values["config"].value.to_dict()

    return parse


def test_a_field_given_its_default_on_the_command_line_is_set_by_hand(given):
    given("--config=configs/default.py", "--config.teacher.http.auth_env=", "--config.seed=3")
    assert explicit_fields(flags.FLAGS) == {"teacher.http.auth_env", "seed"}


def test_a_workdir_holds_the_fields_as_they_were(given, tmp_path):
    """A profile must not set again what the user had set to its default."""
    named = changed(teacher__profile="openai_chat", teacher__json__model="m")
    settings = from_config(named, explicit={"teacher.http.auth_env"})
    assert settings.teacher.http.auth_env == ""
    kept = json.loads(json.dumps(_without_secrets(settings)))
    run_record.write(tmp_path, {"run": "r", "teacher": "t", "data": "", "config": kept})
    config = given(f"--config={run_record.__file__}:{tmp_path}")
    assert explicit_fields(flags.FLAGS) == set(field_names())
    found, problems = examine(config, explicit=explicit_fields(flags.FLAGS))
    assert not problems and found.teacher == settings.teacher
