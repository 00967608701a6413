"""A configuration file that cannot be used is told of in plain words."""

import pytest

from amkd.config import config_file, shipped
from amkd.core.errors import UserError

GOOD = "from amkd.config.defaults import defaults\n\n"
WRONG = {
    "it cannot be read": ("def get_config(:\n", "", "fails to run: SyntaxError", "mine.py, line 1"),
    "a package is missing": ("import no_such_one\n", "", "No module named 'no_such_one'", "line 1"),
    "it raises": ("x = 1\nx / 0\n", "", "fails to run: ZeroDivisionError", "mine.py, line 2"),
    "it exits": ("raise SystemExit(3)\n", "", "fails to run: SystemExit: 3", "line 1"),
    "no get_config": ("config = 1\n", "", "has no function get_config", "configs/default.py"),
    "get_config raises": (
        "def get_config(preset=''):\n    return {}['x']\n",
        "",
        "get_config() failed: KeyError: 'x'",
        "mine.py, line 2",
    ),
    "a mapping": (
        "def get_config(preset=''):\n    return {}\n",
        "",
        "returned a dict instead of a ConfigDict",
        "configs/default.py",
    ),
    "nothing": ("def get_config(preset=''):\n    pass\n", "", "returned nothing", "ConfigDict"),
    "no presets": (
        f"{GOOD}def get_config():\n    return defaults()\n",
        "smoke",
        "has no presets",
        "preset 'smoke' was given",
    ),
    "a preset is needed": (
        f"{GOOD}def get_config(preset):\n    return defaults()\n",
        "",
        "needs a preset",
        "get_config(preset='')",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_file(case, tmp_path):
    code, preset, *told = WRONG[case]
    file = tmp_path / "mine.py"
    file.write_text(code)
    with pytest.raises(UserError) as caught:
        config_file.load(file, preset)
    message = str(caught.value)
    assert str(file) in message and all(part in message for part in told)


def test_a_good_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(f"{GOOD}def get_config():\n    return defaults()\n")
    assert config_file.load(file).n_real == 200


def test_a_name_that_means_no_file(tmp_path):
    (tmp_path / "photos.py").write_text("")
    (tmp_path / "settings.toml").write_text("")
    cases = {
        "mnits": "did you mean mnist?",
        f"{tmp_path}/photo.py": f"did you mean {tmp_path}/photos.py?",
        f"{tmp_path}/settings.toml": "not the name of a configuration file; it must end in .py",
        f"{tmp_path}/photos.yaml": f"did you mean {tmp_path}/photos.py?",
        f"{tmp_path}": "is a folder; name a file in it",
        "": "there is no configuration ''",
    }
    for name, told in cases.items():
        with pytest.raises(UserError) as caught:
            shipped.locate(name)
        assert told in str(caught.value), name
