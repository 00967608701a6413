"""The exceptions that a user is meant to read."""


class UserError(Exception):
    """A mistake that the user can mend; shown without a stack trace.

    The message names the field or thing at fault, the value found and the remedy.
    """


class TeacherFailed(UserError):
    """The teacher was asked about images, and will not answer: the configuration may be right."""
