"""Many runs: every row of a table, by every way, for every seed.

They share the teachers of ``cache_dir`` and one ledger; those that are finished are left alone, and
those that were stopped go on.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from amkd.config import shipped
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.run import experiment
from amkd.run import workdir as workdirs
from amkd.tables.table import Table
from amkd.validation.from_file import from_file


class Run(NamedTuple):
    """One run of a table.

    Attributes:
      row: its row.
      way: its way.
      seed: its seed.
      settings: its configuration.
    """

    row: str
    way: str
    seed: int
    settings: Settings

    def folder(self, workdir: Path) -> Path:
        """Its workdir."""
        return workdir / self.row / self.way / f"seed{self.seed}"


def expand(table: Table, workdir: Path | None = None) -> list[Run]:
    """Every run of a table, seeds in the outer loop: all rows have something before any has
    everything.

    Args:
      table: the table.
      workdir: where the ledger is that the runs share; None where they are not to be run.

    Raises:
      UserError: all that is wrong with any of the configurations.
    """
    problems: list[str] = []
    shared = {"ledger.path": str(workdir / "ledger.sqlite")} if workdir else {}
    runs = []
    for seed in table.seeds:
        for name, row in table.rows.items():
            if table.only and name not in table.only:
                continue
            for way in row.ways or table.ways:
                fields = dict(map(field, (*table.set, *row.set, *table.ways[way])))
                try:
                    runs.append(
                        Run(
                            name,
                            way,
                            seed,
                            configured(row.config, {**shared, **fields, "seed": seed}),
                        )
                    )
                except UserError as error:
                    problems.append(f"{name}, {way}: {error}")
        if problems:  # the same for every seed
            raise UserError("the table cannot work:\n" + "\n".join(problems))
    return runs


def field(text: str) -> tuple[str, str]:
    """``name=value`` as the command line has it."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{text!r}: must be name=value")
    return name, value


def configured(config: str, fields: Mapping[str, Any]) -> Settings:
    """The settings of a configuration file with other values.

    Args:
      config: the name of a shipped configuration, or a file, with an optional ``:preset``.
      fields: values by dotted name.

    Raises:
      UserError: there is no such file, preset or field, or a value is impossible.
    """
    name, _, preset = config.partition(":")
    return from_file(shipped.locate_shipped_first(name), preset, fields)


def share(runs: list[Run], shard: str) -> list[Run]:
    """The part of the runs that one of several jobs takes: ``2/8`` is the second of eight.

    Raises:
      UserError: it is no such part.
    """
    if not shard:
        return runs
    own, _, of = shard.partition("/")
    if not own.isdigit() or not of.isdigit() or not 1 <= int(own) <= int(of):
        raise UserError(f"--shard={shard!r}: must be a part of a whole, such as 2/8")
    return runs[int(own) - 1 :: int(of)]


def run(runs: list[Run], workdir: Path, stop: StopSignal) -> None:
    """Runs what is missing; what fails is told in the end, and keeps no other run from being done.

    Raises:
      UserError: some of the runs failed.
      Stopped: the process was asked to stop; everything is saved.
    """
    failed = []
    for number, one in enumerate(runs, 1):
        folder = one.folder(workdir)
        label = f"[{number} of {len(runs)}] {one.row}, {one.way}, seed {one.seed}"
        stop.check()
        try:
            if _is_finished(one, folder):
                print(f"{label}: finished before", flush=True)
                continue
            print(label, flush=True)
            experiment.run(one.settings, folder, stop)
        except Stopped:
            raise
        except Exception as error:  # whatever it is, the other runs are worth doing
            print(f"{label}: failed", flush=True)
            failed.append(f"{folder}: {error}")
    if failed:
        raise UserError("the same command tries these again:\n" + "\n".join(failed))


def finished(runs: list[Run], workdir: Path) -> Iterator[tuple[Run, Path]]:
    """The runs that are finished, and their workdirs.

    Raises:
      UserError: a run there is of another configuration.
    """
    for one in runs:
        if _is_finished(one, folder := one.folder(workdir)):
            yield one, folder


def _is_finished(one: Run, folder: Path) -> bool:
    if not (folder / "summary.json").exists():
        return False
    workdirs.owner(one.settings, folder)  # refuses a run of another configuration
    return True
