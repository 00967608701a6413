"""Optional dependencies."""

import json

import pytest

from amkd.core import extras
from amkd.core.errors import UserError


def test_a_module_that_is_there_is_imported():
    assert extras.require("json", extra="onnx", field="config.x=1") is json


def test_a_missing_one_is_told_with_the_remedy():
    with pytest.raises(UserError) as caught:
        extras.require(
            "no_such_module", extra="plots", field="config.x=1", instead="set config.x=0"
        )
    assert str(caught.value) == (
        "config.x=1 needs no_such_module (No module named 'no_such_module'); install it with pip"
        " install 'amkd[plots]', or in a checkout with pip install -e '.[plots]'; or set config.x=0"
    )
