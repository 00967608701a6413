"""The flags of the command, apart from the fields of the configuration."""

from absl import flags
from ml_collections import config_flags

from amkd.cli import joining

MODES = (
    "distill",
    "plan",
    "probe",
    "train_teacher",
    "evaluate",
    "predict",
    "export",
    "serve",
    "table",
)


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags of the command."""
    config_flags.DEFINE_config_file(
        "config",
        None,
        "Configuration NAME or FILE, or NAME:PRESET; by default that of the run in --workdir."
        " Override its fields with --config.NAME=VALUE.",
        lock_config=True,
        flag_values=values,
    )
    flags.DEFINE_string(
        "workdir", None, "Folder of the run: its state, ledger and results.", flag_values=values
    )
    flags.DEFINE_enum("mode", "distill", MODES, "What to do; see above.", flag_values=values)
    flags.DEFINE_string(
        "network",
        None,
        "Folder of a saved network; by default WORKDIR/student.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "images",
        None,
        "predict: folder of image files; ledger import: folder that the paths are relative to.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "output", None, "predict: CSV file; export, table: folder.", flag_values=values
    )
    flags.DEFINE_string(
        "shard", "", "Tables: do only a part of the runs, such as 2/8.", flag_values=values
    )
    flags.DEFINE_string(
        "host", "127.0.0.1", "serve: address; by default this machine only.", flag_values=values
    )
    flags.DEFINE_integer(
        "port", 8080, "serve: port.", lower_bound=0, upper_bound=65535, flag_values=values
    )
    flags.DEFINE_enum(
        "log",
        "text",
        ("text", "json"),
        "text, or json: one JSON object per line, with the time and the progress of the run.",
        flag_values=values,
    )
    joining.define_flags(values)
