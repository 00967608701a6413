"""From a mapping to settings: types, names and missing fields."""

import pytest

from amkd.config.fields import flatten, leaves
from amkd.config.names import unknown_field
from amkd.config.parsing import parse
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.validation import from_config
from tests.support.configuring import changed, complaint, default

WRONG_TYPES = {
    "string for int": ("n_real", "200"),
    "float for int": ("budget", 1000.0),
    "true for int": ("seed", True),
    "none for int": ("rounds", None),
    "string for float": ("search.lam_low", "0.3"),
    "true for float": ("train.learning_rate", True),
    "int for bool": ("warm_start", 1),
    "string for bool": ("report.plots", "yes"),
    "int for string": ("method", 3),
    "number for tuple": ("train.drops", 0.5),
    "letters in tuple": ("train.drops", ("a", "b")),
    "none in tuple": ("train.drops", (None,)),
    "string for tuple": ("train.drops", "0.4,0.7"),
    "int for group": ("search", 3),
    "none for group": ("teacher.train", None),
}


@pytest.mark.parametrize("case", WRONG_TYPES)
def test_wrong_types_are_named(case: str) -> None:
    name, value = WRONG_TYPES[case]
    assert f"config.{name}={value!r}" in complaint(**{name.replace(".", "__"): value})


PATHS = {
    "assistant.weights",
    "cache_dir",
    "data.dir",
    "data.folder",
    "data.test_folder",
    "data.manifest",
    "ledger.path",
    "student_weights",
    "teacher.http.auth_file",
    "teacher.http.ca_file",
    "teacher.labels",
    "teacher.onnx.path",
}


def test_the_fields_that_are_paths() -> None:
    assert {leaf.name for leaf in leaves(Settings) if leaf.declaration.path} == PATHS


@pytest.mark.parametrize("name", sorted(PATHS))
def test_home_is_expanded_in_every_path(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for value, expected in {
        "~/a file": "/home/me/a file",
        "~": "/home/me",
        "/a/~/b": "/a/~/b",
        "": "",
    }.items():
        settings = parse(changed(**{name.replace(".", "__"): value}))
        assert flatten(settings)[name] == expected
    with pytest.raises(UserError, match=f"config.{name}.*: this home folder does not exist"):
        parse(changed(**{name.replace(".", "__"): "~no such user/a"}))


def test_whole_numbers_serve_as_floats() -> None:
    loaded = from_config(changed(train__learning_rate=1, checkpoint__seconds=0, train__drops=[0.5]))
    assert (loaded.train.learning_rate, loaded.checkpoint.seconds, loaded.train.drops) == (
        1.0,
        0.0,
        (0.5,),
    )
    assert isinstance(loaded.train.learning_rate, float)


def test_all_wrong_types_and_names_are_told_at_once() -> None:
    config = changed(seed="x", train__epochs="y")
    config["n_rael"] = 5
    with pytest.raises(UserError) as caught:
        from_config(config)
    for part in (
        "config.seed='x'",
        "config.train.epochs='y'",
        "config.n_rael",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("n_rael", "n_real"),
        ("buget", "budget"),
        ("search.lam_lo", "search.lam_low"),
        ("serach.lam_low", "search.lam_low"),
        ("lam_count", "search.lam_count"),
        ("train.learnig_rate", "train.learning_rate"),
        ("teacher.train.epoch", "teacher.train.epochs"),
        ("teacher.modle", "teacher.model"),
    ],
)
def test_misspelt_fields_suggest_the_right_one(wrong: str, right: str) -> None:
    assert (
        unknown_field(wrong)
        == f"config.{wrong}: there is no such field; did you mean config.{right}?"
    )
    config = default()
    *groups, leaf = wrong.split(".")
    group = config
    for part in groups:
        group = group.setdefault(part, {})
    group[leaf] = 1
    with pytest.raises(UserError, match="there is no such field"):
        from_config(config)


def test_fields_like_no_other_point_to_the_list() -> None:
    assert "--help" in unknown_field("zzz")


def test_a_field_that_is_missing_has_its_default() -> None:
    assert parse({}) == from_config(default()) == Settings()
    config = changed(teacher__rate=3.0)
    del config["teacher"]["batch"], config["search"], config["teacher"]["train"]
    assert (parse(config).teacher.batch, parse(config).teacher.rate) == (256, 3.0)


def test_a_field_with_a_new_name_says_so() -> None:
    said = "config.search.per_image is now called config.search.max_per_image"
    assert unknown_field("search.per_image") == said
    assert said in complaint(search__per_image=3)
