"""Answers images by the student, or by the teacher where the student is not sure: the cascade."""

import contextlib
import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from amkd.core import console
from amkd.core.errors import TeacherUnavailable, UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.querying import client
from amkd.querying.client import QueryClient
from amkd.reporting import metrics

Student = Callable[[np.ndarray], np.ndarray]


class Answered(NamedTuple):
    """The answer to one request.

    Attributes:
      probabilities: ``float32[B, Y]``.
      by_teacher: ``bool[B]``, which rows are the teacher's.
      notice: why the student has answered images of which it is unsure; empty if it has not.
    """

    probabilities: np.ndarray
    by_teacher: np.ndarray
    notice: str


class Patience(NamedTuple):
    """How long requests wait for a teacher that is slow or down, in seconds.

    Attributes:
      wait: longest time that a request waits for those before it.
      pause: time in which nothing is sent, after the teacher was unavailable.
    """

    wait: float = 30.0
    pause: float = 30.0


_PATIENCE = Patience()


def _without_class(rows: np.ndarray) -> str:
    """Returns a notice about answers of the teacher that name no class; empty without any."""
    count = int((~metrics.names_class(rows) & ~np.isnan(rows).all(-1)).sum())
    if not count:
        return ""
    return f"the teacher names none of the classes for {count} of the images"


@dataclasses.dataclass
class Counts:
    """What was answered since the start, by whom."""

    requests: int = 0
    student: int = 0
    teacher: int = 0
    unsure: int = 0  # of the student's: the teacher should have answered, but gave no class


class Cascade:
    """The student, with the teacher behind it; may be called from several threads.

    Attributes:
      counts: what was answered.
    """

    def __init__(
        self,
        student: Student,
        *,
        threshold: float = 0.0,
        query_client: QueryClient | None = None,
        patience: Patience = _PATIENCE,
        stop: StopSignal | None = None,
    ) -> None:
        """Starts without having answered anything.

        Args:
          student: ``uint8[B, H, W, C]`` to class probabilities ``float32[B, Y]``.
          threshold: the student's answer is used if its highest probability is at least this.
          query_client: queries the teacher; None if the student answers all.
          patience: how long requests wait for the teacher.
          stop: whether to stop: then nothing more is sent.
        """
        self.counts = Counts()
        self._student, self._threshold, self._query_client = student, threshold, query_client
        self._patience, self._stop = patience, stop or StopSignal()
        self._counting, self._asking = threading.Lock(), threading.Lock()
        self._free_at = 0.0  # when the next request may leave
        self._failed = "", 0.0  # why the teacher was unavailable, and until when nothing is sent

    def answer(self, images: np.ndarray) -> Answered:
        """Answers ``uint8[B, H, W, C]``; never fails because of the teacher."""
        found = np.array(self._student(images), np.float32)
        passed_on = np.zeros(len(images), bool)
        if self._query_client is not None:
            passed_on = ~(found.max(-1) >= np.float32(self._threshold))
        by_teacher, notice = np.zeros(len(images), bool), ""
        if passed_on.any() and self._query_client is not None:
            rows, notice = self._ask(self._query_client, images[passed_on])
            answered = metrics.names_class(rows)
            notice = notice or _without_class(rows)
            by_teacher[np.flatnonzero(passed_on)[answered]] = True
            found[by_teacher] = rows[answered]
        with self._counting:
            self.counts.requests += 1
            self.counts.teacher += int(by_teacher.sum())
            self.counts.student += int((~by_teacher).sum())
            self.counts.unsure += int((passed_on & ~by_teacher).sum())
        return Answered(found, by_teacher, notice)

    def _ask(self, query_client: QueryClient, images: np.ndarray) -> tuple[np.ndarray, str]:
        """Returns the teacher's answers, rows of NaN where there is none, and why there is none.

        Only one thread queries at a time: no image is queried twice, and the rate is kept. If the
        teacher is slow or down, the others do not wait for long. Images with an answer in the
        ledger do not wait at all.
        """
        rows = self._held(query_client, images)
        if not np.isnan(rows).any():
            return rows, ""
        if not self._asking.acquire(timeout=self._patience.wait):
            return self._held(
                query_client, images
            ), "the teacher has not answered earlier requests yet"
        try:
            notice = self._ask_alone(query_client, images)
        finally:
            self._asking.release()
        return self._held(query_client, images), notice

    def _ask_alone(self, query_client: QueryClient, images: np.ndarray) -> str:
        """Queries the teacher; the answers are in the ledger. Returns why some are not, or ""."""
        notice, until = self._failed
        if (left := until - time.monotonic()) > 0:
            return f"{notice}; no image is sent for the next {math.ceil(left)} s"
        try:
            with self._paced(query_client, images):
                client.ask(query_client, images, client.SERVE, round_=0, progress=self._check_stop)
            return ""
        except Stopped:
            return "the service is about to end"
        except UserError as error:  # the money is spent, or the teacher failed
            notice = " ".join(str(error).split())
            if isinstance(error, TeacherUnavailable):
                self._failed = notice, time.monotonic() + self._patience.pause
            console.mention(f"the student answers instead of the teacher: {notice}", error=True)
            return notice

    def _held(self, query_client: QueryClient, images: np.ndarray) -> np.ndarray:
        """Returns the answers in the ledger; rows of NaN where there is none."""
        try:
            return client.look_up(query_client, images, client.SERVE, round_=0)
        except UserError:  # the query tells what is wrong with the ledger
            return np.full((len(images), query_client.classes), np.nan, np.float32)

    @contextlib.contextmanager
    def _paced(self, query_client: QueryClient, images: np.ndarray) -> Iterator[None]:
        """Keeps the rate between the images of one request and those of the next."""
        if not query_client.policy.rate or not client.unanswered(query_client, images):
            yield
            return
        while (left := self._free_at - time.monotonic()) > 0:
            self._check_stop(0)
            time.sleep(min(left, 0.2))
        try:
            yield
        finally:
            self._free_at = time.monotonic() + 1 / query_client.policy.rate

    def _check_stop(self, images: int) -> None:
        del images
        self._stop.check()
