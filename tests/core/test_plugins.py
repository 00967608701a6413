"""Parts by their registered names, and the user's own as module:attribute."""

import sys

import pytest

from amkd.core import plugins
from amkd.core.errors import UserError

REGISTRY = {"lowest": 1, "margin": 2}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes modules into a working directory of their own; they are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield lambda name, text: (tmp_path / f"{name}.py").write_text(text)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def resolve(name, kind=int):
    return plugins.resolve(name, REGISTRY, "search.acquisition", kind)


def test_a_registered_name():
    assert (resolve("lowest"), resolve("margin")) == (1, 2)


def test_a_part_of_the_users_own_comes_from_the_working_directory(own):
    own("amkd_test_rules", "RULE = 7\n")
    assert resolve("amkd_test_rules:RULE") == 7


def test_a_part_of_an_installed_module():
    assert resolve("amkd.data.mixing:ONE") == 65536


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "lowst",
            r"config\.search\.acquisition='lowst': must be one of lowest, margin, or your own as"
            r" module:attribute \(did you mean 'lowest'\?\)",
        ),
        ("module:", r"'module:': must be one of lowest, margin"),
        (":RULE", r"':RULE': must be one of lowest, margin"),
        ("amkd_none:RULE", r"no module 'amkd_none'; put amkd_none\.py into the working directory"),
        ("amkd_test_rules.more:RULE", r"importing 'amkd_test_rules\.more' failed|no module"),
        ("amkd_test_rules:RULES", r"no attribute 'RULES' \(did you mean 'RULE'\?\)"),
        ("amkd_test_rules:TEXT", r"TEXT': is of type str; it must be of type builtins\.int"),
        ("amkd_test_broken:RULE", r"importing 'amkd_test_broken' failed: ZeroDivisionError"),
        ("amkd_test_lacking:RULE", r"importing 'amkd_test_lacking' failed: No module named 'amkd_"),
    ],
)
def test_what_cannot_be_found_is_said_with_field_value_and_remedy(own, name, message):
    own("amkd_test_rules", "RULE = 7\nTEXT = 'a'\n")
    own("amkd_test_broken", "1 / 0\n")
    own("amkd_test_lacking", "import amkd_test_absent\n")
    with pytest.raises(UserError, match=message) as caught:
        resolve(name)
    assert str(caught.value).startswith(f"config.search.acquisition={name!r}")


def test_own_parts_are_told_from_registered_ones():
    assert plugins.is_own("module:RULE") and not plugins.is_own("lowest")
