"""What ``launch.py`` can do with a table's configuration: one function per ``--mode``."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from amkd.core import compilation
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.tables import sweep, tabulate
from amkd.tables.table import Table


class TableOrder(NamedTuple):
    """The command line.

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


def run(order: TableOrder) -> None:
    """Runs what is missing, then renders what there is, whatever failed."""
    if order.workdir is None:
        raise UserError("--workdir is missing: the folder for the runs of this table")
    runs = sweep.share(sweep.expand(order.table, order.workdir), order.shard)
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
        done, of = tabulate.gather(order.table, order.workdir, output)
        print(f"{done} of {of} runs are finished", flush=True)
    print(tabulate.render(order.table, output))
    print(f"{output / order.table.name}.html, .md, .csv, .json, -curves.csv, .png")


def plan(order: TableOrder) -> None:
    """Every run, and whether it is finished; asks nothing."""
    runs = sweep.share(sweep.expand(order.table, order.workdir), order.shard)
    done = {one[:3] for one, _ in sweep.finished(runs, order.workdir)} if order.workdir else set()
    for one in runs:
        mark = "finished" if one[:3] in done else "missing"
        print(
            f"{mark:<10}{one.row}, {one.way}, seed {one.seed}: {one.settings.budget:,} queries"
            " at most"
        )
    print(f"{len(done)} of {len(runs)} runs are finished")


MODES: dict[str, Callable[[TableOrder], None]] = {"distill": run, "table": render, "plan": plan}
