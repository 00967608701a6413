"""The commands that take workdirs as they are: ``amkd compare`` and ``amkd review``."""

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from amkd.core import console, files
from amkd.core.errors import UserError

NAMES = ("compare", "review")


def run(argv: Sequence[str]) -> None:
    """Runs one of the commands.

    Args:
      argv: its name and its arguments.

    Raises:
      UserError: something that the user can mend.
    """
    with contextlib.suppress(SystemExit):  # argparse's way out of --help
        args = parser().parse_args(argv)
        args.do(args)


class _Parser(argparse.ArgumentParser):
    """Raises a mistake as one for the user."""

    def error(self, message: str) -> NoReturn:
        """Raises what is wrong with the command line."""
        raise UserError(f"{message}; {self.prog} --help shows how")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of both commands."""
    made = _Parser(prog="amkd", allow_abbrev=False)
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    about = "Compares runs on one HTML page: curves, classes, paired tests, configurations."
    compare = commands.add_parser("compare", description=about, allow_abbrev=False)
    compare.add_argument(
        "workdirs", type=_folder, nargs="+", metavar="WORKDIR", help="runs, finished or not"
    )
    compare.add_argument(
        "--output",
        type=_folder,
        default=Path("compare.html"),
        metavar="FILE.html",
        help="the page (default: compare.html in this folder)",
    )
    compare.set_defaults(do=_compare)
    return made


def _folder(text: str) -> Path:
    return Path(text).expanduser()


def _compare(args: argparse.Namespace) -> None:
    _check_page(args.output)
    from amkd.tables import comparison, comparison_page

    runs = comparison.read(args.workdirs)
    private = all(run.kept.settings.report.private for run in runs)
    with files.private(private):
        files.write_text(args.output, comparison_page.page(runs))
    console.say(f"{args.output}: {len(runs)} runs compared", last=True)


def _check_page(path: Path) -> None:
    """Refuses a place where no page should be written.

    Raises:
      UserError: it is a folder, in no folder, or the file of something else.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--output={path}: is a page; name a file that ends in .html")
    if not path.parent.is_dir():
        raise UserError(f"--output={path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise UserError(f"--output={path}: is a folder; name a file")
