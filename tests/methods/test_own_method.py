"""A method of the user's own: the example of the contract's docstring runs without touching
amkd.
"""

import re
import textwrap

import pytest

from amkd.core.errors import UserError
from amkd.methods import METHODS, base, find
from tests.support import command, whole_run
from tests.support.small import configured


def example():
    """The example in the docstring of amkd/methods/base.py, as the text of a module."""
    (code,) = re.findall(r"::\n\n((?:    .*\n|\n)+)", base.__doc__ + "\n")
    return textwrap.dedent(code)


def test_the_example_runs(tmp_path, monkeypatch):
    """From another folder's module: it asks about the pool's first pairs."""
    (tmp_path / "first_pairs.py").write_text(example())
    monkeypatch.syspath_prepend(tmp_path)
    fields = {**command.TINY, "train.epochs": 2, "method": "first_pairs:METHOD"}
    summary = whole_run.run(tmp_path, **fields)
    assert summary["queries"] == 90 and summary["method"] == "first_pairs:METHOD"
    assert [row["queries"] for row in summary["rounds"]] == [30, 60, 90]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("active_mixap", r"did you mean 'active_mixup'\?"),
        ("no_such_module:METHOD", "config.method=.no_such_module:METHOD.: there is no module"),
        ("amkd.methods.base:NOTHING", "has no attribute 'NOTHING'"),
        (
            "amkd.methods.base:PairSelector",
            "is of type type; it must be of type amkd.methods.base.Method",
        ),
    ],
)
def test_what_is_no_method_is_refused(name, told):
    with pytest.raises(UserError, match=told):
        configured(method=name)


def test_every_method_of_the_package_is_found_by_name():
    assert all(find(name) is method for name, method in METHODS.items())
    assert {"base", "first_images", "selection"}.isdisjoint(METHODS)
