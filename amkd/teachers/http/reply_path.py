"""Finds things in the reply of a service by JMESPath."""

from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from amkd.core.errors import UserError
from amkd.teachers.http.reply_outline import outline

_FIELD = "config.teacher.json"


class Path:
    """A path that is checked before anything is sent.

    Attributes:
      field: the field of the configuration that holds the path.
      text: the path itself.
    """

    def __init__(self, name: str, text: str) -> None:
        """Compiles a path.

        Args:
          name: name of the field below ``config.teacher.json``.
          text: the path.

        Raises:
          UserError: the text is no JMESPath.
        """
        self.field, self.text = f"{_FIELD}.{name}", text
        try:
            self._compiled = jmespath.compile(text)
        except JMESPathError as error:
            words = " ".join(str(error).split())
            raise UserError(
                f"{self.field}={text!r} is no JMESPath ({words}); see https://jmespath.org"
            ) from None

    def search(self, value: Any) -> Any:
        """Returns what the path finds; None if it finds nothing.

        Raises:
          UserError: a function of the path does not take what is there.
        """
        try:
            return self._compiled.search(value)
        except JMESPathError as error:  # whose text repeats values of the reply
            raise self.misfit(f"does not suit ({type(error).__name__})", value) from None

    def misfit(self, words: str, value: Any) -> UserError:
        """Returns an error that says what is wrong with this path in a reply."""
        return UserError(
            f"{self.field}={self.text!r} {words} the reply, which is here {outline(value)}"
        )


def optional(name: str, text: str) -> Path | None:
    """Returns a path; None if its text is empty."""
    return Path(name, text) if text else None
