"""An error of the user's own code is told with its file and line."""

import importlib.util

import pytest

from amkd.core import fault_place

CODE = {
    "its own line": ("x = 1\nraise ValueError('no')\n", "ValueError: no ({file}, line 2)"),
    "no words": ("raise ValueError\n", "ValueError ({file}, line 1)"),
    "inside a library": ("import json\n\njson.loads('{')\n", "({file}, line 3)"),
    "inside amkd": (
        "from amkd.data import own_images\nown_images.parse_class_names('1')\n",
        "({file}, line 2)",
    ),
    "it cannot be read": ("x = 1\ny = (\n", "SyntaxError: '(' was never closed ({file}, line 2)"),
}


@pytest.mark.parametrize("case", CODE)
def test_file_and_line(case, tmp_path):
    code, told = CODE[case]
    file = tmp_path / "mine.py"
    file.write_text(code)
    spec = importlib.util.spec_from_file_location("mine", file)
    with pytest.raises(Exception) as caught:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert fault_place.describe(caught.value).endswith(told.format(file=file))


def test_no_code_of_the_user_s():
    assert fault_place.describe(KeyError("x")) == "KeyError: 'x'"
