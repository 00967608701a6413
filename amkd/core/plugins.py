"""Parts that a configuration names: a registered one, or one of the user's own as
``module:attribute``.
"""

import difflib
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, TypeVar, cast

from amkd.core import fault_place
from amkd.core.errors import UserError

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """The parts of a package, one in each of its files, by the names of the files.

    Names need no import; a file is imported when its part is requested.

    Args of the constructor:
      package: name of the package.
      path: its ``__path__``.
      attribute: what the part is called in its file.
      without: files that contain no part.
    """

    def __init__(
        self, package: str, path: Iterable[str], attribute: str, without: Iterable[str] = ("base",)
    ) -> None:
        self._package, self._attribute = package, attribute
        names = {found.name for found in pkgutil.iter_modules(path)} - set(without)
        self._names = dict.fromkeys(sorted(names))

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        module = importlib.import_module(f"{self._package}.{name}")
        return cast(T, getattr(module, self._attribute))

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def resolve(
    name: str, registry: Mapping[str, T], field: str, kind: type | tuple[type, ...] = object
) -> T:
    """Returns what a configuration names: ``registry[name]``, or ``module:attribute`` imported.

    A module of the user's own is found like any other, and also in the working directory.

    Args:
      name: the value of the field: a registered name, or ``module:attribute``.
      registry: the parts of the package by their names.
      field: the field of the configuration, such as ``search.acquisition``; for messages.
      kind: type, or types, of which an imported part must be.

    Raises:
      UserError: there is no such part; the message names the field, the value and the remedy.
    """
    if name in registry:
        return registry[name]
    at_fault = f"config.{field}={name!r}"
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise UserError(
            f"{at_fault}: must be one of {', '.join(registry)}, or your own as"
            f" module:attribute{_hint(name, registry)}"
        )
    module = _import(module_name, at_fault)
    try:
        found: Any = getattr(module, attribute)
    except AttributeError:
        public = [each for each in vars(module) if not each.startswith("_")]
        raise UserError(
            f"{at_fault}: module {module_name!r} ({_place(module)}) has no attribute"
            f" {attribute!r}{_hint(attribute, public)}"
        ) from None
    if not isinstance(found, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(f"{each.__module__}.{each.__qualname__}" for each in kinds)
        raise UserError(
            f"{at_fault}: is of type {type(found).__name__}; it must be of type {wanted}"
        )
    return cast(T, found)


def is_own(name: str) -> bool:
    """Returns whether a name means a part of the user's own, ``module:attribute``."""
    return ":" in name


def _import(name: str, at_fault: str) -> ModuleType:
    """Imports a module; the working directory is the last place where it is looked for."""
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    try:
        importlib.invalidate_caches()  # the file may be newer than the last import
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):  # another module, which this module imports
            raise UserError(f"{at_fault}: importing {name!r} failed: {error}") from error
        raise UserError(
            f"{at_fault}: there is no module {error.name!r}; put {error.name}.py into the working"
            f" directory ({here}), or add its folder to PYTHONPATH"
        ) from None
    except (Exception, SystemExit) as error:
        failed = f"importing {name!r} failed: {fault_place.describe(error)}"
        raise UserError(f"{at_fault}: {failed}") from error


def _place(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or "built in"


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""
