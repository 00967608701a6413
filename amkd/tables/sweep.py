"""Runs every row of a table, by every way, for every seed.

The runs share the teachers in ``cache_dir`` and one ledger. Finished runs are not changed, and
stopped ones are resumed.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from amkd.config import shipped
from amkd.config.origin import NOWHERE, Origin, of_file
from amkd.config.settings import Settings
from amkd.core import console
from amkd.core.errors import TeacherFailed, UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.run import early_end, experiment
from amkd.run import workdir as workdirs
from amkd.tables.table import Table
from amkd.validation.from_file import from_file, unchecked


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a table.

    Attributes:
      row: name of its row.
      way: name of its way.
      seed: its seed.
      settings: its configuration.
      origin: where the configuration came from.
    """

    row: str
    way: str
    seed: int
    settings: Settings
    origin: Origin = NOWHERE

    @property
    def label(self) -> str:
        """Name for people, different for each run of a table."""
        return f"{self.row}, {self.way}, seed {self.seed}"

    def folder(self, workdir: Path) -> Path:
        """Returns its own folder below the workdir of the table."""
        return workdir / self.row / self.way / f"seed{self.seed}"


def expand(table: Table, workdir: Path | None = None) -> list[Run]:
    """Lists the runs of a table; seeds are the outer loop, so every row soon has a first result.

    Args:
      table: the table.
      workdir: the folder with the ledger that the runs share; None if they will not be run.

    Raises:
      UserError: names all problems of all configurations.
    """
    problems: list[str] = []
    shared = {"ledger.path": str(workdir / "ledger.sqlite")} if workdir else {}
    runs = []
    for seed in table.seeds:
        for name, row in table.rows.items():
            if table.only and name not in table.only:
                continue
            for way in table.ways_of(name):
                fields = fields_of(table, name, way)
                try:
                    frozen = configured(row.config, {**shared, **fields, "seed": seed})
                except UserError as error:
                    problems.append(f"{name}, {way}: {error}")
                    continue
                origin = Origin(_plain(row.config), (*fields, "seed"))
                runs.append(Run(name, way, seed, frozen, origin))
        if problems:  # other seeds would have the same ones
            raise UserError("the table has impossible configurations:\n" + "\n".join(problems))
    return runs


def fields_of(table: Table, row: str, way: str) -> dict[str, str]:
    """Returns the fields that a table sets for a way of a row, by dotted name."""
    return dict(map(field, (*table.set, *table.rows[row].set, *table.ways[way])))


def settings_of(table: Table, row: str, way: str) -> Settings:
    """Returns the settings of a way of a row, even if they cannot work on this machine."""
    name, _, preset = table.rows[row].config.partition(":")
    return unchecked(shipped.locate_shipped_first(name), preset, fields_of(table, row, way))


def _plain(config: str) -> str:
    """Returns the name of a configuration as ``--config`` takes it, with its preset."""
    name, colon, preset = config.partition(":")
    return f"{of_file(str(shipped.locate_shipped_first(name))).config}{colon}{preset}"


def field(text: str) -> tuple[str, str]:
    """Splits ``name=value``, as on the command line."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{text!r}: must be name=value")
    return name, value


def configured(config: str, fields: Mapping[str, Any]) -> Settings:
    """Returns the settings of a configuration file with other values.

    Args:
      config: the name of a shipped configuration, or a file, with an optional ``:preset``.
      fields: values by dotted name.

    Raises:
      UserError: there is no such file, preset or field, or a value is impossible.
    """
    name, _, preset = config.partition(":")
    return from_file(shipped.locate_shipped_first(name), preset, fields)


def take_shard(runs: list[Run], shard: str) -> list[Run]:
    """Returns the part of the runs that one of several jobs takes.

    Args:
      runs: the runs of a table.
      shard: such as ``2/8``, the second of eight jobs; empty for all runs.

    Raises:
      UserError: ``shard`` is not valid.
    """
    if not shard:
        return runs
    part, _, parts = shard.partition("/")
    if not part.isdigit() or not parts.isdigit() or not 1 <= int(part) <= int(parts):
        raise UserError(f"--shard={shard!r}: must be a part of a whole, such as 2/8")
    return runs[int(part) - 1 :: int(parts)]


def run(runs: list[Run], workdir: Path, stop: StopSignal) -> None:
    """Runs the missing runs. A run that fails is reported at the end, and does not stop the others.

    Raises:
      UserError: some runs failed; TeacherFailed if all of these failed because of their teacher.
      Stopped: the process was asked to stop; everything is saved.
    """
    failed, kinds = [], set()
    for number, one in enumerate(runs, 1):
        folder = one.folder(workdir)
        label = f"[{number} of {len(runs)}] {one.label}"
        stop.check()
        try:
            if (summary := _summary(one, folder)) is not None:
                early = summary.get("ended_early")
                told = f"ended early, and is not in the table: {early['why']}" if early else ""
                console.say(f"{label}: {told or 'already finished'}")
                continue
            console.say(label)
            experiment.run(one.settings, folder, stop, origin=one.origin)
        except Stopped:
            raise
        except Exception as error:  # of any kind: the other runs are still done
            console.say(f"{label}: failed")
            failed.append(f"{folder}: {error}")
            kinds.add(TeacherFailed if isinstance(error, TeacherFailed) else UserError)
    if failed:
        kind = kinds.pop() if len(kinds) == 1 else UserError
        raise kind("run the same command to try these again:\n" + "\n".join(failed))


def finished(runs: list[Run], workdir: Path) -> Iterator[tuple[Run, Path]]:
    """Yields the finished runs, and their folders. A run whose money was spent early is not one of
    them: it had fewer queries than the others.

    Raises:
      UserError: a run there has another configuration.
    """
    for one in runs:
        summary = _summary(one, folder := one.folder(workdir))
        if summary is not None and not summary.get("ended_early"):
            yield one, folder


def ended_early(runs: list[Run], workdir: Path) -> Iterator[Run]:
    """Yields the runs whose money was spent before they were done."""
    for one in runs:
        summary = _summary(one, one.folder(workdir))
        if summary is not None and summary.get("ended_early"):
            yield one


def _summary(one: Run, folder: Path) -> dict[str, Any] | None:
    """Returns the summary of a run that has ended; None if the same command continues it."""
    if not (folder / "summary.json").exists():
        return None
    workdirs.owner(one.settings, folder)  # refuses a run with another configuration
    summary: dict[str, Any] | None = workdirs.finished(folder)
    return None if summary is None or early_end.goes_on(summary, one.settings) else summary
