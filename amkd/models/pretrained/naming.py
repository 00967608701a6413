"""Names of a network's variables in linen and in timm.

linen puts an underscore before the number of a block and keeps BatchNorm's statistics in a separate
collection; timm puts dots between all parts.
"""

import re
from collections.abc import Iterator
from typing import Any

import jax

from amkd.models.layers import Variables

_LEAVES = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}

Path = tuple[str, ...]  # the path of a variable, beginning with its collection


def dotted(path: Path) -> str:
    """Returns the name of a module or a variable, with a dot before each part and number:
    ``blocks_0_1, bn1, scale`` is ``blocks.0.1.bn1.scale``.
    """
    return re.sub(r"_(?=\d)", ".", ".".join(path))


def timm_key(path: Path, renamed: dict[str, str]) -> str:
    """Returns timm's key of a variable.

    Args:
      path: the path of the variable, beginning with its collection.
      renamed: modules and parameters that have other names in timm.
    """
    name = dotted((*path[1:-1], _LEAVES.get(path[-1], path[-1])))
    for own, theirs in renamed.items():
        if f"{name}.".startswith(f"{own}."):
            return theirs + name[len(own) :]
    return name


def walk(variables: Variables) -> Iterator[tuple[Path, Any]]:
    """Yields path and value of every variable."""
    for keys, value in jax.tree_util.tree_leaves_with_path(variables):
        yield tuple(str(key.key) for key in keys), value
