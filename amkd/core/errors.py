"""The exceptions whose messages are for users."""

from amkd.core.redaction import redact


class UserError(Exception):
    """A mistake that the user can fix; shown without a stack trace, and without secrets.

    The message names the field or thing at fault, the value found and the remedy.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(redact(str(message)))


class TeacherFailed(UserError):
    """The teacher was queried, but does not answer; the configuration may be right.

    Attributes:
      refused: digests of the images that the service refused; empty if it is not known that single
        images are the reason.
      others_sent: whether all other images were sent, so that only the refused ones are unanswered.
      suspected: digests of a refused request with several images, any of which may be the reason.
      answered: digests of the other images of the same request; their answers are in the ledger.
      batches: the numbers of the request's batches in the ledger, if there are such images.
    """

    refused: tuple[bytes, ...] = ()
    others_sent: bool = False
    suspected: tuple[bytes, ...] = ()
    answered: tuple[bytes, ...] = ()
    batches: tuple[int, ...] = ()


class TeacherUnavailable(TeacherFailed):
    """The teacher cannot be reached, or asks for a long wait: another image would fail, too."""


def diverged(what: str) -> FloatingPointError:
    """Returns the error of a network whose training diverged.

    Args:
      what: what is not finite.
    """
    return FloatingPointError(
        f"{what}: the training diverged; set a lower learning_rate in this recipe"
        " (config.train for a student, config.assistant.train for an assistant,"
        " config.teacher.train for a teacher). The teacher's answers are kept: a run in a new"
        " --workdir with --config.ledger.path=FILE uses them again"
    )


class JobEnded(Exception):
    """Another process of the same job has ended, or was lost, so this one ends too.

    Attributes:
      status: the exit status.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(redact(why))
        self.status = status
