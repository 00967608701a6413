"""Where the configuration of a run came from: a name, and the fields that were set as well."""

from pathlib import Path
from typing import NamedTuple

from amkd.config import shipped


class Origin(NamedTuple):
    """What a person gave to configure a run.

    Attributes:
      config: as ``--config`` takes it, such as ``mnist:smoke``; for a file of the user's own only
        the file's name; empty if none was given.
      fields: the dotted names of the fields that were set in addition.
    """

    config: str = ""
    fields: tuple[str, ...] = ()


NOWHERE = Origin()  # of a run that was configured by Python code, or by an earlier version


def of_file(config: str, fields: tuple[str, ...] = ()) -> Origin:
    """Returns the origin of a configuration that was read from a file.

    Args:
      config: the file, with an optional ``:preset``.
      fields: the fields that were set in addition.
    """
    file, colon, preset = config.partition(":")
    path, ours = Path(file).resolve(), shipped.folder().resolve()
    name = path.name
    if path.is_relative_to(ours):
        name = path.relative_to(ours).with_suffix("").as_posix()
    return Origin(f"{name}{colon}{preset}", fields)
