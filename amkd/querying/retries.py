"""Decides when a failed request is sent again, and when the run gives up."""

import datetime
from pathlib import Path

import tenacity

from amkd import teachers
from amkd.core import console
from amkd.core.errors import TeacherFailed, TeacherUnavailable
from amkd.querying.pace import Pace
from amkd.querying.request_policy import RequestPolicy

_PAUSE_SHOWN = 60.0  # seconds: pauses of at least this length are reported
_DATES = 1e9  # seconds: longest pause from which a date is computed; much longer ones overflow
_USELESS = 2  # complete replies without a usable answer after which a batch is given up


def retrying(policy: RequestPolicy, pace: Pace, *, teacher: str, ledger: Path) -> tenacity.Retrying:
    """Returns a retrying caller, which waits with exponential backoff or as the service asks.

    Args:
      policy: how many attempts to make, and how long to wait between them.
      pace: waits, and pauses all threads if the service asks for a pause.
      teacher: identity of the teacher, for messages.
      ledger: where the earlier answers are, for messages.
    """
    backoff = tenacity.wait_exponential(policy.first_wait, policy.longest_wait)
    jitter = tenacity.wait_random(0, policy.first_wait)
    kept = f"Every earlier answer is kept in {ledger}"

    def wait(state: tenacity.RetryCallState) -> float:
        pause = _failure(state).after or 0.0
        if pause > policy.longest_retry_after:
            told = _too_long(teacher, pause, policy.longest_retry_after)
            raise TeacherUnavailable(f"{told}. {kept}")
        if pause:
            pace.hold(pause)  # for all threads: the service asks all of them to wait
        if pause >= _PAUSE_SHOWN:
            console.say(f"teacher {teacher} asks for a pause of {pause:.0f} seconds")
        return max(pause, min(backoff(state) + jitter(state), policy.longest_wait))

    useless = 0

    def stop(state: tenacity.RetryCallState) -> bool:
        # A complete reply without a usable answer was paid for: only one more attempt is made.
        nonlocal useless
        useless += _failure(state).whole
        return state.attempt_number >= policy.attempts or useless >= _USELESS

    def give_up(state: tenacity.RetryCallState) -> None:
        told = (
            f"teacher {teacher} did not answer in {state.attempt_number} attempts; reason for the"
            f" last failure: {_failure(state).reason}. {kept}"
        )
        if _failure(state).whole:
            raise TeacherFailed(
                f"{told}; the service replied, but the reply cannot be read: check its settings"
                " (config.teacher)"
            )
        raise TeacherUnavailable(
            f"{told}; run the same command when the service works again, or allow more time with"
            " --config.teacher.attempts, first_wait or rate"
        )

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(teachers.Unanswered),
        stop=stop,
        wait=wait,
        sleep=pace.wait,
        retry_error_callback=give_up,
    )


def _too_long(teacher: str, pause: float, longest: float) -> str:
    """Describes that a service asks for a longer wait than is allowed."""
    until = datetime.datetime.now().astimezone() + datetime.timedelta(seconds=min(pause, _DATES))
    return (
        f"teacher {teacher} asks for a wait of {pause:.0f} seconds, until"
        f" {until:%Y-%m-%d %H:%M %Z}, which is longer than"
        f" config.teacher.longest_retry_after={longest:.10g} allows: run the same command after"
        " that time, or increase this field, so that the run waits"
    )


def _failure(state: tenacity.RetryCallState) -> teachers.Unanswered:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, teachers.Unanswered)
    return error
