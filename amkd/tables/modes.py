"""What the command line does with the configuration of a table: one function per ``--mode``."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from amkd.core import compilation
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.tables import rendering, sweep
from amkd.tables.table import Table


class TableOrder(NamedTuple):
    """The command line.

    Attributes:
      table: the configuration.
      workdir: ``--workdir``; every run has a folder of its own below it.
      output: ``--output``, the folder of the results.
      shard: ``--shard``, which part of the runs is meant; empty for all.
      stop: whether the process was asked to stop.
    """

    table: Table
    workdir: Path | None
    output: Path | None
    shard: str
    stop: StopSignal


def run(order: TableOrder) -> None:
    """Runs what is missing, then renders what there is, also when runs failed."""
    if order.workdir is None:
        raise UserError("--workdir is missing: the folder for the runs of this table")
    runs = sweep.take_shard(sweep.expand(order.table, order.workdir), order.shard)
    if not runs:
        print(f"--shard={order.shard} has no run of this table")
        return
    order.workdir.mkdir(parents=True, exist_ok=True)
    compilation.keep(Path(runs[0].settings.cache_dir).expanduser())
    try:
        sweep.run(runs, order.workdir, order.stop)
    finally:
        render(order)


def render(order: TableOrder) -> None:
    """Keeps what is finished, and renders the table from what is kept alone."""
    output = order.output or (order.workdir / "results" if order.workdir else None)
    if output is None:
        raise UserError("--output is missing: the folder of the results (or --workdir of the runs)")
    if order.workdir is not None:
        finished, total = rendering.collect(order.table, order.workdir, output)
        print(f"{finished} of {total} runs are finished", flush=True)
    print(rendering.render(order.table, output))
    print(f"{output / order.table.name}.html, .md, .csv, .json, -curves.csv, .png")


def plan(order: TableOrder) -> None:
    """Lists every run, and whether it is finished; asks nothing."""
    runs = sweep.take_shard(sweep.expand(order.table, order.workdir), order.shard)
    done: set[str] = set()
    if order.workdir:
        done = {run.label for run, _ in sweep.finished(runs, order.workdir)}
    for one in runs:
        mark = "finished" if one.label in done else "missing"
        print(f"{mark:<10}{one.label}: {one.settings.budget:,} queries at most")
    print(f"{len(done)} of {len(runs)} runs are finished")


MODES: dict[str, Callable[[TableOrder], None]] = {"distill": run, "table": render, "plan": plan}
