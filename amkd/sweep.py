"""Many runs from one configuration: every row of a table, by every way, for every seed.

A table's configuration (``configs/tables/``) names rows, each a configuration of a run with some fields set, ways to
spend its queries, and seeds. Runs share the teachers of ``cache_dir`` and one ledger; those that are finished are
left alone, and those that were stopped go on.
"""

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from amkd import defaults, distill, settings
from amkd.errors import UserError
from amkd.settings import Settings
from amkd.stopping import StopSignal


class Row(NamedTuple):
    """A row of a table, and a heading of its plots.

    Attributes:
      config: file of the configuration, with an optional ``:preset``.
      set: its fields, each ``name=value`` as on the command line.
      ways: names of the ways that are run for it; none for all.
      paper: accuracy that the paper prints, in percent; None if it prints none.
      best: the best one published since, in percent.
      source: whose that is.
    """

    config: str
    set: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    paper: float | None = None
    best: float | None = None
    source: str = ""


class Table(NamedTuple):
    """A table of runs.

    Attributes:
      name: of its files.
      title: what a reader sees first.
      seeds: one run for each.
      rows: by name.
      ways: fields of each way, by name, as in ``Row.set``.
      set: fields of all runs.
      against: the way that all others are compared with, seed by seed.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    rows: dict[str, Row]
    ways: dict[str, tuple[str, ...]]
    set: tuple[str, ...] = ()
    against: str = "random"


class Run(NamedTuple):
    """One run of a table.

    Attributes:
      row: its row.
      way: its way.
      seed: its seed.
      settings: its configuration.
    """

    row: str
    way: str
    seed: int
    settings: Settings

    def folder(self, workdir: Path) -> Path:
        """Its workdir."""
        return workdir / self.row / self.way / f"seed{self.seed}"


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
                raise UserError(f"config.rows.{name}.ways={way!r}: must be some of {', '.join(config['ways'])}")
    seeds = config["seeds"] if isinstance(config["seeds"], tuple) else (config["seeds"],)
    if not seeds or len(set(seeds)) != len(seeds):
        raise UserError(f"config.seeds={seeds!r}: must be one or more different numbers")
    return Table(**{**config, "rows": rows, "ways": dict(config["ways"]), "seeds": seeds})


def _check_names(place: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise UserError(f"{place}.{name}: there is no such field; there are {', '.join(known)}")


def expand(table: Table, workdir: Path | None = None) -> list[Run]:
    """Every run of a table, seeds in the outer loop: all rows have something before any has everything.

    Args:
      table: the table.
      workdir: where the ledger is that the runs share; None where they are not to be run.

    Raises:
      UserError: all that is wrong with any of the configurations.
    """
    problems: list[str] = []
    shared = {"ledger.path": str(workdir / "ledger.sqlite")} if workdir else {}
    runs = []
    for seed in table.seeds:
        for name, row in table.rows.items():
            for way in row.ways or table.ways:
                fields = dict(map(field, (*table.set, *row.set, *table.ways[way])))
                try:
                    runs.append(Run(name, way, seed, configured(row.config, {**fields, **shared, "seed": seed})))
                except UserError as error:
                    problems.append(f"{name}, {way}: {error}")
        if problems:  # the same for every seed
            raise UserError("the table cannot work:\n" + "\n".join(problems))
    return runs


def field(text: str) -> tuple[str, Any]:
    """``name=value`` as the command line has it."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{text!r}: must be name=value")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def configured(config: str, fields: Mapping[str, Any]) -> Settings:
    """The settings of a configuration file with other values.

    Args:
      config: the file, with an optional ``:preset``.
      fields: values by dotted name.

    Raises:
      UserError: there is no such file, preset or field, or a value is impossible.
    """
    path, _, preset = config.partition(":")
    spec = importlib.util.spec_from_file_location("amkd_row_config", Path(defaults.__file__).parent.parent / path)
    if spec is None or spec.loader is None or not Path(str(spec.origin)).exists():
        raise UserError(f"there is no configuration {path!r}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        made = module.get_config(preset)
        for name, value in fields.items():
            if name not in settings.field_names():
                raise UserError(settings.unknown_field(name))
            made.update_from_flattened_dict({name: value})
    except (TypeError, ValueError) as error:  # a preset or a type
        raise UserError(str(error)) from error
    return settings.from_config(made.to_dict())


def share(runs: list[Run], shard: str) -> list[Run]:
    """The part of the runs that one of several jobs takes: ``2/8`` is the second of eight.

    Raises:
      UserError: it is no such part.
    """
    if not shard:
        return runs
    own, _, of = shard.partition("/")
    if not own.isdigit() or not of.isdigit() or not 1 <= int(own) <= int(of):
        raise UserError(f"--shard={shard!r}: must be a part of a whole, such as 2/8")
    return runs[int(own) - 1 :: int(of)]


def run(runs: list[Run], workdir: Path, stop: StopSignal) -> None:
    """Runs what is missing; what fails is told in the end, and keeps no other run from being done.

    Raises:
      UserError: some of the runs failed.
      Stopped: the process was asked to stop; everything is saved.
    """
    failed = []
    for number, one in enumerate(runs, 1):
        folder = one.folder(workdir)
        label = f"[{number} of {len(runs)}] {one.row}, {one.way}, seed {one.seed}"
        if (folder / "summary.json").exists():
            print(f"{label}: finished before", flush=True)
            continue
        print(label, flush=True)
        stop.check()
        try:
            distill.run(one.settings, folder, stop)
        except (UserError, FloatingPointError) as error:
            print(f"{label}: failed", flush=True)
            failed.append(f"{folder}: {error}")
    if failed:
        raise UserError("the same command tries these again:\n" + "\n".join(failed))


def finished(runs: list[Run], workdir: Path) -> Iterator[tuple[Run, Path]]:
    """The runs that are finished, and their workdirs."""
    for one in runs:
        if (folder := one.folder(workdir)).joinpath("summary.json").exists():
            yield one, folder
