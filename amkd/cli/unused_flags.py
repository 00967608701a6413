"""Refuses flags that the chosen mode does not use: a part of the command would be ignored."""

from absl import flags

from amkd.core.errors import UserError

# The modes that use a flag; flags that are not named here belong to every mode.
_OF_RUNS: dict[str, tuple[str, ...]] = {
    "network": ("evaluate", "predict", "export", "serve"),
    "images": ("predict",),
    "output": ("probe", "predict", "export"),
    "host": ("serve",),
    "port": ("serve",),
    "shard": (),
}
_OF_TABLES: dict[str, tuple[str, ...]] = {
    "network": (),
    "images": (),
    "output": ("distill", "table", "plan"),  # the plan takes the flags of what it plans
    "host": (),
    "port": (),
    "shard": ("distill", "plan"),
}


def refuse(values: flags.FlagValues, *, of_table: bool) -> None:
    """Refuses a flag that the mode does not use.

    Args:
      values: the flags.
      of_table: whether the configuration describes a table.

    Raises:
      UserError: names the first such flag.
    """
    mode = str(values["mode"].value)
    for name, modes in (_OF_TABLES if of_table else _OF_RUNS).items():
        value = values[name].value
        if value == values[name].default or mode in modes:
            continue
        raise UserError(f"--{name}={value}: {_reason(name, mode, modes, of_table=of_table)}")


def _reason(name: str, mode: str, modes: tuple[str, ...], *, of_table: bool) -> str:
    if name == "shard" and not of_table:
        return "only a table has shards; leave it out"
    if not modes:
        return "a table does not use it; leave it out"
    used = f"only {', '.join(f'--mode={one}' for one in modes)}"
    does = "does" if len(modes) == 1 else "do"
    return f"--mode={mode} does not use it, {used} {does}; leave it out"
