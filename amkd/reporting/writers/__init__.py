"""The writers of a run's curves, in addition to ``metrics.jsonl``: a module for each kind."""

from pathlib import Path

from amkd.config.fields import leaves
from amkd.config.identity import identifying
from amkd.config.settings import Settings
from amkd.core import extras
from amkd.reporting.writers import mlflow, tensorboard, wandb
from amkd.reporting.writers.base import Guarded, Writer, WriterFacts

_LIST_OR_FILE = "data.classes"  # names of classes, or a file of them

__all__ = ["Writer", "WriterFacts", "check", "facts_of", "open_all"]


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


def facts_of(settings: Settings, run: str, folder: Path) -> WriterFacts:
    """Returns the facts of a run for the writers, without paths and without possible secrets."""
    declared = {leaf.name: leaf.declaration for leaf in leaves(type(settings))}
    known = {
        name: _file_name(value) if declared[name].path or name == _LIST_OR_FILE else value
        for name, value in identifying(settings).items()
        if not declared[name].private
    }
    return WriterFacts(run, folder, known)


def _file_name(value: str) -> str:
    """Returns the name of a file without its folder; any other text as it is."""
    path = Path(value)
    return path.name if path.is_absolute() or value.startswith("~") else value


def open_all(settings: Settings, facts: WriterFacts) -> list[Writer]:
    """Returns the configured writers, open.

    Raises:
      UserError: one of them cannot start.
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
