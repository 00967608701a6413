"""The folder of one run: to which run it belongs, and where its files are."""

import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from amkd.config import run_record
from amkd.config.fields import flatten, leaves
from amkd.config.identity import differences
from amkd.config.names import renamed
from amkd.config.origin import NOWHERE, Origin
from amkd.config.settings import Settings
from amkd.core import console, files
from amkd.core.errors import UserError
from amkd.core.redaction import bare_url
from amkd.ledger import lookup
from amkd.reporting import progress_file, summary_text

PROBE_PAGE = "probe.html"
_LOCKS: set[IO[str]] = set()  # held by this process
_LEDGER = "ledger.sqlite"


def owner(config: Settings, workdir: Path) -> str:
    """Returns the identity of the run in a workdir; a new one if the workdir is empty.

    Raises:
      UserError: it contains a run with a different configuration, or other files.
    """
    if not run_record.is_in(workdir):
        if workdir.exists() and any(map(_is_foreign, workdir.iterdir())):
            raise UserError(
                f"{workdir} is not empty and contains no run; {run_record.another(workdir)}"
            )
        return uuid.uuid4().hex
    found = run_record.read(workdir)
    # Fields that an earlier version did not have count as today's default.
    before = {**_as_json(Settings()), **renamed(found["config"])}
    if different := differences(before, _as_json(config)):
        paid = before["ledger.path"] or str(workdir / _LEDGER)
        reuse = (
            f" (with --config.ledger.path={paid}, it reuses the paid answers if teacher and images"
            " are the same; --mode=plan counts them)"
        )
        given = config.ledger.path  # they are reused anyway if it is the same
        if given and Path(paid).absolute() == Path(given).expanduser().absolute():
            reuse = ""
        raise UserError(
            f"{workdir} contains a run with a different configuration. Choose another"
            f" --workdir{reuse}, or undo these changes:\n"
            + "\n".join(f"  {line}" for line in different)
        )
    return found["run"]


def _is_foreign(entry: Path) -> bool:
    """Returns whether a folder with this entry cannot become the workdir of a new run.

    Some entries are allowed: ``.part`` files; a ledger, because answers may be imported or probed
    before a run begins; the page of a probe; and the progress file of a run that was refused.
    """
    known = entry.name.startswith(_LEDGER) or entry.name in (PROBE_PAGE, progress_file.NAME)
    return entry.suffix != ".part" and not known


def claim(
    config: Settings,
    workdir: Path,
    run_id: str,
    teacher: str,
    data: str,
    weights: str = "",
    origin: Origin = NOWHERE,
) -> None:
    """Assigns a workdir to this run, or checks that its teacher and its images are still the same.

    Args:
      config: the settings.
      workdir: the folder.
      run_id: identity of the run.
      teacher: identity of the teacher.
      data: identity of the images; empty where the data set's name identifies them.
      weights: SHA-256 of the initial weights of student and assistant; empty without any.
      origin: where the configuration came from; that of the first call is kept.

    Raises:
      UserError: the run was started with another teacher, other images, or other weights.
    """
    held = {"run": run_id, "teacher": teacher, "data": data, "config": _without_secrets(config)}
    if origin.config:
        held["origin"] = origin._asdict()
    if weights:
        held["weights"] = weights
    if run_record.is_in(workdir):
        held = run_record.read(workdir)
        if held.get("teacher") != teacher:
            raise UserError(
                f"{workdir} was started with teacher {held.get('teacher')}, but the teacher is now"
                f" {teacher}; choose another --workdir"
            )
        if held.get("data", "") != data:
            raise UserError(
                f"{workdir} was started with other images: some were added, changed or removed"
                " since then. Restore them, or choose another --workdir and keep the answers:"
                f" --config.ledger.path={ledger_path(config, workdir)}"
            )
        if held.get("weights", "") != weights:
            before = held.get("weights") or "none"
            raise UserError(
                f"config.student_weights={config.student_weights!r}{_assistant_weights(config)}:"
                f" the weights have SHA-256 {weights or 'none'}, but {workdir} was started with"
                f" {before}."
                " Give the same weights (hf:OWNER/NAME@COMMIT names one version), or choose another"
                " --workdir and keep the answers:"
                f" --config.ledger.path={ledger_path(config, workdir)}"
            )
    run_record.write(workdir, held)


def check_ledger(config: Settings, workdir: Path, run_id: str) -> None:
    """Refuses a ledger that does not know the run, if the run has begun: with another one, it would
    pay for its answers again.

    Args:
      config: the settings.
      workdir: the folder.
      run_id: identity of the run.

    Raises:
      UserError: the run has begun with another ledger.
    """
    ledger, before = ledger_path(config, workdir), run_record.read(workdir).get("ledger")
    # Earlier versions did not keep the ledger's place, but nothing is saved before a run begins.
    begun_before = before or any(path.is_dir() for path in (workdir / "checkpoints").glob("*"))
    if not begun_before or lookup.knows_run(ledger, run_id):
        return
    if not before or Path(before).absolute() == ledger.absolute():
        raise UserError(
            f"ledger {ledger} does not contain the run of {workdir}, which has begun: it is missing"
            " or was replaced, or the run began with another one. Nothing was sent. Restore it,"
            " name the ledger of this run (--config.ledger.path=FILE), or choose another --workdir"
        )
    raise UserError(
        f"ledger {ledger} does not contain the run of {workdir}, which began with the ledger"
        f" {before}. Nothing was sent. Name the ledger with the answers of this run"
        f" (--config.ledger.path={before}), or choose another --workdir"
    )


def begun(config: Settings, workdir: Path) -> None:
    """Keeps the settings with which a run begins or continues, and the place of its ledger.

    So ``--workdir`` alone continues with the latest limits and places. Fields that identify a run
    are always the same.
    """
    ledger = ledger_path(config, workdir).absolute()
    places = {
        "ledger": str(ledger),
        "ledger_from_workdir": os.path.relpath(ledger, workdir.absolute()),
    }
    held = {**run_record.read(workdir), "config": _without_secrets(config), **places}
    run_record.replace(workdir, held)


@contextlib.contextmanager
def locked(workdir: Path) -> Iterator[None]:
    """Keeps other processes out of a workdir; the lock ends with the process, however it ends.

    Raises:
      UserError: another process is using it.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        lock = (workdir / "lock.part").open("w")
    except OSError as error:
        raise UserError(
            f"--workdir={workdir} cannot be created or written ({error}); choose another"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"another process is using {workdir}; choose another --workdir"
            ) from error
        _LOCKS.add(lock)
        try:
            yield
        finally:
            _LOCKS.discard(lock)


def _assistant_weights(config: Settings) -> str:
    given = config.assistant.weights
    return f" and config.assistant.weights={given!r}" if given else ""


def _leave_locks() -> None:
    """Closes the locks in a forked process: a child that is left over must not lock a folder."""
    for lock in _LOCKS:
        lock.close()
    _LOCKS.clear()


os.register_at_fork(after_in_child=_leave_locks)


def finished(workdir: Path) -> dict[str, Any] | None:
    """Returns the summary of a finished run; None if it is not finished, or has to be written
    again.
    """
    path = workdir / "summary.json"
    if not path.exists():
        return None
    try:
        summary = files.read_object(path, "it is written again from the run's saved state")
        summary_text.closing_table(summary)
    except UserError as error:
        console.say(error)
        return None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        console.say(f"{path} is incomplete ({error}): it is written again")
        return None
    return summary


def _as_json(config: Settings) -> dict[str, Any]:
    return json.loads(json.dumps(flatten(config)))


def _without_secrets(config: Settings) -> dict[str, Any]:
    """Returns a configuration without the parts that may contain a secret by mistake.

    These parts are not needed to distinguish two runs: the teacher's identity contains a hash of
    its address.
    """
    kept, http = _as_json(config), config.teacher.http
    asks_with_secret = bool(http.url and (http.auth_env or http.auth_file))
    for leaf in leaves(Settings):
        if leaf.declaration.private and not asks_with_secret:
            kept[leaf.name] = leaf.default
    kept["teacher.http.url"] = bare_url(http.url)
    if config.ledger.path:  # the same file from every folder
        kept["ledger.path"] = str(Path(config.ledger.path).expanduser().absolute())
    return kept


def ledger_path(config: Settings, workdir: Path) -> Path:
    """Returns the ledger's file: the configured one, or the workdir's own."""
    return Path(config.ledger.path).expanduser() if config.ledger.path else workdir / _LEDGER
