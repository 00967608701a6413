"""Where the curves of a run go beside ``metrics.jsonl``: a file for each kind of writer."""

from pathlib import Path

from amkd.config.fields import leaves
from amkd.config.identity import identifying
from amkd.config.settings import Settings
from amkd.core import extras
from amkd.reporting.writers import mlflow, tensorboard, wandb
from amkd.reporting.writers.base import Guarded, RunFacts, Writer

__all__ = ["RunFacts", "Writer", "check", "facts_of", "open_all"]


def check(settings: Settings) -> None:
    """Imports what the configured writers need.

    Raises:
      UserError: a package is missing.
    """
    report = settings.report
    if report.wandb:
        extras.require("wandb", extra="wandb", field=f"config.report.wandb={report.wandb!r}")
    if report.mlflow:
        extras.require("mlflow", extra="mlflow", field=f"config.report.mlflow={report.mlflow!r}")


def facts_of(settings: Settings, run: str, folder: Path) -> RunFacts:
    """Returns what the writers are told of a run: neither places nor what may hold a secret."""
    private = {leaf.name for leaf in leaves(type(settings)) if leaf.declaration.private}
    known = identifying(settings)
    return RunFacts(
        run, folder, {name: value for name, value in known.items() if name not in private}
    )


def open_all(settings: Settings, facts: RunFacts) -> list[Writer]:
    """Returns the configured writers, open.

    Raises:
      UserError: one of them cannot begin.
    """
    report = settings.report
    found: list[Writer] = []
    if report.tensorboard:
        found.append(tensorboard.EventFiles(facts.folder / "tensorboard"))
    if report.wandb:
        found.append(Guarded("config.report.wandb", wandb.Run(report.wandb, facts)))
    if report.mlflow:
        found.append(Guarded("config.report.mlflow", mlflow.Run(report.mlflow, facts)))
    return found
