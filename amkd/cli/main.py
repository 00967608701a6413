"""The command ``amkd``: turns the flags into one call.

JAX, and every module that needs it, is imported after the flags are parsed, so that ``--help`` and
mistakes in the command line are reported at once.
"""

import functools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import app, flags, logging
from ml_collections import config_flags

from amkd.cli import (
    arguments,
    ending,
    flag_definitions,
    joining,
    ledger,
    subcommands,
    unused_flags,
)
from amkd.cli.explicit_fields import explicit_fields
from amkd.config import config_file, run_record
from amkd.config.identity import identifying
from amkd.config.origin import NOWHERE, Origin, of_file
from amkd.config.parsing import refuse
from amkd.core import console, processes
from amkd.core.stopping import StopSignal
from amkd.tables.table import Table, is_table
from amkd.tables.table import from_config as table_from_config

STORY = """Distil a black-box image classifier into a small student network by Active Mixup.

  amkd --config=digits --workdir=runs/digits
  amkd --config=mnist:smoke --workdir=runs/try --config.rounds=3

The same command resumes a run that was stopped, and prints the result of one that is finished.
amkd --workdir=runs/digits does the same: a workdir contains the configuration of its run, for every
mode.
In a checkout, python launch.py is the same command.

Configurations (--config): a Python, YAML or JSON file of your own, or the name of a shipped one,
such as digits, best/mnist or tables/table1; after a colon, its preset.

Modes (--mode):
  distill        does the whole run: query, search, train, round after round (default)
  plan           shows what the run will query, cost and need, and what is wrong with it; queries
                 nothing
  probe          queries a few images (teacher.probe_images) and shows the answers, their form, the
                 rate and the cost of the run; the run does not pay for these images again
  train_teacher  only trains the local teacher of the configuration, and keeps it for later runs
  evaluate       evaluates a saved network on the configuration's test images: --network=FOLDER, by
                 default the student in --workdir
  predict        writes the answers of a saved network to the image files in --images=FOLDER into a
                 CSV file
  export         writes a saved student as StableHLO and ONNX files with a model card, to
                 --output=FOLDER
  serve          serves a run's student (Open Inference Protocol) at --host and --port; with
                 serve.threshold, the paid teacher answers images of which the student is unsure
  table          renders a table's finished runs to --output=FOLDER, by default WORKDIR/results

Commands (amkd COMMAND --help describes each):
  amkd ledger                shows, checks, imports and exports the answers that were paid for
  amkd compare DIR DIR ...   one page: curves, classes, paired tests, differences in the fields
  amkd review DIR            images on which teacher and student disagree, for a person to correct
  amkd status DIR            the state of a run; exit status 0 if it has a heartbeat or is finished
  amkd --version             the version of amkd

A table (tables/table1 and others) consists of many runs. The same command runs those that are
missing, or with --shard=2/8 a part of them, and renders the table; --mode=plan lists the runs.
"""
STOPPABLE = (
    "distill",
    "probe",
    "train_teacher",
    "serve",
)  # these finish the work that is paid for; the other modes end at once


def run() -> None:
    """Runs the command line of this process, and exits with the status of ``amkd.cli.ending``."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    console.guard()
    if sys.argv[1:2] == ["ledger"]:
        sys.exit(ledger.main(sys.argv[2:], "amkd ledger"))
    if next(arguments.values_of(sys.argv[1:], "log"), "") == "json":
        console.write_json()  # before the flags are parsed: a mistake in them is JSON, too
    flag_definitions.define_flags(flags.FLAGS)
    status, why = 1, "an error in its code"
    command = _command
    if sys.argv[1:2] and sys.argv[1] in subcommands.NAMES:
        command = functools.partial(subcommands.run, sys.argv[1:])
    try:
        status, why = ending.end_of(command, saves=_saves, workdir=_workdir)
    finally:
        processes.leave(status, why)
    sys.exit(status)


def _command() -> None:
    """Parses the flags of this process and does what they ask for."""
    problems: list[str] = []
    try:
        app.run(
            lambda _: _main(problems),
            flags_parser=lambda argv: arguments.parse(flags.FLAGS, argv, STORY, problems),
        )
    except SystemExit as end:  # absl exits like this, also after a finished command
        if end.code:
            raise


def _saves() -> bool:
    """Returns whether the mode saves its state; False before the flags are parsed."""
    return flags.FLAGS.is_parsed() and flags.FLAGS.mode in STOPPABLE


def _workdir() -> str:
    """Returns the workdir of the command; empty for none, and before the flags are parsed."""
    return (flags.FLAGS.is_parsed() and flags.FLAGS.workdir) or ""


def _main(problems: list[str]) -> None:
    """Runs the mode that the flags name; reports all problems together, also those found before."""
    logging.set_verbosity(logging.WARNING)  # orbax logs every save
    mode = flags.FLAGS.mode
    stop = StopSignal().install() if mode in STOPPABLE else StopSignal()
    given = flags.FLAGS.config.to_dict()
    unused_flags.refuse(flags.FLAGS, of_table=is_table(given))
    joining.join(flags.FLAGS, stop, of_table=is_table(given))
    if is_table(given):
        refuse(problems)
        _run_table_mode(mode, table_from_config(given), stop)
    else:
        _run_mode(mode, given, stop, problems)


def _run_table_mode(mode: str, made: Table, stop: StopSignal) -> None:
    from amkd.tables import modes

    command = modes.TableCommand(
        table=made,
        workdir=_path("workdir"),
        output=_path("output"),
        shard=flags.FLAGS.shard,
        stop=stop,
    )
    arguments.pick(modes.MODES, mode)(command)


def _run_mode(mode: str, given: Mapping[str, Any], stop: StopSignal, problems: list[str]) -> None:
    from amkd.cli import modes
    from amkd.core import compilation, files, program_cache
    from amkd.validation import examine, tasks

    config, problems = examine(given, problems, explicit=explicit_fields(flags.FLAGS))
    if mode != "plan":
        refuse(problems)
        tasks.refuse_mode(config, mode)
    program_cache.keep(Path(config.cache_dir).expanduser())
    compilation.repeat_bits(config.deterministic)
    # The dispatches of all processes must have one size.
    joining.agree({**identifying(config), "search.chunk": config.search.chunk})
    command = modes.Command(
        config=config,
        workdir=_path("workdir"),
        network=_path("network"),
        images=_path("images"),
        output=_path("output"),
        stop=stop,
        problems=tuple(problems),
        host=flags.FLAGS.host,
        port=flags.FLAGS.port,
        origin=_origin(),
    )
    with files.private(config.report.private):
        arguments.pick(modes.MODES, mode)(command)


def _origin() -> Origin:
    """Returns where the configuration came from; ``NOWHERE`` if it is that of a run's workdir,
    which stores its origin itself.
    """
    flag = flags.FLAGS["config"]
    name = config_flags.get_config_filename(flag)
    maker, _, given = name.partition(":")
    if maker == run_record.__file__:
        return NOWHERE
    return of_file(
        given if maker == config_file.__file__ else name,
        tuple(config_flags.get_override_values(flag)),
    )


def _path(flag: str) -> Path | None:
    text = flags.FLAGS[flag].value
    return Path(text).expanduser() if text else None
