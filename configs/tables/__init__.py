"""Tables: many runs each (see README); here is what all of them share."""

from collections.abc import Mapping

from ml_collections import ConfigDict

SEEDS = (0, 1, 2, 3, 4)


def row(config: str, *fields: str, **quoted: object) -> ConfigDict:
    """A row: a file of ``configs/``, fields as on the command line, and what others have
    published.
    """
    return ConfigDict({"config": f"configs/{config}", "set": fields, **quoted})


def table(
    name: str, preset: str, title: str, ways: Mapping[str, tuple[str, ...]], *against: str
) -> ConfigDict:
    """A table without rows, of five seeds, compared by test accuracy with some ways; ``only`` names
    the rows to run.
    """
    config = ConfigDict()
    config.name = f"{name}_{preset}" if preset else name
    config.title = title
    config.seeds = SEEDS
    config.against = against
    config.measure = "student_accuracy"
    config.only = ()
    config.set = ("report.tensorboard=False", "report.plots=False")
    config.ways = ConfigDict(ways)
    config.rows = ConfigDict()
    return config


def without_quotes(config: ConfigDict) -> ConfigDict:
    """The table without what others have published, which is of other budgets."""
    for one in config.rows.values():
        for name in ("paper", "best", "source"):
            if name in one:
                del one[name]
    return config


def on_training_images(config: ConfigDict) -> ConfigDict:
    """The table, compared by agreement with the teacher on training images that are not drawn."""
    config.measure = "agreement"
    config.set = (*config.set, "data.judge=train")
    return config


def check(preset: str, *presets: str) -> None:
    """Refuses a preset that is none of these."""
    if preset not in ("", *presets):
        raise ValueError(f"preset {preset!r} does not exist; there are: {', '.join(presets)}")
