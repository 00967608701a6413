"""The part of ``--help`` that describes every field, from the declarations."""

import textwrap
from collections.abc import Iterator

from amkd.config.checks import range_text
from amkd.config.fields import Declaration, Field, members
from amkd.config.settings import Settings
from amkd.config.write_default import literal

_WIDTH = 100


def lines(kind: type = Settings) -> Iterator[str]:
    """Yields the lines about all fields: each field's default, meaning, and choices or range."""
    yield "Fields, as --config.NAME=VALUE, with the defaults of configs/default.py:"
    yield from _of_group(kind, "")


def _of_group(kind: type, prefix: str) -> Iterator[str]:
    for member in members(kind, prefix):
        if member.name == "teacher.train":
            yield f"  {member.name} = the same fields as train"
            yield from _wrapped(member.declaration.help)
        elif member.is_group:
            yield from _of_group(member.type, f"{member.name}.")
        else:
            yield from _of_field(member)


def _of_field(member: Field) -> Iterator[str]:
    yield f"  {member.name} = {literal(member.default)}"
    yield from _wrapped(member.declaration.help)
    if allowed := _allowed(member.declaration):
        yield from _wrapped(f"[{allowed}]")


def _allowed(declaration: Declaration) -> str:
    return ", ".join(declaration.choices) or range_text(declaration)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="      ", subsequent_indent="      ", break_on_hyphens=False
    )
