"""``method=auto``: what it stands for, and that nothing else changes."""

import pytest

from amkd.core.errors import UserError
from amkd.validation import from_config, recommended


@pytest.mark.parametrize(
    ("kind", "method"),
    [("flax", "random_mixup"), ("json", "random_mixup"), ("labels", "active_labelling")],
)
def test_what_it_stands_for(kind, method):
    assert recommended.method(kind) == method


def test_settings_have_the_method_itself():
    """So that a workdir is known by it, and goes on although another version recommends another."""
    assert from_config({"method": "auto"}) == from_config({"method": "random_mixup"})
    annotated = from_config({"method": "auto", "teacher": {"kind": "labels"}})
    assert annotated.method == "active_labelling"


@pytest.mark.parametrize(
    "config", [{"method": "active_mixup"}, {}, {"teacher": {"kind": "labels"}}]
)
def test_other_methods_stay(config):
    assert recommended.applied(config) is config


@pytest.mark.parametrize("teacher", [3, None, {"kind": 7}])
def test_a_teacher_that_is_wrong_is_told_of_as_ever(teacher):
    with pytest.raises(UserError, match=r"config\.teacher"):
        from_config({"method": "auto", "teacher": teacher})
