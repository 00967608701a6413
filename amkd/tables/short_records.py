"""The short record of a finished run that a repository keeps, without images and weights."""

import json
from pathlib import Path
from typing import Any

from amkd.config import run_record
from amkd.config.identity import differing
from amkd.config.names import renamed
from amkd.core import files
from amkd.core.errors import UserError
from amkd.reporting.summary_text import LANE_FIGURES
from amkd.tables.sweep import Run

ShortRecord = dict[str, Any]

_FROM_SUMMARY = (
    "method",
    "dataset",
    "n_real",
    "queries",
    "budget",
    "evaluation_queries",
    "teacher",
    "student",
    "teacher_accuracy",
    "student_accuracy",
    "success_rate",
    "agreement",
    "student_sha256",
    "seconds",
    "peak_memory_mib",
    "devices",
    "deterministic",
    "machine",
    "versions",
)
# Present only if the task is lanes, or if the student learned from an assistant.
_WHERE_THERE = (*LANE_FIGURES, "assistant")
_FROM_ROUND = (
    *("round", "queries", "student_accuracy", "agreement", "divergence"),
    *("calibration_error", "brier_score", "search"),
)


def shorten(run: Run, workdir: Path) -> ShortRecord:
    """Shortens the summary of a finished run, and adds the fields that are not at their defaults.

    Args:
      run: one run of a table.
      workdir: its folder.
    """
    path = workdir / "summary.json"
    summary = files.read_object(path, "run the table again: it is written again", {"rounds": list})
    return {
        "row": run.row,
        "way": run.way,
        "seed": run.seed,
        **{name: summary.get(name) for name in _FROM_SUMMARY},
        **_where_there(summary),
        "rounds": [
            {**{name: entry[name] for name in _FROM_ROUND if name in entry}, **_where_there(entry)}
            for entry in summary["rounds"]
        ],
        "config": differing(run.settings),
        **_identities(workdir),
    }


def _identities(workdir: Path) -> dict[str, str]:
    """Returns the identities of images and initial weights, which the configuration does not
    determine.
    """
    record = run_record.read(workdir) if run_record.is_in(workdir) else {}
    return {name: record[name] for name in ("data", "weights") if record.get(name)}


def _where_there(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in _WHERE_THERE if name in entry}


def path_of(row: str, way: str, seed: int, folder: Path) -> Path:
    """Returns the file of a record in the folder of its table's runs."""
    return folder / f"{row}-{way}-{seed}.json"


def write(record: ShortRecord, folder: Path) -> None:
    """Writes a record into the folder of its table's runs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = path_of(record["row"], record["way"], record["seed"], folder)
    files.write_text(path, json.dumps(record, indent=1, sort_keys=True) + "\n")


def read(folder: Path) -> list[ShortRecord]:
    """Reads all records of a folder, in the order of their names, with today's names of fields.

    Raises:
      UserError: one of them is damaged.
    """
    remedy = "delete it; --mode=table writes it again from the run, if its workdir still exists"
    fields = {
        **{"row": str, "way": str, "seed": int, "rounds": list, "config": dict, "seconds": dict},
        **{"method": str, "dataset": str, "teacher": str, "student": str},
        **{"n_real": int, "queries": int},
    }
    found = []
    for path in sorted(folder.glob("*.json")):
        record = files.read_object(path, remedy, fields)
        if fault := _fault(record):
            raise UserError(f"{path} is damaged ({fault}): {remedy}")
        found.append({**record, "config": renamed(record["config"])})
    return found


def _fault(record: ShortRecord) -> str:
    """Returns what is wrong with the fields that a table uses; empty if nothing is."""
    shares = ("teacher_accuracy", "student_accuracy", "success_rate", "agreement", *LANE_FIGURES)
    for name in shares:
        if not _is_figure(record.get(name)):
            return f"{name!r} is not a number"
    if not all(isinstance(one, (int, float)) for one in record["seconds"].values()):
        return "'seconds' contains something that is not a number"
    if not record["rounds"]:
        return "'rounds' is empty"
    for entry in record["rounds"]:
        if not isinstance(entry, dict) or not isinstance(entry.get("queries"), int):
            return "a round has no 'queries'"
        if not isinstance(entry.get("search"), dict):
            return "a round has no 'search'"
        for name in (*_FROM_ROUND[2:-1], *LANE_FIGURES):
            if not _is_figure(entry.get(name)):
                return f"{name!r} of a round is not a number"
    return ""


def _is_figure(value: Any) -> bool:
    """Returns whether a value is a number, or None where nothing was measured."""
    return value is None or isinstance(value, (int, float))
