"""What ``amkd`` does with a table's configuration: one function per ``--mode``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amkd.core import compilation
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.tables import sweep, tabulate
from amkd.tables.table import Table


@dataclass(frozen=True, kw_only=True)
class TableCommand:
    """What the command line asks for.

    Attributes:
      table: the configuration.
      workdir: ``--workdir``, below which every run has a folder of its own.
      output: ``--output``, the folder of the results.
      shard: ``--shard``, which part of the runs is meant; empty for all.
      stop: whether the process was asked to stop.
    """

    table: Table
    workdir: Path | None
    output: Path | None
    shard: str
    stop: StopSignal


def run(command: TableCommand) -> None:
    """Runs what is missing, then renders what there is, whatever failed."""
    if command.workdir is None:
        raise UserError("--workdir is missing: the folder for the runs of this table")
    runs = sweep.share(sweep.expand(command.table, command.workdir), command.shard)
    if not runs:
        print(f"--shard={command.shard} has no run of this table")
        return
    command.workdir.mkdir(parents=True, exist_ok=True)
    compilation.keep(Path(runs[0].settings.cache_dir).expanduser())
    try:
        sweep.run(runs, command.workdir, command.stop)
    finally:
        render(command)


def render(command: TableCommand) -> None:
    """Keeps what is finished, and renders the table from what is kept alone."""
    output = command.output or (command.workdir / "results" if command.workdir else None)
    if output is None:
        raise UserError("--output is missing: the folder of the results (or --workdir of the runs)")
    if command.workdir is not None:
        done, of = tabulate.gather(command.table, command.workdir, output)
        print(f"{done} of {of} runs are finished", flush=True)
    print(tabulate.render(command.table, output))
    print(f"{output / command.table.name}.html, .md, .csv, .json, -curves.csv, .png")


def plan(command: TableCommand) -> None:
    """Every run, and whether it is finished; asks nothing."""
    runs = sweep.share(sweep.expand(command.table, command.workdir), command.shard)
    done = (
        {one[:3] for one, _ in sweep.finished(runs, command.workdir)} if command.workdir else set()
    )
    for one in runs:
        mark = "finished" if one[:3] in done else "missing"
        print(
            f"{mark:<10}{one.row}, {one.way}, seed {one.seed}: {one.settings.budget:,} queries"
            " at most"
        )
    print(f"{len(done)} of {len(runs)} runs are finished")


MODES: dict[str, Callable[[TableCommand], None]] = {"distill": run, "table": render, "plan": plan}
