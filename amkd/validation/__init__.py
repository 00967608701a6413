"""Rules over a whole configuration, which are checked before anything is loaded or paid.

Types, choices and ranges of single fields are declared with the fields (:mod:`amkd.config`). The
rules here compare several fields, or know which methods, networks, acquisitions and losses exist.
Every reason names the field, its value and the remedy.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from amkd.config.fields import reset
from amkd.config.parsing import parse_with_problems, refuse
from amkd.config.settings import Settings
from amkd.teachers import profiles
from amkd.validation import recommended
from amkd.validation.rules import reasons

__all__ = ["as_given", "examine", "from_config", "subject"]


def from_config(config: Mapping[str, Any], explicit: Collection[str] = ()) -> Settings:
    """Checks a configuration and freezes it; a field that it lacks has its default.

    Args:
      config: nested mapping, such as a ``ConfigDict``'s ``to_dict()``.
      explicit: fields that no profile of a service may set, see :func:`profiles.applied`.

    Raises:
      UserError: names every field at fault, its value and the remedy, all at once.
    """
    settings, problems = examine(config, explicit=explicit)
    refuse(problems)
    return settings


def examine(
    config: Mapping[str, Any], told: Iterable[str] = (), *, explicit: Collection[str] = ()
) -> tuple[Settings, list[str]]:
    """Returns settings in which further problems can be looked for, and the problems so far.

    A field with a problem has its default in the settings. Problems that only follow from another
    problem are left out.

    Args:
      config: nested mapping.
      told: problems that were found before, of fields that are at their defaults now.
      explicit: fields that no profile of a service may set, see :func:`profiles.applied`.
    """
    problems = list(told)
    settings: Settings = parse_with_problems(_completed(config, explicit), problems)
    unknown = {subject(problem) for problem in problems}
    problems += (problem for problem in reasons(settings) if not _names(problem, unknown))
    return reset(settings, map(subject, problems)), problems


def as_given(config: Mapping[str, Any], explicit: Collection[str] = ()) -> Settings:
    """Returns the settings of a configuration that may be impossible here, for example because one
    of its files is missing. A field whose own value is impossible has its default.

    Args:
      config: nested mapping.
      explicit: fields that no profile of a service may set, see :func:`profiles.applied`.
    """
    settings: Settings = parse_with_problems(_completed(config, explicit), [])
    return settings


def _completed(config: Mapping[str, Any], explicit: Collection[str]) -> Mapping[str, Any]:
    """Returns a configuration with the values of its service's profile and of ``method=auto``."""
    return recommended.applied(profiles.applied(config, explicit))


def subject(problem: str) -> str:
    """Returns the dotted name of the field that a problem is about; empty if it names none."""
    found = re.search(r"config\.([a-z]\w*(?:\.\w+)*)", problem)
    return found[1] if found else ""


def _names(problem: str, fields: set[str]) -> bool:
    """Returns whether a problem is about one of some fields, or compares another field with one."""
    given = {name.rpartition(".")[2] for name in fields if name}
    return subject(problem) in fields or any(f" {name}=" in problem for name in given)
