"""The folder of one run: whose it is, and where things lie in it."""

import json
import uuid
from pathlib import Path
from typing import Any

from amkd import settings
from amkd.errors import UserError
from amkd.settings import Settings


def owner(config: Settings, workdir: Path) -> str:
    """Identity of the run that a workdir belongs to; a new one if it belongs to none.

    Raises:
      UserError: it belongs to another configuration, or holds something else.
    """
    path = workdir / "config.json"
    if not path.exists():
        if workdir.exists() and any(entry.suffix != ".part" for entry in workdir.iterdir()):
            raise UserError(f"{workdir} is not empty and holds no run; choose another --workdir")
        return uuid.uuid4().hex
    try:
        found = json.loads(path.read_text())
        different = settings.differences(found["config"], _as_json(config))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged; choose another --workdir") from error
    if different:
        raise UserError(
            f"{workdir} belongs to a run of another configuration; choose another --workdir, or undo:\n"
            + "\n".join(f"  {line}" for line in different)
        )
    return found["run"]


def claim(config: Settings, workdir: Path, run_id: str) -> None:
    """Makes a workdir this run's."""
    workdir.mkdir(parents=True, exist_ok=True)
    scratch = workdir / "config.part"
    scratch.write_text(json.dumps({"run": run_id, "config": _as_json(config)}, indent=2) + "\n")
    scratch.replace(workdir / "config.json")


def _as_json(config: Settings) -> dict[str, Any]:
    return json.loads(json.dumps(settings.flatten(config)))


def ledger_path(config: Settings, workdir: Path) -> Path:
    """The ledger's file: the configured one, or the workdir's own."""
    return Path(config.ledger.path).expanduser() if config.ledger.path else workdir / "ledger.sqlite"
