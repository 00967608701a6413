"""Configurations in YAML and JSON: the same fields, the same checks, the same overrides."""

import json

import pytest
from absl import flags

from amkd.cli import arguments, flag_definitions
from amkd.config import config_file
from amkd.config.defaults import defaults
from amkd.config.parsing import parse
from amkd.core.errors import UserError
from amkd.validation.from_file import from_file

YAML = """
# Every kind of value.
seed: 7
warm_start: true
teacher: {evaluate: yes, batch: 16}  # text, as in YAML 1.2
search:
  lam_low: 3e-1
train.learning_rate: 1
train.drops: [0.5, 1]
data.folder: ""
"""


def write(folder, text, name="run.yaml"):
    path = folder / name
    path.write_text(text)
    return path


def test_values_of_yaml_and_of_json(tmp_path):
    given = {
        "seed": 7,
        "warm_start": True,
        "teacher": {"evaluate": "yes", "batch": 16},
        "search": {"lam_low": 0.3},
        "train.learning_rate": 1,
        "train": {"drops": [0.5, 1]},
    }
    for path in (write(tmp_path, YAML), write(tmp_path, json.dumps(given), "run.json")):
        config = config_file.load(path)
        expected = defaults()
        expected.seed, expected.warm_start = 7, True
        expected.teacher.evaluate, expected.teacher.batch = "yes", 16
        expected.search.lam_low = 0.3
        expected.train.learning_rate, expected.train.drops = 1.0, (0.5, 1.0)
        assert config.to_dict() == expected.to_dict()


def test_an_empty_file_is_the_defaults(tmp_path):
    assert config_file.load(write(tmp_path, "# nothing\n")).to_dict() == defaults().to_dict()


def test_a_file_may_change_another_configuration(tmp_path):
    config = config_file.load(write(tmp_path, "base: digits:smoke\nbudget: 160\n"))
    plain = from_file(config_file.shipped.locate("digits"), "smoke", {"budget": 160})
    assert parse(config.to_dict()) == plain


def test_what_a_file_sets_no_profile_changes(tmp_path):
    text = "base: service\nteacher.batch: 256\ndata: {folder: p, classes: 'a,b'}\n"
    assert from_file(write(tmp_path, text)).teacher.batch == 256  # the default
    assert from_file(write(tmp_path, text.replace("teacher.batch", "seed"))).teacher.batch == 4


WRONG = {
    "unknown fields and wrong types, all at once": (
        "trian: {epochs: 3}\nsearch.lam_lwo: 0.3\nbudget: many\nwarm_start: yes\nteacher:\n",
        [
            "config.trian",
            "did you mean config.search.lam_low?",
            "config.budget='many': must be a whole number",
            "config.warm_start='yes': must be true or false",
            "config.teacher=None: must be a group of fields",
        ],
    ),
    "no YAML": ("seed: 1\nbudget: [1\n", ["run.yaml is not YAML: line 3"]),
    "code": ("seed: !!python/object/apply:os.getpid []\n", ["is not YAML: line 1"]),
    "twice": ("seed: 1\nseed: 2\n", ["seed occurs twice"]),
    "twice in two spellings": ("train: {epochs: 3}\ntrain.epochs: 4\n", ["train.epochs occurs"]),
    "a field as a group": ("seed.x: 3\nseed: 2\n", ["seed is a group, but also has a value"]),
    "a list": ("- seed\n", ["contains a list; it must contain fields"]),
    "a word": ("seed\n", ["contains only 'seed'"]),
    "a number as a name": ("1: 2\n", ["1 is not the name of a field"]),
    "an unknown base": ("base: mnits\n", ["did you mean mnist?"]),
    "a table as base": ("base: tables/table1\n", ["is not a configuration of a run"]),
    "no text as base": ("base: 3\n", ["base must name a configuration"]),
    "another file of data as base": ("base: BESIDE\n", ["must be a shipped configuration"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_file(case, tmp_path):
    text, told = WRONG[case]
    beside = write(tmp_path, "seed: 1", "beside.json")
    path = write(tmp_path, text.replace("BESIDE", str(beside)))
    with pytest.raises(UserError) as caught:
        config_file.load(path)
    for part in told:
        assert part in str(caught.value)


def test_json_that_is_none(tmp_path):
    for text, told in (("{", "cannot be read: Expecting"), ('{"seed": 1, "seed": 2}', "twice")):
        with pytest.raises(UserError, match=told):
            config_file.load(write(tmp_path, text, "run.json"))


def parsed(monkeypatch, *args):
    """The configuration that a command line means."""
    values, line = flags.FlagValues(), ["amkd", *args]
    monkeypatch.setattr("sys.argv", list(line))
    flag_definitions.define_flags(values)
    problems: list[str] = []
    arguments.parse(values, line, "", problems)
    assert not problems
    return parse(values["config"].value.to_dict())


def test_on_the_command_line(tmp_path, monkeypatch):
    path = write(tmp_path, "seed: 7\nbudget: 300\n")
    found = parsed(monkeypatch, f"--config={path}", "--config.budget=400")
    assert (found.seed, found.budget, found.rounds) == (7, 400, 3)
    assert parsed(monkeypatch, "--config", str(path)).budget == 300
    with pytest.raises(UserError, match="has no presets, but preset 'smoke' was given"):
        parsed(monkeypatch, f"--config={path}:smoke")
    with pytest.raises(UserError, match=r"did you mean config\.seed"):
        parsed(monkeypatch, f"--config={write(tmp_path, 'sede: 1')}")


def test_whole_numbers_are_decimal(tmp_path):
    assert config_file.load(write(tmp_path, "seed: 010\nbudget: 0900\n")).seed == 10
