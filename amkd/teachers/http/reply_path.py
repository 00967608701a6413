"""Finds parts of a service's reply with JMESPath, but keeps every null.

JMESPath drops null and missing values from what a projection such as ``predictions[].label`` finds.
Then two lists that belong together, labels and scores, may no longer match: if one entry has no
label and the next entry has no score, both lists are shorter by one, and a score is paired with the
label of another entry. Here every projection keeps one element for each element of its list.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from amkd.core.errors import UserError
from amkd.teachers.http.reply_outline import outline

_FIELD = "config.teacher.json"


class Step(NamedTuple):
    """How a path selected elements of lists.

    Attributes:
      kind: ``filter`` for ``[?...]``, ``join`` for ``[]``.
      numbers: the positions that the filter kept, or the lengths of the joined lists.
    """

    kind: str
    numbers: tuple[int, ...]


def in_step(one: Sequence[Step], other: Sequence[Step]) -> bool:
    """Returns whether two paths selected the same elements, as far as their steps show it."""
    return len(one) != len(other) or all(
        step == twin for step, twin in zip(one, other, strict=True) if step.kind == twin.kind
    )


class Path:
    """A path that is checked before anything is sent.

    Attributes:
      field: the field of the configuration that contains the path.
      text: the path itself.
    """

    def __init__(self, name: str, text: str) -> None:
        """Compiles a path.

        Args:
          name: name of the field below ``config.teacher.json``.
          text: the path.

        Raises:
          UserError: the text is not JMESPath.
        """
        self.field, self.text = f"{_FIELD}.{name}", text
        try:
            self._tree = jmespath.compile(text).parsed
        except JMESPathError as error:
            words = " ".join(str(error).split())
            raise UserError(
                f"{self.field}={text!r} is not JMESPath ({words}); see https://jmespath.org"
            ) from None

    def search(self, value: Any) -> Any:
        """Returns what the path finds, nulls included; None if it finds nothing.

        Raises:
          UserError: a function of the path does not accept the value in the reply.
        """
        return self.walk(value)[0]

    def walk(self, value: Any) -> tuple[Any, list[Step]]:
        """Returns the same as :meth:`search`, and the steps by which elements were selected.

        Raises:
          UserError: a function of the path does not accept the value in the reply.
        """
        interpreter = _NullKeeper()
        try:
            return interpreter.visit(self._tree, value), interpreter.steps
        except JMESPathError as error:  # whose text repeats values of the reply
            raise self.misfit(f"does not suit ({type(error).__name__})", value) from None

    def misfit(self, words: str, value: Any) -> UserError:
        """Returns an error that describes what is wrong with this path in a reply."""
        return UserError(
            f"{self.field}={self.text!r} {words} the reply, which has the form {outline(value)}"
        )


class _NullKeeper(TreeInterpreter):
    """Evaluates JMESPath with nulls kept; a filter ``[?name]`` still drops what it must drop.

    Attributes:
      steps: see :meth:`Path.walk`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []

    def visit_flatten(self, node: Any, value: Any) -> list[Any] | None:
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        joined = [part if isinstance(part, list) else [part] for part in base]
        self.steps.append(Step("join", tuple(map(len, joined))))
        return [child for part in joined for child in part]

    def visit_projection(self, node: Any, value: Any) -> list[Any] | None:
        base, inside = self.visit(node["children"][0], value), node["children"][1]
        return [self.visit(inside, part) for part in base] if isinstance(base, list) else None

    def visit_value_projection(self, node: Any, value: Any) -> list[Any] | None:
        base, inside = self.visit(node["children"][0], value), node["children"][1]
        found = base.values() if isinstance(base, dict) else None
        return None if found is None else [self.visit(inside, part) for part in found]

    def visit_filter_projection(self, node: Any, value: Any) -> list[Any] | None:
        listed, inside, condition = node["children"]
        base = self.visit(listed, value)
        if not isinstance(base, list):
            return None
        kept = [at for at, part in enumerate(base) if self._is_true(self.visit(condition, part))]
        self.steps.append(Step("filter", tuple(kept)))
        return [self.visit(inside, base[at]) for at in kept]


def optional(name: str, text: str) -> Path | None:
    """Returns a path; None if its text is empty."""
    return Path(name, text) if text else None
