"""Options that the benchmarks share."""

import argparse
from pathlib import Path

from benchmarks import students


def parser(description: str | None, models: str, turns: int = 5) -> argparse.ArgumentParser:
    """Returns a parser with the common options, and their defaults."""
    found = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument(
        "--models",
        default=models,
        help=f"some of {','.join(students.MODELS)}; or all (default: %(default)s)",
    )
    found.add_argument(
        "--turns", type=int, default=turns, help="turns of each side (default: %(default)s)"
    )
    found.add_argument(
        "--seconds", type=float, default=3.0, help="minimum time of a turn (default: %(default)s)"
    )
    found.add_argument("--json", type=Path, help="file to write the rows to")
    return found


def models(flags: argparse.Namespace, known: tuple[str, ...] = students.MODELS) -> list[str]:
    """Returns the requested models.

    Raises:
      SystemExit: there is no such model.
    """
    names = list(known) if flags.models == "all" else flags.models.split(",")
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"no such model: {', '.join(unknown)}; there are {', '.join(known)}")
    return names
