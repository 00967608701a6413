"""A table of runs, as its configuration (``configs/tables/``) states it: rows, ways to spend
queries, and seeds.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from amkd.core.errors import UserError

# By test labels, or by the teacher's answers alone: recipes are chosen by these, on training images
# (data.judge).
MEASURES = ("student_accuracy", "agreement")


class Row(NamedTuple):
    """A row of a table, and a heading of its plots.

    Attributes:
      config: file of the configuration, with an optional ``:preset``.
      set: its fields, each ``name=value`` as on the command line.
      ways: names of the ways that are run for it; none for all.
      paper: accuracy that the paper prints, in percent: of its own method, or by way; None if it
        prints none.
      best: the best one published since, in percent.
      source: whose that is.
    """

    config: str
    set: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    paper: float | dict[str, float] | None = None
    best: float | None = None
    source: str = ""

    def printed(self, way: str) -> float | None:
        """What the paper prints of a way."""
        return self.paper.get(way) if isinstance(self.paper, dict) else self.paper


class Table(NamedTuple):
    """A table of runs.

    Attributes:
      name: of its files.
      title: what a reader sees first.
      seeds: one run for each.
      rows: by name.
      ways: fields of each way, by name, as in ``Row.set``.
      set: fields of all runs.
      against: the ways that all others are compared with, seed by seed.
      only: names of the rows to run; empty for all.
      measure: what is compared, one of ``MEASURES``.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    rows: dict[str, Row]
    ways: dict[str, tuple[str, ...]]
    set: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    measure: str = "student_accuracy"


def is_table(config: Mapping[str, Any]) -> bool:
    """Whether a configuration is a table's, and not a run's."""
    return "rows" in config and "ways" in config


def from_config(config: Mapping[str, Any]) -> Table:
    """A table from its configuration.

    Raises:
      UserError: a field that tables do not have, or a way that is not there.
    """
    _check_names("config", config, Table._fields)
    rows = {}
    for name, given in config["rows"].items():
        _check_names(f"config.rows.{name}", given, Row._fields)
        rows[name] = Row(**given)
        for way in rows[name].ways:
            if way not in config["ways"]:
                raise UserError(
                    f"config.rows.{name}.ways={way!r}: must be some of {', '.join(config['ways'])}"
                )
    only = config.get("only", ())
    for name in only:
        if name not in rows:
            raise UserError(f"config.only={only!r}: {name!r} is none of the rows {', '.join(rows)}")
    seeds = config["seeds"] if isinstance(config["seeds"], tuple) else (config["seeds"],)
    if not seeds or len(set(seeds)) != len(seeds):
        raise UserError(f"config.seeds={seeds!r}: must be one or more different numbers")
    if (measure := config.get("measure", MEASURES[0])) not in MEASURES:
        raise UserError(f"config.measure={measure!r}: must be one of {', '.join(MEASURES)}")
    rivals = config.get("against", ())
    against = (rivals,) if isinstance(rivals, str) else tuple(rivals)
    for way in against:
        if way not in config["ways"]:
            raise UserError(
                f"config.against={rivals!r}: {way!r} is none of the ways"
                f" {', '.join(config['ways'])}"
            )
    return Table(
        **{**config, "rows": rows, "ways": dict(config["ways"]), "seeds": seeds, "against": against}
    )


def _check_names(place: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise UserError(f"{place}.{name}: there is no such field; there are {', '.join(known)}")
