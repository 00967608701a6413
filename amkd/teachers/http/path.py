"""Where something is in a service's reply: JMESPath."""

from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from amkd.core.errors import UserError
from amkd.teachers.http.outline import outline

_FIELD = "config.teacher.json"


class Path:
    """A path, checked before anything is sent.

    Attributes:
      field: the configuration's name for it.
      text: the path itself.
    """

    def __init__(self, name: str, text: str) -> None:
        """Reads a path.

        Args:
          name: of the field below ``config.teacher.json``.
          text: JMESPath.

        Raises:
          UserError: it is none.
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
        """What is there, None if nothing is.

        Raises:
          UserError: the path's functions do not take what is there.
        """
        try:
            return self._compiled.search(value)
        except JMESPathError as error:  # whose text repeats values of the reply
            raise self.misfit(f"does not suit ({type(error).__name__})", value) from None

    def misfit(self, words: str, value: Any) -> UserError:
        """An error that says what is wrong with this path in a reply."""
        return UserError(
            f"{self.field}={self.text!r} {words} the reply, which is here {outline(value)}"
        )


def optional(name: str, text: str) -> Path | None:
    """A path, None if its text is empty."""
    return Path(name, text) if text else None
