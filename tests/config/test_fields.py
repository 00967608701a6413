"""One declaration of a field is all there is: the file, the help, the checks and the identity
follow.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from ml_collections import ConfigDict

from amkd import export
from amkd.cli import field_help
from amkd.config import checks, fields, write_default
from amkd.config.data import DataSettings
from amkd.config.defaults import defaults
from amkd.config.fields import field, group
from amkd.config.identity import differences, differing
from amkd.config.names import field_names, unknown_field
from amkd.config.outputs import ExportSettings
from amkd.config.parsing import parse
from amkd.config.search import SearchSettings
from amkd.config.settings import Settings
from amkd.config.synthesis import FskdSettings
from amkd.config.teacher import TeacherSettings
from amkd.config.teacher_answers import Form, Pixels
from amkd.core.errors import UserError
from amkd.data import decoding, resize
from amkd.synthesis import pseudo_examples
from amkd.teachers import answers, pixels
from amkd.validation import teachers
from configs import default

DEFAULTS = Path(__file__).resolve().parents[2] / "configs" / "default.py"


@dataclasses.dataclass(frozen=True)
class MoreSearch(SearchSettings):
    """The search group with one field more: this declaration is the whole edit."""

    patience: int = field(3, "Rounds to wait. A new field.", least=1, was="waiting")
    folder: str = field("", "Where to wait. Another new field.", identity=False)


@dataclasses.dataclass(frozen=True)
class MoreSettings(Settings):
    """All settings, with that group."""

    search: MoreSearch = group(MoreSearch, "How the images of a round are chosen.")


def test_adding_a_field_is_one_edit() -> None:
    # The file that a person reads, and what --config loads.
    written = write_default.text(MoreSettings)
    assert (
        "    # Rounds to wait. A new field.\n    config.search.patience = 3\n"
        "    # Where to wait. Another new field.\n"
        '    config.search.folder = ""\n'
    ) in written
    scope: dict[str, Any] = {}
    exec(written, scope)
    assert scope["get_config"]().search.patience == defaults(MoreSettings).search.patience == 3
    # --help.
    told = list(field_help.lines(MoreSettings))
    place = told.index("  search.patience = 3")
    assert told[place + 1 : place + 3] == [
        "      Rounds to wait. A new field.",
        "      [at least 1]",
    ]
    # Parsing, where a configuration of an earlier version lacks it.
    assert parse(default.get_config().to_dict(), MoreSettings) == MoreSettings()
    # Names.
    assert "search.patience" in field_names(MoreSettings)
    assert unknown_field("search.patiense", MoreSettings).endswith("config.search.patience?")
    assert "is now called config.search.patience" in unknown_field("search.waiting", MoreSettings)
    # Checks of its type and its range.
    with pytest.raises(UserError, match=r"config\.search\.patience='x': must be a whole number"):
        parse({"search": {"patience": "x"}}, MoreSettings)
    other = parse({"search": {"patience": 0, "folder": "here"}}, MoreSettings)
    assert list(checks.problems(other)) == ["config.search.patience=0: must be at least 1"]
    # Identity of a run.
    values = fields.flatten(MoreSettings()), fields.flatten(other)
    assert differences(*values, MoreSettings) == ["config.search.patience: 3 -> 0"]
    assert differing(other) == {"search.patience": 0}


def test_the_file_of_defaults_is_current() -> None:
    assert DEFAULTS.read_text() == write_default.text(), (
        "configs/default.py is not what amkd/config declares: python -m amkd.config.write_default"
    )


def test_the_file_of_defaults_gives_the_declared_defaults() -> None:
    assert default.get_config().to_dict() == defaults().to_dict()
    assert list(field_names()) == list(fields.flatten(Settings()))


def test_defaults_are_allowed_and_of_their_types() -> None:
    assert list(checks.problems(Settings())) == []
    assert parse(defaults().to_dict()) == Settings()


def test_every_field_is_explained() -> None:
    for leaf in fields.leaves(Settings):
        assert len(leaf.declaration.help) > 9 and leaf.declaration.help.endswith("."), leaf.name
        for choice in leaf.declaration.choices:
            assert choice in leaf.declaration.help, leaf.name


def test_no_field_is_hidden_by_a_method_of_its_group() -> None:
    """The command line reads fields as attributes, and there is ``ConfigDict.items``."""
    assert [
        name for name in field_names() if any(hasattr(ConfigDict, part) for part in name.split("."))
    ] == []


def test_declared_choices_are_what_the_rooms_can_do() -> None:
    choices = fields.choices
    assert choices(DataSettings, "resize") == resize.KINDS
    assert choices(DataSettings, "mode") == tuple(decoding.MODES)
    assert choices(DataSettings, "broken") == decoding.BROKEN
    assert choices(FskdSettings, "ascent") == tuple(pseudo_examples.ASCENTS)
    assert set(choices(TeacherSettings, "kind")) == teachers.NEEDS.keys()
    assert choices(Form, "form") == answers.FORMS
    assert choices(Pixels, "layout") == ("auto", *pixels.LAYOUTS)
    assert choices(Pixels, "dtype") == ("auto", *pixels.DTYPES)
    assert choices(ExportSettings, "formats") == export.ALL


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ({"least": 0}, "at least 0"),
        ({"least": 0, "below": float("inf")}, "at least 0 and finite"),
        ({"above": 0, "below": float("inf")}, "positive and finite"),
        ({"above": 0, "most": 1}, "positive and at most 1"),
        ({"above": 2, "below": 3}, "above 2 and below 3"),
        ({}, ""),
    ],
)
def test_ranges_in_words(declared: dict[str, float], text: str) -> None:
    assert checks.range_text(fields.Declaration(help="", **declared)) == text
