"""Distil a black-box image classifier into a small student network by Active Mixup.

  python launch.py --config=configs/digits.py --workdir=runs/digits
  python launch.py --config=configs/mnist.py:smoke --workdir=runs/try --config.rounds=3

The same command resumes a run that was stopped, and prints the result of one that is finished.

Modes (--mode):
  distill        the whole run: query, search, train, round after round (default)
  plan           what the run will ask, cost and need, and what is wrong with it; asks nothing
  train_teacher  only train the local teacher of the configuration, and keep it for later runs
  evaluate       a saved network on the configuration's test images: --network=FOLDER, by default
                 the student in --workdir
  predict        a saved network on the pictures of a folder, to a CSV file: --images=FOLDER
  export         a saved student as StableHLO and ONNX files with a model card, to --output=FOLDER
  table          renders a table's finished runs to --output=FOLDER, by default WORKDIR/results

A table (configs/tables/) is many runs: the same command runs those that are missing, or with
--shard=2/8 a part of them, and renders it; --mode=plan lists them.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags, logging
from ml_collections import config_flags

from amkd.cli import arguments, modes
from amkd.core import compilation
from amkd.core.errors import UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.tables import modes as table_modes
from amkd.tables import table
from amkd.validation import from_config

FLAGS = flags.FLAGS
config_flags.DEFINE_config_file(
    "config",
    None,
    "Configuration FILE, or FILE:PRESET; override its fields with --config.NAME=VALUE.",
    lock_config=True,
)
flags.DEFINE_string("workdir", None, "Folder of the run: its state, ledger and results.")
flags.DEFINE_enum("mode", "distill", [*modes.MODES, "table"], "What to do; see above.")
flags.DEFINE_string("network", None, "Folder of a saved network; by default WORKDIR/student.")
flags.DEFINE_string("images", None, "predict: folder of pictures.")
flags.DEFINE_string("output", None, "predict: CSV file; export, table: folder.")
flags.DEFINE_string("shard", "", "Tables: do a part of the runs only, such as 2/8.")


def main(argv: list[str]) -> None:
    """One call into the package."""
    logging.set_verbosity(logging.WARNING)  # orbax narrates every save
    paths = (FLAGS.workdir, FLAGS.network, FLAGS.images, FLAGS.output)
    workdir, network, pictures, output = (
        Path(path).expanduser() if path else None for path in paths
    )
    stop = StopSignal().install() if FLAGS.mode in modes.STOPPABLE else StopSignal()
    given = FLAGS.config.to_dict()
    if table.is_table(given):
        order = table_modes.TableOrder(table.from_config(given), workdir, output, FLAGS.shard, stop)
        return arguments.pick(table_modes.MODES, FLAGS.mode)(order)
    config = from_config(given)
    compilation.keep(Path(config.cache_dir).expanduser())
    return arguments.pick(modes.MODES, FLAGS.mode)(
        modes.Order(config, workdir, network, pictures, output, stop)
    )


if __name__ == "__main__":
    try:
        app.run(main, flags_parser=lambda argv: arguments.parse(FLAGS, argv, __doc__))
    except (UserError, FloatingPointError, OSError) as error:
        arguments.fail(error)
    except KeyboardInterrupt:
        arguments.fail("interrupted; nothing was changed")
    except Stopped:
        print("stopped, and saved: the same command goes on from here", file=sys.stderr, flush=True)
