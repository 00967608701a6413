"""The parts that all tables share. A table consists of many runs; see docs/tables.md."""

from collections.abc import Mapping

from ml_collections import ConfigDict

SEEDS = (0, 1, 2, 3, 4)


def row(config: str, *fields: str, **quoted: object) -> ConfigDict:
    """Makes a row of a table.

    Args:
      config: a file of ``configs/``, with an optional ``:preset``.
      *fields: each ``name=value``, as on the command line.
      **quoted: published figures: ``paper``, ``best`` and ``source``.
    """
    return ConfigDict({"config": f"configs/{config}", "set": fields, **quoted})


def table(
    name: str, preset: str, title: str, ways: Mapping[str, tuple[str, ...]], *against: str
) -> ConfigDict:
    """Makes a table without rows, with five seeds, that compares test accuracy.

    Args:
      name: the name of the table.
      preset: added to the name.
      title: heading of the table.
      ways: the fields of each method to spend the queries, by name.
      *against: the ways with which all others are compared.
    """
    config = ConfigDict()
    config.name = f"{name}_{preset}" if preset else name
    config.title = title
    config.seeds = SEEDS
    config.against = against
    config.measure = "student_accuracy"
    config.only = ()
    config.blocks = ConfigDict()
    config.set = ("report.tensorboard=False", "report.plots=False")
    config.ways = ConfigDict(ways)
    config.rows = ConfigDict()
    return config


def without_quotes(config: ConfigDict) -> ConfigDict:
    """Removes the published figures, which are for other budgets."""
    for one in config.rows.values():
        for name in ("paper", "best", "source"):
            if name in one:
                del one[name]
    return config


def on_training_images(config: ConfigDict) -> ConfigDict:
    """Makes the table compare agreement with the teacher on training images that are not drawn."""
    config.measure = "agreement"
    config.set = (*config.set, "data.evaluate_on=train")
    return config


def check(preset: str, *presets: str) -> None:
    """Raises a ValueError if the preset is not one of these."""
    if preset not in ("", *presets):
        raise ValueError(f"preset {preset!r} does not exist; there are: {', '.join(presets)}")
