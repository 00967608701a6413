"""The command ``amkd ledger``: shows and maintains the record of every answer paid for."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from amkd.core import console, files
from amkd.core.errors import UserError
from amkd.ledger import accounts, export, merge, reader, recount, report, rescue, verify


def main(argv: Sequence[str] | None = None, program: str = "python -m amkd.ledger") -> int:
    """Runs one subcommand and returns its exit status.

    Args:
      argv: its command line; None for that of this process.
      program: the part of the command line before the arguments; the help text shows it.
    """
    try:
        try:
            args = _parser(program).parse_args(argv)
            with files.private():
                return args.do(args)
        finally:
            sys.stdout.flush()
    except UserError as error:
        console.say(f"error: {error}", error=True, last=True)
        return 2
    except KeyboardInterrupt:
        console.say("stopped; nothing was changed", error=True, last=True)
        return 130
    except console.ReaderGone:  # the program that reads the pipe, such as head, closed it
        return 0


def _parser(program: str = "python -m amkd.ledger") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Shows, checks, exports, imports, merges and rescues ledgers: the record of"
        " every answer paid for.",
        epilog="Exit status: 0 for success, 1 if verify or recount found a fault, 2 for an error,"
        " 130 if stopped.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, do, summary in _COMMANDS:
        command = commands.add_parser(
            name, help=summary, description=summary[0].upper() + summary[1:] + "."
        )
        command.set_defaults(do=do)
        _ARGUMENTS[name](command)
    return parser


def _ledger_argument(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "ledger", type=Path, metavar="LEDGER", help="the ledger's file; it is only read"
    )


def _spend_arguments(command: argparse.ArgumentParser) -> None:
    _ledger_argument(command)
    command.add_argument("--run", help="only this run: its identity, or the first characters of it")
    command.add_argument(
        "--by",
        choices=("run", "round", "day"),
        default="run",
        help="days are in UTC (default: run)",
    )


def _recount_arguments(command: argparse.ArgumentParser) -> None:
    _ledger_argument(command)
    command.add_argument(
        "run", metavar="RUN|WORKDIR", help="a run's identity, its first characters, or its workdir"
    )


def _export_arguments(command: argparse.ArgumentParser) -> None:
    _ledger_argument(command)
    command.add_argument("file", type=Path, metavar="FILE", help="a new file, .csv or .parquet")
    command.add_argument("--teacher", metavar="IDENTITY", help="only this teacher's answers")
    command.add_argument(
        "--run", help="only what this run uses: its identity, or the first characters of it"
    )
    command.add_argument(
        "--plain",
        action="store_true",
        help="write a teacher's name unchanged, even one that a spreadsheet would run, like =1+2",
    )


def _import_arguments(command: argparse.ArgumentParser) -> None:
    command.usage = (
        "%(prog)s ANSWERS --config=CONFIG [--config.NAME=VALUE ...] [--workdir=DIR]"
        " [--images=FOLDER] [--keep_held]"
    )
    command.add_argument(
        "answers", type=Path, metavar="ANSWERS", help="a .csv, .tsv, .jsonl or .parquet file"
    )
    command.add_argument(
        "given",
        nargs=argparse.REMAINDER,
        metavar="FLAGS",
        help="the configuration, as for amkd; --workdir or --config.ledger.path selects the ledger;"
        " --images is the folder of the paths (default: the folder of ANSWERS, or else"
        " data.folder or the folder of data.manifest);"
        " with --keep_held the ledger keeps its own answers where the imported ones differ",
    )


def _dataset_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "workdir", type=Path, metavar="WORKDIR", help="the run's workdir; it is only read"
    )
    command.add_argument("output", type=Path, metavar="OUT", help="a new folder")
    command.add_argument(
        "--format",
        choices=("all", "parquet", "folder"),
        default="all",
        help="train.parquet, or images/CLASS/*.png with answers.csv (default: all)",
    )


def _merge_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("target", type=Path, metavar="TARGET", help="created if it does not exist")
    command.add_argument(
        "sources", type=Path, metavar="SOURCE", nargs="+", help="ledgers that are only read"
    )


def _rescue_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "damaged",
        type=Path,
        metavar="DAMAGED",
        help="the damaged file, in any state; it is only read",
    )
    command.add_argument("new", type=Path, metavar="NEW", help="a new file")
    command.add_argument(
        "--identity",
        action="append",
        default=[],
        metavar="NUMBER=NAME",
        help="the name of a teacher whose recorded name is lost or wrong",
    )


def _show(args: argparse.Namespace) -> int:
    with reader.open_read_only(args.ledger) as db:
        console.say(report.overview(db, args.ledger))
    return 0


def _spend(args: argparse.Namespace) -> int:
    with reader.open_read_only(args.ledger) as db:
        run = None if args.run is None else recount.find(db, args.run)
        console.say(report.spending(accounts.spending(db, run, args.by), args.by))
    return 0


def _verify(args: argparse.Namespace) -> int:
    try:
        with reader.open_read_only(args.ledger) as db:
            checks = list(verify.checks(db))
    except reader.DamagedLedger as error:
        console.say(error)
        return 1
    console.say(report.checks(args.ledger, checks))
    return int(any(check.faults for check in checks))


def _recount(args: argparse.Namespace) -> int:
    with reader.open_read_only(args.ledger) as db:
        found = recount.recount(db, args.run)
    console.say(report.recount(found))
    return int(bool(found.differences))


def _export(args: argparse.Namespace) -> int:
    with reader.open_read_only(args.ledger) as db:
        run = None if args.run is None else recount.find(db, args.run)
        rows = export.write(db, args.file, teacher=args.teacher, run=run, plain=args.plain)
    console.say(f"{rows:,} rows in {args.file}")
    return 0


def _merge(args: argparse.Namespace) -> int:
    console.say(report.merged(args.target, merge.merge(args.target, args.sources)))
    return 0


def _rescue(args: argparse.Namespace) -> int:
    found = rescue.rescue(args.damaged, args.new, dict(map(_identity, args.identity)))
    console.say(report.rescued(found, args.damaged, args.new))
    return 0


def _import(args: argparse.Namespace) -> int:
    # Imported here, because only these two commands need a configuration and JAX.
    from amkd.cli import ledger_commands

    return ledger_commands.import_answers(args.answers, args.given)


def _dataset(args: argparse.Namespace) -> int:
    from amkd.cli import ledger_commands

    return ledger_commands.write_dataset(args.workdir, args.output, args.format)


def _identity(text: str) -> tuple[int, str]:
    number, _, name = text.partition("=")
    if not number.isdigit() or not name:
        raise UserError(
            f"--identity {text}: write a teacher's number and name, as in --identity"
            " 1=my-service-v3"
        )
    return int(number), name


_COMMANDS = (
    ("show", _show, "list runs, teachers and totals"),
    ("spend", _spend, "list the images that were sent, their outcome and their cost"),
    ("verify", _verify, "check the file, every answer and all counts"),
    ("recount", _recount, "count a run's queries again and compare them with its summary"),
    ("export", _export, "write every answer as a row of a table"),
    ("import", _import, "import answers that were paid for elsewhere from a table"),
    ("dataset", _dataset, "write a run's images and answers for other programs"),
    ("merge", _merge, "merge several ledgers into one"),
    ("rescue", _rescue, "save all that can be read from a damaged ledger to a new ledger"),
)
_ARGUMENTS = {
    "show": _ledger_argument,
    "spend": _spend_arguments,
    "verify": _ledger_argument,
    "recount": _recount_arguments,
    "export": _export_arguments,
    "import": _import_arguments,
    "dataset": _dataset_arguments,
    "merge": _merge_arguments,
    "rescue": _rescue_arguments,
}
