"""The current progress of a run, for people and programs that watch it from outside."""

import contextlib
import dataclasses
import datetime
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from amkd.core import console
from amkd.core.errors import UserError
from amkd.core.json_lines import stamp
from amkd.reporting.bars import bars

_COUNTED_EVERY = 5.0  # seconds between two counts in the ledger


class Counts(NamedTuple):
    """The queries and the spending of a run so far.

    Attributes:
      queries: answers used for distillation, paid for or found in the ledger.
      evaluation_queries: answers on the evaluation images.
      spent: the amount that may have been billed.
    """

    queries: int = 0
    evaluation_queries: int = 0
    spent: float = 0.0


@dataclasses.dataclass(frozen=True)
class ProgressState:
    """The progress of a run; a new value after every step, so that other threads may read it.

    Attributes:
      phase: ``load``, ``evaluation_query``, ``search``, ``query``, ``train``,
        ``evaluate`` or ``report``.
      round: the round, 0 first; None before the first.
      done: how much of this phase is done.
      total: how much there is; 0 if that is not known.
      unit: the unit of both.
      counts: the queries and the spending.
      advanced: when the work last advanced, in seconds since 1970.
    """

    phase: str = "load"
    round: int | None = None
    done: int = 0
    total: int = 0
    unit: str = ""
    counts: Counts = dataclasses.field(default_factory=Counts)
    advanced: float = 0.0


class RunProgress:
    """Records the progress of a run.

    Attributes:
      state: the current progress.
    """

    def __init__(
        self,
        *,
        budget: int = 0,
        currency: str = "",
        shows_bars: bool = False,
    ) -> None:
        """Starts with no progress.

        Args:
          budget: the largest number of queries of the run, as configured.
          currency: the currency of the money.
          shows_bars: whether a person sees progress bars.
        """
        self._rounds, self._budget, self._currency = 0, budget, currency
        self._bars, self._counted = bars(shows_bars), 0.0
        self._count: Callable[[], Counts] = Counts
        self.state = ProgressState(advanced=time.time())

    def facts(self) -> dict[str, Any]:
        """Returns the progress of the run, for JSON."""
        now = self.state
        return {
            "phase": now.phase,
            "round": now.round,
            "rounds": self._rounds,
            "done": now.done,
            "total": now.total,
            "unit": now.unit,
            "queries": now.counts.queries,
            "budget": self._budget,
            "evaluation_queries": now.counts.evaluation_queries,
            "spent": now.counts.spent,
            "currency": self._currency,
            "advanced": stamp(datetime.datetime.fromtimestamp(now.advanced, datetime.UTC)),
        }

    def follow(self, count: Callable[[], Counts], *, rounds: int, budget: int) -> None:
        """Sets the facts that are known once the run is assembled.

        Args:
          count: looks up the counts; it is called by the run's own thread only.
          rounds: number of the last round.
          budget: the largest number of queries; with few images it is below the configured one.
        """
        self._count, self._rounds, self._budget = count, rounds, budget

    def phase(self, name: str, round_: int | None = None) -> None:
        """Records that a phase begins."""
        if round_ is None:
            round_ = self.state.round
        self.state = ProgressState(name, round_, counts=self._look_up(), advanced=time.time())
        console.note("phase")

    @contextlib.contextmanager
    def bar(self, total: int, label: str, unit: str) -> Iterator[Callable[..., None]]:
        """Opens a progress bar, and records how far it has advanced."""
        self._note(done=0, total=total, unit=unit)
        with self._bars(total, label, unit) as shown:

            def advance(step: int, **told: str) -> None:
                shown(step, **told)
                if step:
                    self._note(done=self.state.done + step)
                if time.monotonic() - self._counted > _COUNTED_EVERY:
                    self.state = dataclasses.replace(self.state, counts=self._look_up())

            try:
                yield advance
            finally:  # also if the run is stopped: its last counts are shown from then on
                self.state = dataclasses.replace(self.state, counts=self._look_up())

    def _note(self, **changed: Any) -> None:
        self.state = dataclasses.replace(self.state, advanced=time.time(), **changed)

    def _look_up(self) -> Counts:
        self._counted = time.monotonic()
        try:
            return self._count()
        except UserError:  # the ledger's error is reported where it is needed
            return self.state.counts
