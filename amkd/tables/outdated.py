"""Finds kept runs whose configuration differs from the current one of their table."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from amkd.config.identity import differing
from amkd.core.errors import UserError
from amkd.tables import sweep
from amkd.tables.short_records import ShortRecord
from amkd.tables.table import Table


def check(table: Table, runs: Iterable[ShortRecord]) -> None:
    """Refuses kept runs that would appear under the name of another configuration.

    Only the values of a way's and its row's fields are compared. It does not matter whether the run
    could be done on this machine: the images of a finished run may be on another one.

    Raises:
      UserError: names the first run that has another configuration, and the fields.
    """
    wanted: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs:
        row, way = name = (run["row"], run["way"])
        if row not in table.rows or way not in table.ways_of(row):
            continue  # the table does not show it
        if name not in wanted:
            wanted[name] = _plain(differing(sweep.settings_of(table, row, way)))
        if unlike := sorted(_unlike(run["config"], wanted[name])):
            raise UserError(
                f"the kept run of {row}, {way}, seed {run['seed']} has another configuration than"
                f" the table {table.name} now: {', '.join(unlike)}; delete its file from"
                f" runs/{table.name} and run it again, or give the way another name"
            )


def _unlike(kept: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for name in {**kept, **wanted}.keys() - {"seed"}:
        if kept.get(name) != wanted.get(name):
            old, new = (one.get(name, "its default") for one in (kept, wanted))
            yield f"config.{name}: {old!r} -> {new!r}"


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns fields as they are in JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(fields))
    return plain
