"""Checks that a configuration is that of the run in a workdir."""

from pathlib import Path

from amkd.config import run_record
from amkd.config.fields import flatten
from amkd.config.identity import differences
from amkd.config.parsing import parse
from amkd.config.settings import Settings
from amkd.core.errors import UserError


def check(config: Settings, workdir: Path) -> None:
    """Refuses a configuration that differs from that of the run in a workdir, if there is one.

    Raises:
      UserError: names the fields that differ.
    """
    if not run_record.is_in(workdir):
        return
    before: Settings = parse(run_record.get_config(str(workdir)).to_dict())
    if different := differences(flatten(before), flatten(config)):
        raise UserError(
            f"{workdir} contains a run with another configuration; omit --config to use that"
            " run's configuration, or undo these changes:\n"
            + "\n".join(f"  {line}" for line in different)
        )
