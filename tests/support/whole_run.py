"""Whole runs in the tests' own process, for which all of them together compile each program once.

A run of the command line takes five seconds of work, most of them to trace and compile. What needs
no process of its own (no signal, exit status or flag) runs here.
"""

import os
from pathlib import Path
from typing import Any
from unittest import mock

from amkd.core.stopping import StopSignal
from amkd.run import experiment
from tests.support.small import configured


class WhenTrue(StopSignal):
    """Asks to stop as soon as a condition holds."""

    def __init__(self, condition) -> None:
        self.condition = condition

    @property
    def requested(self) -> bool:
        return self.condition()


def run(
    folder: Path,
    config: str = "default",
    preset: str = "",
    *,
    stop: StopSignal | None = None,
    fails: int | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Runs a shipped configuration with other values; returns the summary.

    Args:
      folder: holds the workdir ``run``, and the counting teacher's log ``asked.txt``.
      config: name of the configuration.
      preset: its preset.
      stop: whether to stop.
      fails: number of images after which the counting teacher fails.
      fields: other values.
    """
    folder.mkdir(exist_ok=True)
    chosen = {"COUNTING_TEACHER_LOG": str(folder / "asked.txt")}
    if fails is not None:
        chosen["COUNTING_TEACHER_FAILS"] = str(fails)
    with mock.patch.dict(os.environ, chosen):
        settings = configured(config, preset, **fields)
        return experiment.run(settings, folder / "run", stop or StopSignal())
