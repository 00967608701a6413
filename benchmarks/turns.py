"""Lets two sides take turns, compares their rates, and writes the measurements.

A machine's speed drifts, so a ratio is computed within each turn, from two consecutive
measurements; the median, the lowest and the highest of the turns' ratios are reported.
"""

import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from amkd.reporting import provenance

Rate = Callable[[], float]  # works for a while; returns the amount of work per second


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One measured figure.

    Attributes:
      name: what was measured: search, train, pool, ...
      model: the network.
      unit: the unit of ``ours`` and ``theirs``.
      ours: amkd's figure; the median of the turns.
      theirs: the figure of the other side, or None if there is no other side.
      against: the name of the other side.
      ratio: ``ours / theirs`` in speed: above 1, amkd is faster. The median of the turns' ratios.
      low: the lowest ratio of a turn.
      high: the highest ratio of a turn.
      turns: how many turns each side took.
      details: further facts about the figure.
    """

    name: str
    model: str
    unit: str
    ours: float
    theirs: float | None = None
    against: str | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    turns: int = 1
    details: dict[str, Any] = dataclasses.field(default_factory=dict)


def alternate(
    ours: Rate, theirs: Rate, *, turns: int, pause: float = 0.3
) -> list[tuple[float, float]]:
    """Measures the rates of both sides, turn by turn; each goes first in every second turn.

    Between two measurements there is a pause, in which the threads of the last one become idle.
    """
    found = []
    for turn in range(turns):
        rates = {}
        for name, side in (("ours", ours), ("theirs", theirs))[:: -1 if turn % 2 else 1]:
            time.sleep(pause)
            rates[name] = side()
        found.append((rates["ours"], rates["theirs"]))
    return found


def compared(
    name: str,
    model: str,
    unit: str,
    *,
    rates: list[tuple[float, float]],
    against: str = "PyTorch",
    **details: Any,
) -> Measurement:
    """Summarises rates from :func:`alternate`."""
    ratios = [ours / theirs for ours, theirs in rates]
    ours, theirs = (statistics.median(side) for side in zip(*rates, strict=True))
    ratio = statistics.median(ratios)
    return Measurement(
        name=name,
        model=model,
        unit=unit,
        ours=ours,
        theirs=theirs,
        against=against,
        ratio=ratio,
        low=min(ratios),
        high=max(ratios),
        turns=len(rates),
        details=details,
    )


def alone(
    name: str, model: str, unit: str, rate: Rate, *, turns: int, **details: Any
) -> Measurement:
    """Measures one side without a comparison: the median of the turns."""
    found = statistics.median(rate() for _ in range(turns))
    return Measurement(name=name, model=model, unit=unit, ours=found, turns=turns, details=details)


def show(row: Measurement) -> None:
    """Prints a row in one line, and its details below."""
    print(f"{row.name} {row.model}: {row.ours:.4g} {row.unit}", end="")
    if row.theirs is not None:
        print(f", {row.against} {row.theirs:.4g}", end="")
    if row.ratio is not None:
        print(
            f": {row.ratio:.2f} times ({row.low:.2f} to {row.high:.2f} in {row.turns} turns)",
            end="",
        )
    print("".join(f"\n    {name}: {value}" for name, value in row.details.items()), flush=True)


def rounded(value: float) -> float:
    """Rounds to three significant digits."""
    return float(f"{value:.3g}")


def write(path: Path | None, rows: list[Measurement], where: dict[str, Any]) -> None:
    """Writes rows as a JSON list, each with the machine, the versions, the command and the date.

    Args:
      path: the file; None writes nothing.
      rows: the measurements.
      where: further facts about the machine, such as the accelerator.
    """
    if path is None:
        return
    common = {
        "machine": {**provenance.machine(), **where},
        "versions": provenance.versions("torch"),
        "command": command(),
        "date": time.strftime("%Y-%m-%d"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps([{**dataclasses.asdict(row), **common} for row in rows], indent=1) + "\n"
    )


def command() -> str:
    """Returns the command that was given, without the file it writes."""
    spec = sys.modules["__main__"].__spec__
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--json=")]
    return " ".join(["python -m", spec.name if spec else Path(sys.argv[0]).stem, *arguments])
