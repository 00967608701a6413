"""What is wrong with ``--config.NAME=VALUE`` is found before absl sees it, all of it at once."""

import pytest

from amkd.cli import overrides
from amkd.core.errors import UserError

WRONG = {
    "letters for a whole number": ("budget=lots", "config.budget='lots': must be a whole number"),
    "an exponent for a whole number": (
        "budget=1e3",
        "config.budget='1e3': must be a whole number in digits, such as 1000",
    ),
    "a comma in a whole number": ("budget=1,000", "must be a whole number in digits, such as 1000"),
    "a share for a whole number": ("n_real=1.5", "config.n_real='1.5': must be a whole number"),
    "letters for a number": ("search.lam_low=low", "config.search.lam_low='low': must be a number"),
    "letters for a switch": (
        "warm_start=maybe",
        "config.warm_start='maybe': must be true or",
    ),
    "nothing for a number": ("rounds=", "config.rounds='': must be a whole number"),
    "a misspelt name": ("n_rael=5", "did you mean config.n_real?"),
    "a group": ("train=3", "config.train is a group of fields; name one of them"),
}
SOUND = [
    "--config=digits",
    "--config.budget=1_000",
    "--config.budget=0x10",
    "--config.train.learning_rate=1e-3",
    "--config.warm_start=True",
    "--config.warm_start",
    "--noconfig.warm_start",
    "--config.data.classes=10",
    "--config.train.drops=(0.5,)",
    "--config.rows.first.set=x",  # a table's own
    "--workdir=config.budget=lots",
]


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_one(case):
    text, told = WRONG[case]
    sound, (problem,) = overrides.split([*SOUND[:1], f"--config.{text}"])
    assert sound == SOUND[:1] and told in problem


def test_all_at_once():
    wrong = [f"--config.{text}" for text, _ in WRONG.values()]
    sound, problems = overrides.split([*SOUND, *wrong])
    assert (sound, len(problems)) == (SOUND, len(WRONG))


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "budget=100",
            "config.budget: config of this table has name, rows, and not 'budget'. A table sets"
            " the fields of its runs itself: copy its file, and add 'budget=100' to the field `set`"
            " there",
        ),
        (
            "rows.second.set=x",
            "config.rows.second.set: config.rows of this table has first, and not 'second'. A"
            " table sets the fields of its runs itself: copy its file, and change it there",
        ),
        (
            "deterministic",
            "config.deterministic: config of this table has name, rows, and not 'deterministic'. A"
            " table sets the fields of its runs itself: copy its file, and add"
            " 'deterministic=True' to the field `set` there",
        ),
        ("name.x=1", "config.name.x: config.name of this table has no fields, and not 'x'"),
    ],
)
def test_a_field_that_a_table_does_not_have(override, told):
    made = {"name": "t", "rows": {"first": {"set": ()}}}
    sound = ["--config=tables/table1", "--config.rows.first.set=y", "--config.name=u"]
    overrides.check_table_fields(sound, made)
    with pytest.raises(UserError) as refused:
        overrides.check_table_fields([*sound, f"--config.{override}"], made)
    assert str(refused.value).startswith(told)


def test_what_absl_says_is_told_in_plain_words():
    said = "flag --config.budget=lots: invalid literal for int() with base 10: 'lots'"
    assert overrides.explain(said) == "config.budget='lots': must be a whole number"
    said = "flag --config.rows.first.best=x: could not convert string to float: 'x'"
    assert overrides.explain(said).startswith("config.rows.first.best='x': is not a valid value")
    assert overrides.explain("Unknown command line flag 'x'") == "Unknown command line flag 'x'"
