"""How the command ends: its exit status, and the last message of one that did not finish."""

import errno
from collections.abc import Callable

from amkd.core import console
from amkd.core.errors import JobEnded, TeacherFailed, UserError
from amkd.core.stopping import Stopped

FINISHED = 0
MISTAKE = 2
TEACHER_FAILED = 3
UNFINISHED = 75  # EX_TEMPFAIL of sysexits.h: a scheduler starts the same command again
INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it

_FULL = (errno.ENOSPC, errno.EDQUOT)


def end_of(
    command: Callable[[], None],
    *,
    saves: Callable[[], bool],
    workdir: Callable[[], str] = lambda: "",
) -> tuple[int, str]:
    """Calls a command; returns its exit status and the reason. An error becomes one clear message.

    Args:
      command: the function to call; it returns when it has finished.
      saves: whether the mode saves its state, so that the same command resumes from there.
      workdir: the workdir of the command; empty for none.
    """
    try:
        command()
    except console.ReaderGone:  # the reader has seen enough, as in `amkd --help | head`
        return UNFINISHED if saves() else FINISHED, "the program that read its output has ended"
    except TeacherFailed as error:
        return _failed(error, TEACHER_FAILED)
    except (UserError, FloatingPointError) as error:
        return _failed(error, MISTAKE)
    except OSError as error:
        return _failed(_with_place(error, workdir()), MISTAKE)
    except KeyboardInterrupt:
        return _failed("interrupted; run the same command again", INTERRUPTED)
    except Stopped:
        return _ended("stopped; the state is saved. Run the same command to resume", UNFINISHED)
    except JobEnded as error:
        if error.status == FINISHED:
            return FINISHED, "finished"
        return _ended(f"ended: {error}", error.status)
    return FINISHED, "finished"


def _with_place(error: OSError, workdir: str) -> str:
    """Returns the message of an error of the operating system; on a full disk, with the place."""
    if error.errno not in _FULL:
        return str(error)
    place = f" (--workdir={workdir})" if workdir and error.filename is None else ""
    return f"{error}{place}: free some space, and run the same command again"


def _failed(error: object, status: int) -> tuple[int, str]:
    return _ended(f"error: {error}", status)


def _ended(words: str, status: int) -> tuple[int, str]:
    level = "warning" if status == UNFINISHED else "error"
    console.say(words, error=True, last=True, level=level, event="ended", exit_status=status)
    return status, words
