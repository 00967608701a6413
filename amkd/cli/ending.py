"""How the command ends: its exit status, and the last message of one that did not finish."""

from collections.abc import Callable

from amkd.core import console
from amkd.core.errors import JobEnded, TeacherFailed, UserError
from amkd.core.stopping import Stopped

FINISHED = 0
MISTAKE = 2
TEACHER_FAILED = 3
UNFINISHED = 75  # EX_TEMPFAIL of sysexits.h: a scheduler starts the same command again
INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it


def end_of(command: Callable[[], None], *, saves: Callable[[], bool]) -> tuple[int, str]:
    """Calls a command; returns its exit status and the reason. An error becomes one clear message.

    Args:
      command: the function to call; it returns when it has finished.
      saves: whether the mode saves its state, so that the same command resumes from there.
    """
    try:
        command()
    except console.ReaderGone:  # the reader has seen enough, as in `amkd --help | head`
        return UNFINISHED if saves() else FINISHED, "the program that read its output has ended"
    except TeacherFailed as error:
        return _failed(error, TEACHER_FAILED)
    except (UserError, FloatingPointError, OSError) as error:
        return _failed(error, MISTAKE)
    except KeyboardInterrupt:
        return _failed("interrupted; run the same command again", INTERRUPTED)
    except Stopped:
        return _ended("stopped; the state is saved. Run the same command to resume", UNFINISHED)
    except JobEnded as error:
        if error.status == FINISHED:
            return FINISHED, "finished"
        return _ended(f"ended: {error}", error.status)
    return FINISHED, "finished"


def _failed(error: object, status: int) -> tuple[int, str]:
    return _ended(f"error: {error}", status)


def _ended(words: str, status: int) -> tuple[int, str]:
    level = "warning" if status == UNFINISHED else "error"
    console.say(words, error=True, last=True, level=level, event="ended", exit_status=status)
    return status, words
