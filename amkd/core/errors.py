"""The exceptions that a user is meant to read."""

from amkd.core.redaction import redact


class UserError(Exception):
    """A mistake that the user can mend; shown without a stack trace, and without a secret.

    The message names the field or thing at fault, the value found and the remedy.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(redact(str(message)))


class TeacherFailed(UserError):
    """The teacher was asked about images, and will not answer: the configuration may be right."""


class JobEnded(Exception):
    """Another process of the same job has ended, or was lost, and so this one ends, too.

    Attributes:
      status: the exit status.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(redact(why))
        self.status = status
