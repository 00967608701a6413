"""Writes ``configs/default.py`` from the declarations: ``python -m amkd.config.write_default``."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from amkd.config.fields import Field, members
from amkd.config.recipe import Recipe
from amkd.config.settings import Settings

_HEAD = '''"""Every field with its default; the other configurations start from this one.

Command: python launch.py --config=configs/default.py --workdir=runs/default
Data:    scikit-learn's embedded 8x8 digits. About a minute on 2 CPU cores.

Written by `python -m amkd.config.write_default` from the declarations in amkd/config.
"""

from ml_collections import ConfigDict


def get_config(preset: str = "") -> ConfigDict:
    """The defaults. Presets: ``smoke``."""
    config = ConfigDict()
'''

_PRESETS = """
    if preset == "smoke":
        config.n_real, config.budget, config.rounds = 50, 150, 2
        config.train.epochs = config.teacher.train.epochs = 20
        config.train.min_steps = 300
    elif preset:
        raise ValueError(f"preset {preset!r} does not exist; there is: smoke")
    return config


def recipe() -> ConfigDict:
    \"\"\"How a network is trained: the ``train`` group, and ``teacher.train``.\"\"\"
    config = ConfigDict()
"""

_WIDTH = 100


def text(kind: type = Settings) -> str:
    """Returns the file's text."""
    lines = [*_lines(kind, ""), _PRESETS.rstrip("\n"), *_lines(Recipe, ""), "    return config"]
    return _HEAD + "\n".join(lines) + "\n"


def literal(value: Any) -> str:
    """Returns a default as it is written in Python and, but for its quotes, on the command line."""
    return f'"{value}"' if isinstance(value, str) and '"' not in value else repr(value)


def _lines(kind: type, prefix: str) -> Iterator[str]:
    for member in members(kind, prefix):
        if member.is_group:
            yield ""
        yield from textwrap.wrap(
            member.declaration.help,
            _WIDTH,
            initial_indent="    # ",
            subsequent_indent="    # ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield f"    config.{member.name} = {_value(member)}"
        if member.is_group and member.type is not Recipe:
            yield from _lines(member.type, f"{member.name}.")


def _value(member: Field) -> str:
    if member.type is Recipe:
        return "recipe()"
    return "ConfigDict()" if member.is_group else literal(member.default)


if __name__ == "__main__":
    path = Path(__file__).parents[2] / "configs" / "default.py"
    path.write_text(text())
    print(path)
