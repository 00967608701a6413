"""The commands that need only workdirs: ``amkd compare``, ``review`` and ``status``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from amkd.core import console, files
from amkd.core.errors import UserError

NAMES = ("compare", "review", "status")
NOT_WELL = 1  # exit status of ``amkd status`` for a run that is not healthy


def run(argv: Sequence[str]) -> None:
    """Runs one of the commands.

    Args:
      argv: its name and its arguments.

    Raises:
      UserError: a problem that the user can fix.
    """
    try:
        args, unknown = parser().parse_known_args(argv)
    except SystemExit:  # argparse exits like this after --help
        return
    if unknown:
        # argparse itself would point to the help of all commands.
        raise UserError(f"unrecognized arguments: {' '.join(unknown)}; see amkd {argv[0]} --help")
    args.do(args)


class _Parser(argparse.ArgumentParser):
    """Parses a command line; a mistake in it becomes an error for the user."""

    def error(self, message: str) -> NoReturn:
        """Raises what is wrong with the command line."""
        raise UserError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the commands."""
    made = _Parser(prog="amkd", allow_abbrev=False)
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    _add_compare(commands)
    _add_review(commands)
    _add_status(commands)
    return made


def _add_compare(commands: Any) -> None:
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


def _add_review(commands: Any) -> None:
    about = "Shows images of a finished run for a person to review, and imports corrections."
    review = commands.add_parser("review", description=about, allow_abbrev=False)
    review.add_argument("workdir", type=_folder, metavar="WORKDIR", help="a finished run")
    review.add_argument(
        "--output",
        type=_folder,
        metavar="FOLDER",
        help="folder of review.html and review.csv (default: WORKDIR/review)",
    )
    review.add_argument(
        "--most",
        type=int,
        default=100,
        metavar="COUNT",
        help="maximum number of images of each kind (default: 100)",
    )
    review.add_argument(
        "--read",
        type=_folder,
        metavar="FILE.csv",
        help="import the classes in its column `correct` into the ledger; no page is written",
    )
    review.set_defaults(do=_review)


def _add_status(commands: Any) -> None:
    about = (
        "Shows the state of a run. The exit status is 0 if the run has a recent heartbeat or is"
        f" finished, and {NOT_WELL} otherwise."
    )
    status = commands.add_parser("status", description=about, allow_abbrev=False)
    status.add_argument("workdir", type=_folder, metavar="WORKDIR", help="a run")
    status.add_argument(
        "--within",
        type=float,
        metavar="SECONDS",
        help="maximum age of the last heartbeat (default: 60, or three times the run's"
        " report.beat_seconds if that is longer)",
    )
    status.add_argument(
        "--idle",
        type=float,
        metavar="SECONDS",
        help="maximum time since the work last advanced (default: no limit)",
    )
    status.set_defaults(do=_status)


def _folder(text: str) -> Path:
    return Path(text).expanduser()


def _status(args: argparse.Namespace) -> None:
    from amkd.reporting import progress_file

    found = progress_file.health(args.workdir, args.within, args.idle)
    console.say(found.message, last=True)
    if not found.healthy:
        sys.exit(NOT_WELL)


def _compare(args: argparse.Namespace) -> None:
    from amkd.cli import page_output
    from amkd.tables import comparison, comparison_page

    page_output.check(args.output)
    runs = comparison.read(args.workdirs)
    private = all(run.stored.settings.report.private for run in runs)
    with files.private(private):
        files.write_text(args.output, comparison_page.page(runs))
    console.say(f"{args.output}: {len(runs)} runs compared", last=True)


def _review(args: argparse.Namespace) -> None:
    if args.most < 1:
        raise UserError(f"--most={args.most}: must be 1 or more")
    from amkd.run import reviewing, stored_run, workdir

    run = stored_run.read(args.workdir)
    with files.private(run.settings.report.private), workdir.locked(args.workdir):
        review = reviewing.collect(run)
        if args.read is not None:
            _take(review, args.read)
        else:
            _write(review, args.output or args.workdir / "review", args.most)


def _take(review: Any, path: Path) -> None:
    """Takes the corrections of a file into the ledger."""
    from amkd.run import reviewing

    recorded, right = reviewing.take(review, reviewing.read_csv(review, path))
    console.say(
        f"{review.run.ledger}: {recorded.added} corrections are new, {recorded.changed} have"
        f" changed, {recorded.held} were already there"
    )
    if right.images:
        console.say(
            f"of these {right.images} images, the teacher is right on {right.teacher} and the"
            f" student on {right.student}",
            last=True,
        )


def _write(review: Any, folder: Path, most: int) -> None:
    """Writes the page and the CSV file."""
    from amkd.reporting import contact_sheet, gallery, html_parts
    from amkd.run import reviewing

    shown = review.galleries(most)
    if not shown:
        raise UserError(
            f"{review.run.folder}: there is no image to review: the ledger has no answers to images"
            " that are available here, or teacher and student agree on all of them"
        )
    table, page = folder / "review.csv", folder / "review.html"
    if table.exists():
        raise UserError(
            f"{table} already exists and may contain corrections; import them with"
            f" --read={table}, then choose another --output or remove the file"
        )
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(table, reviewing.write_csv(review, shown))
    title = f"Review of {review.run.folder.name}"
    note = (
        "Write the correct class of an image into the column correct of review.csv, and leave the"
        " column empty where you are not sure. Then run amkd review WORKDIR --read=review.csv. The"
        " text below each image shows its row in that file."
    )
    parts = [contact_sheet.STYLE, f"<h1>{html_parts.escape(title)}</h1>", html_parts.text(note)]
    parts += gallery.html(shown, numbered=True)
    files.write_text(page, html_parts.page(title, parts))
    console.say(f"{page}: images to review\n{table}: one row for each", last=True)
