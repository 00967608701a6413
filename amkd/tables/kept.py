"""What is kept of a finished run beside its figures, small enough for a repository: no images, no
weights.
"""

import json
from pathlib import Path
from typing import Any

from amkd.config import settings
from amkd.config.identity import differing
from amkd.core import files

Kept = dict[str, Any]


_FROM_SUMMARY = (
    *(
        "method",
        "dataset",
        "n_real",
        "queries",
        "budget",
        "evaluation_queries",
        "teacher",
        "student",
    ),
    *("teacher_accuracy", "student_accuracy", "success_rate", "agreement", "student_sha256"),
    *("seconds", "peak_memory_mib", "devices", "machine", "versions"),
)


_FROM_ROUND = ("round", "queries", "student_accuracy", "agreement", "divergence", "search")


def of(row: str, way: str, seed: int, config: settings.Settings, workdir: Path) -> Kept:
    """A finished run of a table in short, with what differs from the defaults of
    ``configs/default.py``.
    """
    summary = json.loads((workdir / "summary.json").read_text())
    return {
        "row": row,
        "way": way,
        "seed": seed,
        **{name: summary.get(name) for name in _FROM_SUMMARY},
        "rounds": [{name: row.get(name) for name in _FROM_ROUND} for row in summary["rounds"]],
        "config": differing(config),
    }


def write(kept: Kept, folder: Path) -> None:
    """Into the folder of its table's runs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kept['row']}-{kept['way']}-{kept['seed']}.json"
    files.write_text(path, json.dumps(kept, indent=1, sort_keys=True) + "\n")


def read(folder: Path) -> list[Kept]:
    """All that is kept in a folder, in the order of names."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
