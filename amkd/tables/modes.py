"""What the command line does with the configuration of a table: one function per ``--mode``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amkd.core import console, folders, program_cache
from amkd.core.errors import UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.tables import rendering, sweep
from amkd.tables.table import Table


@dataclass(frozen=True, kw_only=True)
class TableCommand:
    """The request of the command line.

    Attributes:
      table: the configuration.
      workdir: ``--workdir``; every run has a folder of its own below it.
      output: ``--output``, the folder of the results.
      shard: ``--shard``, a part of the runs; empty for all.
      stop: whether the process was asked to stop.
    """

    table: Table
    workdir: Path | None
    output: Path | None
    shard: str
    stop: StopSignal


def run(command: TableCommand) -> None:
    """Runs the missing runs, then renders the finished ones, even if some runs failed."""
    if command.workdir is None:
        raise UserError("--workdir is missing: the folder for the runs of this table")
    runs = sweep.take_shard(sweep.expand(command.table, command.workdir), command.shard)
    if not runs:
        console.say(f"--shard={command.shard} contains no run of this table")
        return
    if why := folders.obstacle(command.workdir):
        raise UserError(f"--workdir={command.workdir}: {why}; choose another")
    if command.output and (why := folders.obstacle(command.output)):
        raise UserError(f"--output={command.output}: {why}; choose another folder")
    command.workdir.mkdir(parents=True, exist_ok=True)
    program_cache.keep(Path(runs[0].settings.cache_dir).expanduser())
    try:
        sweep.run(runs, command.workdir, command.stop)
    except (Stopped, UserError):
        try:
            _render(command)
        except UserError as error:  # the end of the runs is what the exit status tells
            console.say(f"the table is not rendered: {error}", error=True)
        raise
    _render(command)


def render(command: TableCommand) -> None:
    """Keeps the records of finished runs, and renders the table from the kept records alone.

    Raises:
      UserError: no run is finished.
    """
    if not _render(command):
        raise UserError(
            f"no run of the table {command.table.name} is finished, so nothing was written; use"
            " the same command without --mode=table to run them"
        )


def _render(command: TableCommand) -> bool:
    """Renders; returns whether there is anything to render."""
    output = command.output or (command.workdir / "results" if command.workdir else None)
    if output is None:
        raise UserError("--output is missing: the folder of the results (or --workdir of the runs)")
    if why := folders.obstacle(output):
        raise UserError(f"--output={output}: {why}; choose another folder")
    if command.workdir is not None:
        finished, total = rendering.collect(command.table, command.workdir, output)
        console.say(f"{finished} of {total} runs are finished")
    if not rendering.records_of(command.table, output):
        return False
    console.say(rendering.render(command.table, output), last=True)
    files = "html, .md, .csv, .json, -curves.csv, .svg"
    console.say(f"{output / command.table.name}.{files}", last=True)
    return True


def plan(command: TableCommand) -> None:
    """Lists every run, and whether it is finished; sends no query."""
    runs = sweep.take_shard(sweep.expand(command.table, command.workdir), command.shard)
    done: set[str] = set()
    if command.workdir:
        done = {run.label for run, _ in sweep.finished(runs, command.workdir)}
    for one in runs:
        mark = "finished" if one.label in done else "missing"
        console.say(f"{mark:<10}{one.label}: {one.settings.budget:,} queries at most")
    console.say(f"{len(done)} of {len(runs)} runs are finished")


MODES: dict[str, Callable[[TableCommand], None]] = {"distill": run, "table": render, "plan": plan}
