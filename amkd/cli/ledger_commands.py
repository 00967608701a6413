"""The ``amkd ledger`` commands that need a configuration: ``import`` and ``dataset``."""

from pathlib import Path
from typing import Any

from absl import flags

from amkd.cli import arguments
from amkd.cli.explicit_fields import explicit_fields
from amkd.cli.flag_definitions import define_flags
from amkd.config.parsing import refuse
from amkd.config.settings import Settings
from amkd.core import console, files
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.validation import examine

_STORY = "The configuration of the runs that use the answers: --config=... or --workdir=..."


def import_answers(table: Path, given: list[str]) -> int:
    """Imports the answers in a table into the ledger of a configuration.

    Args:
      table: the file with the answers.
      given: flags, as on the command line of a run; and ``--images``, ``--keep_held``.
    """
    from amkd.run import importing, workdir

    values = flags.FlagValues()
    flags.DEFINE_boolean("keep_held", False, "Keep the answers in the ledger.", flag_values=values)
    settings = _settings(values, given)
    if not settings.ledger.path and not values.workdir:
        raise UserError(
            "--workdir is missing: give the folder of the run whose ledger gets the answers, or"
            " share a ledger with --config.ledger.path=FILE"
        )
    ledger = workdir.ledger_path(settings, Path(values.workdir or "").expanduser())
    with files.private(settings.report.private):
        found = importing.import_answers(
            settings,
            table,
            ledger,
            StopSignal(),
            root=Path(values.images).expanduser() if values.images else None,
            keep_held=values.keep_held,
        )
    console.say(_told(found))
    return 0


def _settings(values: flags.FlagValues, given: list[str]) -> Settings:
    """Returns the configuration on a command line; the other flags are in ``values``."""
    define_flags(values)
    problems: list[str] = []
    arguments.parse(values, ["amkd", *given], _STORY, problems)
    explicit = explicit_fields(values)
    settings, problems = examine(values.config.to_dict(), problems, explicit=explicit)
    refuse(problems)
    return settings


def _told(found: Any) -> str:
    taken = found.taken
    lines = [
        f"teacher              {found.teacher}",
        f"imported             {taken.added:,} answers into {found.ledger}",
        f"already there        {taken.held:,}",
    ]
    if taken.otherwise:
        lines.append(f"of these, different  {taken.otherwise:,}: the ledger keeps its own answers")
    if found.repeated:
        lines.append(f"repeated rows        {found.repeated:,}")
    if found.empty:
        lines.append(f"without an answer    {found.empty:,} rows")
    lines.append(f"of the data set      {found.known:,} of them; a run does not query these again")
    return "\n".join(lines)


def write_dataset(folder: Path, output: Path, form: str) -> int:
    """Writes the images that a run has queried, and the answers, for other programs."""
    from amkd.export import labelled_files, labelled_set

    found = labelled_set.of_run(folder, StopSignal())
    with files.private(found.settings.report.private):
        labelled_files.write(found, output, form)
    console.say(f"{output}: {len(found):,} images of {len(found.classes)} classes, with answers")
    return 0
