"""What a workdir stores about its run: its identity, its teacher, its data and its configuration.

``get_config`` gets the workdir instead of a preset, so that ``--workdir=DIR`` alone is read
like ``--config=FILE:PRESET``.
"""

import json
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from amkd.config.defaults import defaults
from amkd.config.fields import leaves
from amkd.config.names import former_names, renamed
from amkd.config.origin import Origin
from amkd.config.settings import Settings
from amkd.core import console, files
from amkd.core.errors import UserError

_FIELDS = {"run": str, "config": dict}  # what config.json must hold


def is_in(workdir: Path) -> bool:
    """Returns whether a folder is the workdir of a run."""
    return any(path.exists() for path in _copies(workdir))


def another(workdir: Path) -> str:
    """Returns what to do in place of a run here; the paid answers are used there, if there are
    any.
    """
    ledger = workdir / "ledger.sqlite"
    if not ledger.exists():
        return "choose another --workdir"
    return (
        f"choose a new --workdir and add --config.ledger.path={ledger}, so that nothing is paid"
        " twice"
    )


def read(workdir: Path) -> dict[str, Any]:
    """Returns ``run``, ``teacher``, ``data`` and ``config`` of the run in a workdir.

    ``weights``, ``origin``, ``ledger`` and ``ledger_from_workdir`` (the ledger's path from the
    workdir) are also returned if the run has them.

    There are two copies; if ``config.json`` is damaged, the copy next to the checkpoints is used.

    Raises:
      UserError: both are damaged.
    """
    remedy = (
        "choose another --workdir, and reuse the answers with"
        f" --config.ledger.path={workdir / 'ledger.sqlite'}"
    )
    problems = []
    for path in _copies(workdir):
        try:
            return files.read_object(path, remedy, _FIELDS)
        except UserError as error:
            problems.append(error)
    raise problems[0]


def origin(workdir: Path) -> Origin:
    """Returns where the configuration of a workdir's run came from; earlier versions kept none.

    Raises:
      UserError: what the workdir keeps is damaged.
    """
    kept = read(workdir).get("origin", {})
    now = former_names()
    fields = (now.get(str(name), str(name)) for name in kept.get("fields", ()))
    return Origin(str(kept.get("config", "")), tuple(fields))


def replace(workdir: Path, record: dict[str, Any]) -> None:
    """Replaces both copies."""
    for path in _copies(workdir):
        path.parent.mkdir(exist_ok=True)
        files.write_text(path, json.dumps(record, indent=2) + "\n")


def write(workdir: Path, record: dict[str, Any]) -> None:
    """Writes both copies where they are missing or damaged."""
    for path in _copies(workdir):
        try:
            files.read_object(path, "it is written again", _FIELDS)
        except UserError as error:
            if path.exists():
                console.say(error)
            path.parent.mkdir(exist_ok=True)
            files.write_text(path, json.dumps(record, indent=2) + "\n")


def get_config(workdir: str) -> ConfigDict:
    """Returns the configuration of the run in a workdir; fields that it lacks have their default.

    Raises:
      UserError: it is damaged, or was written by a newer version.
    """
    record = read(Path(workdir))
    values = _with_ledger(renamed(record["config"]), record, Path(workdir))
    known = {leaf.name: leaf.default for leaf in leaves(Settings)}
    path, _ = _copies(Path(workdir))
    if unknown := [name for name in values if name not in known]:
        raise UserError(
            f"{path} was written by a newer version of amkd: this version has no field"
            f" {', '.join(unknown)}; use the newer version"
        )
    config = defaults()
    try:
        config.update_from_flattened_dict(
            {name: _typed(value, known[name]) for name, value in values.items()}
        )
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({error}); give --config as at the start of the run"
        ) from error
    return config


def _with_ledger(values: dict[str, Any], record: dict[str, Any], workdir: Path) -> dict[str, Any]:
    """Returns fields with the place of the ledger, which may have been moved with the workdir."""
    path, near = values.get("ledger.path"), record.get("ledger_from_workdir")
    if not path or not near or Path(path).exists():
        return values
    moved = (workdir.absolute() / near).resolve()
    return {**values, "ledger.path": str(moved)} if moved.exists() else values


def _copies(workdir: Path) -> tuple[Path, Path]:
    return workdir / "config.json", workdir / "checkpoints" / "config.json"


def _typed(value: Any, default: Any) -> Any:
    """Returns a value in the type of its field; JSON has no tuples."""
    return tuple(value) if isinstance(default, tuple) else value
