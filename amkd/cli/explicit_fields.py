"""The fields of a configuration that were set by hand, not left at their defaults."""

from pathlib import Path

from absl import flags
from ml_collections import config_flags

from amkd.config import config_file, run_record
from amkd.config.names import field_names


def explicit_fields(values: flags.FlagValues) -> set[str]:
    """Returns the fields that were set by hand; all fields if the configuration is that of a
    run's workdir.

    Args:
      values: the parsed flags.
    """
    flag = values["config"]
    maker, _, given = config_flags.get_config_filename(flag).partition(":")
    if maker == run_record.__file__:
        return set(field_names())
    in_file = config_file.fields_in(Path(given)) if maker == config_file.__file__ else set()
    return in_file | set(config_flags.get_override_values(flag))
