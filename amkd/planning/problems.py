"""Collects all problems of a run, step by step."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from amkd.core.errors import UserError
from amkd.validation import subject

_Found = TypeVar("_Found")
_COMPARED = {"budget", "n_real"}  # if one is wrong, the other cannot be checked


class Problems:
    """The problems so far.

    Attributes:
      found: the problems, in the order in which they were found, each once.
    """

    def __init__(self, told: Iterable[str] = ()) -> None:
        """Starts with the problems ``told`` before; their fields are not reported again."""
        self.found = list(told)
        self._told = {subject(problem) for problem in self.found} - {""}
        if self._told & _COMPARED:
            self._told |= _COMPARED

    def add(self, problems: Iterable[str]) -> None:
        """Adds problems, except those of a field that already has one."""
        for problem in problems:
            if problem not in self.found and subject(problem) not in self._told:
                self.found.append(problem)

    def attempt(self, step: Callable[[], _Found]) -> _Found | None:
        """Returns what a step returns; None if it cannot be done, and then its problem is added.

        If there are problems already, any other exception of the step is taken as their effect.
        """
        try:
            return step()
        except UserError as error:
            self.add([str(error)])
        except Exception:
            if not self.found:
                raise
        return None

    def refuse(self) -> None:
        """Raises one error with all problems; does nothing if there are none.

        Raises:
          UserError: there are problems.
        """
        if self.found:
            raise UserError("the plan cannot work:\n" + "\n".join(f"  {one}" for one in self.found))
