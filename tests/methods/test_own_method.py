"""A method of the user's own: the example of the contract's docstring runs without touching
amkd.
"""

import re
import textwrap

import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.data import mixing
from amkd.data.records import Records, real_records
from amkd.methods import METHODS, base, find
from amkd.search import selection
from amkd.search.selection import Selection
from tests.search.test_device_search import inputs
from tests.support import command, counting_teacher, whole_run
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
    ("method", "told", "queried"),
    [
        (
            "ONE_TOO_MANY",
            "selected records and scores of shapes .31,. in round 1; it must select 30 different",
            30,
        ),
        ("THE_SAME_AGAIN", "selected a record that was queried before in round 2", 60),
    ],
)
def test_a_wrong_selection_is_not_paid_for(method, told, queried, tmp_path):
    name = f"tests.support.wrong_choices:{method}"
    with pytest.raises(UserError, match=rf"config\.method='{name}': {told}"):
        whole_run.run(tmp_path, **{**command.TINY, "train.epochs": 1, "method": name})
    asked = counting_teacher.asked(tmp_path / "asked.txt")
    assert len(asked) == command.TINY["data.test_images"] + queried


def test_an_acquisition_that_returns_too_many_is_not_paid_for(tmp_path):
    """Round 1 would otherwise send all candidates, and the last round would lack the money."""
    name = "tests.support.wrong_choices:TOO_MANY"
    fields = {"train.epochs": 1, "search.acquisition": name, "search.candidates": 2}
    with pytest.raises(UserError, match=rf"config\.search\.acquisition='{name}'.* 30 different"):
        whole_run.run(tmp_path, **{**command.TINY, **fields})
    asked = counting_teacher.asked(tmp_path / "asked.txt")
    assert len(asked) == command.TINY["data.test_images"] + 30


@pytest.mark.parametrize(
    ("i", "j", "w", "told"),
    [
        ([0, 1], [1, 2], [7, 7], None),
        ([0, 0], [1, 1], [7, 8], None),  # one pair, two mixes
        ([0, 1, 2], [1, 2, 3], [7, 7, 7], r"selected records and scores of shapes \(3,\)"),
        ([0, 1], [1, 2], [7], r"selected records and scores of shapes \(1,\), \(2,\)"),
        ([0, 1], [2, 1], [7, 7], "selected a record with i > j, or with i = j and a weight below"),
        ([2, 1], [0, 2], [7, 7], "selected a record with i > j"),
        ([0, 1], [1, 2], [7, mixing.ONE + 1], "selected a weight outside 0 to 65536"),
        ([0, 1], [1, 9], [7, 7], r"selected an image that does not exist \(there are 9\)"),
        ([0, -1], [1, 2], [7, 7], "selected an image that does not exist"),
        ([0, 0], [1, 1], [7, 7], "selected a record twice"),
        ([0, 4], [1, 4], [7, mixing.ONE], "selected a record that was queried before"),
    ],
)
def test_a_selection_has_k_new_records(i, j, w, told):
    records = Records(np.int32(i), np.int32(j), np.int32(w))
    found = Selection(records, np.zeros(len(i), np.float32), {})
    of = inputs(n=9, k=2)._replace(records=real_records(5))
    if told is None:
        lams = records.replace(w=np.float32([0.5, 0.25]))  # lambdas in place of integer weights
        with pytest.raises(UserError, match="selected records that are not integers in round 1"):
            selection.check(found._replace(records=lams), of, "mine")
        assert selection.check(found, of, "mine") is None
        return
    with pytest.raises(UserError, match=f"config.method='mine': {told}.* in round 1"):
        selection.check(found, of, "mine")


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
