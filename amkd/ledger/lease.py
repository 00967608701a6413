"""Makes sure that one process at a time works on a run, by its identity and its heartbeats.

A lease records which process holds a run, and counts the heartbeats of that process (the holder).
If the holder's process is visible from here, the operating system shows whether it is still
running. Otherwise its heartbeats show this, timed by this process's monotonic clock. The time of
day is not used: clocks may be wrong, or be set back.
"""

import contextlib
import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from typing import NamedTuple

from amkd.core import console
from amkd.core.errors import UserError
from amkd.ledger import process
from amkd.ledger.connection import Connection

BEAT = 10.0  # seconds between two heartbeats
SILENCE = 60.0  # seconds without a heartbeat after which a holder is considered dead
_LOOK = 0.5  # seconds between two checks of a holder that is not visible
_TOLD_AFTER = 5.0  # seconds of waiting for another run's answers before a message is shown


_TOKENS: set[str] = set()  # of the ledgers of this process that hold runs


class _Sight(NamedTuple):
    """The last heartbeat of a holder that was seen, and when."""

    holder: str
    beats: int
    moment: float


class Leases:
    """The runs that one open ledger holds, and what it knows about the holders of other runs."""

    def __init__(self, file: Connection) -> None:
        self._file, self._db = file, file.db
        self._token = uuid.uuid4().hex  # two ledgers of one process are two holders
        self._held: dict[str, str] = {}  # run to holder
        self._seen: dict[str, _Sight] = {}  # run to its holder
        self._batches: dict[int, float] = {}  # batch of another run to the moment it was first seen
        self._told: set[str] = set()
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    @contextlib.contextmanager
    def taking(self, run: str) -> Iterator[None]:
        """Runs a block in the transaction that takes a run for this ledger.

        Raises:
          UserError: another process is at work on the run.
        """
        while True:
            with self._file.transaction():
                if self._is_free(run):
                    self._write(run)
                    yield
                    break
            time.sleep(_LOOK)
        self._start_heart()

    def _is_free(self, run: str) -> bool:
        """Returns whether a run may be taken; False as long as that is not known."""
        row = self._row(run)
        if row is None or row[0] == self._held.get(run):
            return True
        first = run not in self._seen
        working = self._works(run)
        holder = process.from_text(row[0])
        own = _token_of_this_process(row[0])
        if working is False or (own and own not in _TOKENS):  # released, but it was not deleted
            return True
        if own:
            raise UserError(
                "an earlier call in this process still works on this run, or waits for answers that"
                f" are paid for (ledger {self._file.path}). Wait until it ends, and repeat the call"
            )
        if working or self._seen[run].beats != row[1]:
            raise UserError(
                f"another process is at work on this run: {holder or 'unknown'} (ledger"
                f" {self._file.path}). If this workdir is a copy, it is still the same run. Wait"
                " until the other process ends, or start a new run in a new --workdir; it will"
                " reuse the answers"
            )
        if first:
            console.say(
                f"this run was last held by {holder or 'an unknown process'}; waiting for up to"
                f" {SILENCE:.0f} seconds to see whether that process is still at work",
            )
        return False

    def _write(self, run: str) -> None:
        own = {**process.own()._asdict(), "token": self._token}
        self._held[run] = json.dumps(own)
        _TOKENS.add(self._token)
        self._seen.pop(run, None)
        self._db.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, 0)", (run, self._held[run]))

    def check(self, run: str) -> None:
        """Refuses to continue a run that another process has taken; called in a transaction.

        Raises:
          UserError: another process has taken the run.
        """
        row = self._row(run)
        if run in self._held and (row is None or row[0] != self._held[run]):
            raise UserError(
                "another process has taken over this run, because this process sent no heartbeat"
                f" for too long (ledger {self._file.path}). Nothing more is sent. Run the same"
                " command to resume when the other process has ended"
            )

    def waits_for(self, run: str, batch: int, patience: float) -> bool:
        """Returns whether a batch of another run may still be answered; called in a transaction.

        Args:
          run: the other run.
          batch: its batch, which has not ended yet.
          patience: seconds after which a request has certainly ended.
        """
        now = time.monotonic()
        waited = now - self._batches.setdefault(batch, now)
        if waited >= patience or self._works(run) is False:
            return False
        if waited >= _TOLD_AFTER and run not in self._told:
            self._told.add(run)
            row = self._row(run)
            holder = process.from_text(row[0]) if row else None
            console.say(
                f"waiting for answers that run {run[:8]} ({holder or 'of an unknown process'}) has"
                f" requested, for up to {patience - waited:.0f} more seconds",
            )
        return True

    def _works(self, run: str) -> bool | None:
        """Returns whether the holder of a run is at work; None if that is not known yet."""
        row = self._row(run)
        if row is None:
            return None
        holder = process.from_text(row[0])
        alive = process.alive(holder) if holder else None
        if alive is not None:
            return alive
        now, seen = time.monotonic(), self._seen.get(run)
        if seen is None or (seen.holder, seen.beats) != row:
            beats = seen is not None and seen.holder == row[0]
            self._seen[run] = _Sight(*row, now)
            return True if beats else None
        return False if now - seen.moment >= SILENCE else None

    def _row(self, run: str) -> tuple[str, int] | None:
        found: tuple[str, int] | None = self._db.execute(
            "SELECT holder, beats FROM lease WHERE run = ?", (run,)
        ).fetchone()
        return found

    def _start_heart(self) -> None:
        if self._heart is None:
            self._heart = threading.Thread(target=self._beat, name="amkd-ledger-heart", daemon=True)
            self._heart.start()

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            # A failed heartbeat is retried later; the next batch reports the same error.
            with contextlib.suppress(UserError), self._file.transaction():
                for run, holder in self._held.items():
                    self._db.execute(
                        "UPDATE lease SET beats = beats + 1 WHERE run = ? AND holder = ?",
                        (run, holder),
                    )

    def release(self) -> None:
        """Releases all runs, so that another process may take them at once."""
        self._stop.set()
        if self._heart is not None:
            self._heart.join(BEAT)
        with contextlib.suppress(UserError), self._file.user_errors():
            for run, holder in self._held.items():
                with contextlib.suppress(sqlite3.Error):  # reported elsewhere
                    self._db.execute(
                        "DELETE FROM lease WHERE run = ? AND holder = ?", (run, holder)
                    )
        self._held.clear()
        _TOKENS.discard(self._token)


def _token_of_this_process(holder: str) -> str:
    """Returns the token of a lease that a ledger of this process wrote; empty for other leases."""
    found = process.from_text(holder)
    # Without its start, a process in another container may look the same.
    if found is None or not found.started or found != process.own():
        return ""
    return str(json.loads(holder).get("token", ""))
