"""The interface of every writer of curves."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from amkd.core import console
from amkd.core.redaction import Hidden, redact


@dataclasses.dataclass(frozen=True)
class WriterFacts:
    """The facts of a run that a writer receives.

    Attributes:
      run: its identity, the same when the run is resumed.
      folder: its workdir.
      config: the values that define the run, by dotted name.
    """

    run: str
    folder: Path
    config: Mapping[str, Any]


def hidden(*names: str) -> Hidden:
    """Hides the values of environment variables in messages; in an address only its password.

    Args:
      names: the names of the variables.
    """
    return Hidden(*(_secret_of(os.environ.get(name, "")) for name in names))


def _secret_of(value: str) -> str:
    if "://" not in value:
        return value
    try:
        return urlsplit(value).password or ""
    except ValueError:  # no address
        return value


class Writer(Protocol):
    """Takes the figures of a run."""

    def scalars(self, values: Mapping[str, float], *, axis: str, step: int) -> None:
        """Takes figures.

        Args:
          values: the values by name, such as ``round/agreement``.
          axis: what the steps count: ``epoch`` or ``queries``.
          step: where on the axis the figures belong.
        """

    def close(self, *, finished: bool) -> None:
        """Ends the writing; ``finished`` says whether the run is finished."""


class Guarded:
    """A writer to a service: its failure never ends the run, which is paid for."""

    def __init__(self, field: str, writer: Writer) -> None:
        """Guards a writer; ``field`` is what configures it."""
        self._field, self._writer = field, writer
        self._failed = False

    def scalars(self, values: Mapping[str, float], *, axis: str, step: int) -> None:
        """See :class:`Writer`; reports the first failure, and ignores all values after it."""
        if not self._failed:
            try:
                self._writer.scalars(values, axis=axis, step=step)
            except Exception as error:  # of many kinds
                self._tell(error)

    def close(self, *, finished: bool) -> None:
        """See :class:`Writer`."""
        try:
            self._writer.close(finished=finished)
        except Exception as error:
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            why = redact(f"{type(error).__name__}: {error}")
            console.say(
                f"{self._field}: failed, and receives no more values of this run ({why});"
                " metrics.jsonl contains all values",
                error=True,
            )
