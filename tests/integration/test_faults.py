"""Against a service that fails in every way, and killed while it asks, a run loses no answer and
buys none twice.
"""

import base64
import collections
import contextlib
import json
import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from amkd import ledger
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from tests.support import asking, command, faulty_runs
from tests.support.faulty_runs import BATCH, BUDGET, MIDDLE, PRICE, SHAPE, Oracle, settings_of
from tests.support.faulty_server import FaultyServer, digest, seeded

heavy = pytest.mark.heavy
ENDS_WELL = (
    "slow:0.05", "hang", "drip", "reset", "429:0.05", "429", "503:0.05", "503", "500",
    "truncated", "garbled",
    "rows", "shuffled", "duplicate", "contradiction", "stranger",
)  # fmt: skip
STOPS = (
    "classes",
    "nan",
    "sum",
    "400",
    "404",
    "500*9",
    "reset*9",
    "garbled*9",
    "429:0.01*9",
)  # attempts: 3
IMPATIENT = {
    "teacher.http.connect_timeout": 0.3,
    "teacher.http.read_timeout": 1.2,
}  # for what never ends

# Either protocol reads these on its own; the rest happens below it.
_BY_OIP = ("truncated", "garbled", "rows", "stranger", "classes", "nan", "sum")
_MUCH_LIKE_OTHERS = ("404", "reset*9", "garbled*9")


def cases(faults: tuple[str, ...]) -> list[Any]:
    """(fault, protocol, requests in flight), of which a part that meets every line of code is not
    heavy.
    """
    found = []
    for fault in faults:
        for kind, in_flight in (("json", 3), ("json", 1), ("oip", 3), ("oip", 1)):
            light = (kind, in_flight) == ("json", 3) and fault not in _MUCH_LIKE_OTHERS
            light |= (kind, in_flight) == ("oip", 1) and fault in _BY_OIP
            found.append(pytest.param(fault, kind, in_flight, marks=() if light else heavy))
    return found


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The student's hash after a run against a service without a fault."""
    oracle, folder = Oracle(), tmp_path_factory.mktemp("sound") / "run"
    with FaultyServer(oracle, SHAPE) as server:
        summary = faulty_runs.run(settings_of(server, "json"), folder)
        held = faulty_runs.check(folder / "ledger.sqlite", server, oracle)
    faulty_runs.check_finished(summary, held)
    assert (
        held.images("lost", "refused") == summary["adrift"] == 0
        and summary["cost"] == PRICE * BUDGET
    )
    return summary["student_sha256"]


# Whole runs.


def finish(
    server: FaultyServer, oracle: Oracle, kind: str, folder: Path, sound: str, **fields: Any
) -> None:
    """The run goes on to its end, and ends as if there had been no fault."""
    summary = faulty_runs.run(settings_of(server, kind, **fields), folder)
    assert summary["student_sha256"] == sound
    faulty_runs.check_finished(summary, faulty_runs.check(folder / "ledger.sqlite", server, oracle))


@pytest.mark.parametrize(("fault", "kind", "in_flight"), cases(ENDS_WELL))
def test_a_fault_that_passes(
    fault: str, kind: str, in_flight: int, tmp_path: Path, sound: str
) -> None:
    oracle = Oracle()
    fields = {"teacher.in_flight": in_flight, **(IMPATIENT if fault in ("hang", "drip") else {})}
    with FaultyServer(oracle, SHAPE, [*MIDDLE, fault], binary=in_flight == 3) as server:
        finish(server, oracle, kind, tmp_path / "run", sound, **fields)
        assert (
            server.requests[len(MIDDLE)].fault == fault
            and len(server.requests[len(MIDDLE)].images) == BATCH
        )


@pytest.mark.parametrize(("fault", "kind", "in_flight"), cases(STOPS))
def test_a_fault_that_stops_the_run(
    fault: str, kind: str, in_flight: int, tmp_path: Path, sound: str
) -> None:
    oracle = Oracle()
    with FaultyServer(oracle, SHAPE, [*MIDDLE, fault], binary=in_flight == 3) as server:
        config = settings_of(server, kind, teacher__in_flight=in_flight)
        with pytest.raises(UserError) as caught:
            faulty_runs.run(config, tmp_path / "run")
        assert faulty_runs.names_its_cause(caught.value, server.requests)
        assert ("in 3 attempts" in str(caught.value)) == ("*" in fault)
        held = faulty_runs.check(tmp_path / "run" / "ledger.sqlite", server, oracle)
        assert len(held.answers) < BUDGET
        server.faults.clear()
        finish(server, oracle, kind, tmp_path / "run", sound, **{"teacher.in_flight": in_flight})


QUICK = (
    "slow:0.02", "reset", "429:0.02", "429", "503:0.02", "503", "500", "truncated", "garbled",
    "rows", "shuffled",
    "duplicate", "contradiction", "stranger", "nan", "sum", "classes", "404",
)  # fmt: skip
MIXTURES = [
    (1, "json", 3, QUICK, ()),
    (2, "oip", 1, QUICK, ()),
    *(
        pytest.param(
            seed, kind, in_flight, (*QUICK, "hang", "drip"), tuple(IMPATIENT.items()), marks=heavy
        )
        for seed, (kind, in_flight) in enumerate(
            [("json", 1), ("json", 3), ("oip", 1), ("oip", 3)] * 3, 10
        )
    ),
]


@pytest.mark.parametrize(("seed", "kind", "in_flight", "faults", "fields"), MIXTURES)
def test_faults_at_random(
    seed: int,
    kind: str,
    in_flight: int,
    faults: tuple[str, ...],
    fields: tuple,
    tmp_path: Path,
    sound: str,
) -> None:
    oracle, chosen = Oracle(), {"teacher.in_flight": in_flight, **dict(fields)}
    with FaultyServer(oracle, SHAPE, seeded(seed, 0.4, faults, 40), binary=seed % 2 == 0) as server:
        while server.faults:
            before = len(server.requests)
            try:
                faulty_runs.run(settings_of(server, kind, **chosen), tmp_path / "run")
                break
            except UserError as error:
                assert faulty_runs.names_its_cause(error, server.requests[before:])
                faulty_runs.check(tmp_path / "run" / "ledger.sqlite", server, oracle)
            assert len(server.requests) > before
        finish(server, oracle, kind, tmp_path / "run", sound, **chosen)


# Secrets.


def spellings(secret: str) -> set[bytes]:
    """A secret as it may be found in a file: plain, quoted, escaped, in hexadecimal, in base64 at
    any place.
    """
    plain = secret.encode()
    found = {
        plain,
        quote(secret, safe="").encode(),
        json.dumps(secret)[1:-1].encode(),
        plain.hex().encode(),
    }
    for before in range(3):  # characters that also depend on what stands around are left out
        coded = base64.b64encode(b"\0" * before + plain)
        found.add(coded[-(-8 * before // 6) : len(coded) // 4 * 4 - 4])
    return found


def leaks(texts: dict[str, bytes], *secrets: str) -> list[str]:
    return [
        name
        for name, text in texts.items()
        for secret in secrets
        for form in spellings(secret)
        if form in text
    ]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_search_for_secrets_finds_them() -> None:
    secret = 'a key/with "all"'
    for text in (secret, quote(secret, safe=""), json.dumps({"x": secret}), secret.encode().hex()):
        assert leaks({"here": f"... {text} ...".encode()}, secret)
    for before in range(4):
        assert leaks({"here": base64.b64encode(b"x" * before + secret.encode() + b"more")}, secret)
    assert not leaks({"here": b"nothing of that kind"}, secret)


def test_a_secret_is_nowhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not in any file, the ledger's log, the output or a message, although the service repeats it
    in its errors.
    """
    wrong, right = 'wr0ng+key/of=a "previous" year', "r1ght+key/of=this&year%41"
    caplog.set_level(logging.DEBUG)
    oracle, said = Oracle(), []

    def expiring(images: np.ndarray) -> np.ndarray:
        if len(oracle.seen) > 10:  # in the middle of round 0; some of these replies are spoilt
            server.token = right
        return oracle(images)

    faults = ["ok", "500", "garbled", "429:0.01", "ok", "reset", "truncated"]
    with FaultyServer(expiring, SHAPE, faults, token=wrong) as server:
        fields = {"cache_dir": str(tmp_path / "cache"), "teacher.http.auth_env": "SERVICE_KEY"}
        config = settings_of(server, "json", teacher__in_flight=3, **fields)
        monkeypatch.setenv("SERVICE_KEY", wrong)
        with pytest.raises(UserError, match=r"status 401 .*bad credentials.*SERVICE_KEY") as caught:
            faulty_runs.run(config, tmp_path / "run")
        said += traceback.format_exception(caught.value)
        reader = sqlite3.connect(
            tmp_path / "run" / "ledger.sqlite"
        )  # while it is open the -wal stays
        assert 0 < reader.execute("SELECT count(*) FROM answer").fetchone()[0] < 20
        monkeypatch.setenv("SERVICE_KEY", right)
        server.faults.extend(["ok", "503", "nan"])
        with pytest.raises(UserError, match="NaN") as caught:
            faulty_runs.run(config, tmp_path / "run")
        said += traceback.format_exception(caught.value)
        said.append(json.dumps(faulty_runs.run(config, tmp_path / "run")))
        sent = {asked.headers["Authorization"] for asked in server.requests}
    assert sent == {f"Bearer {wrong}", f"Bearer {right}"}
    found = files(tmp_path)
    reader.close()
    assert {"ledger.sqlite", "ledger.sqlite-wal", "config.json", "summary.json"} <= {
        Path(name).name for name in found
    }
    output = capfd.readouterr()
    shown = {"out": output.out, "err": output.err, "log": caplog.text, "errors": "".join(said)}
    assert "round 2" in shown["out"] and "401" in shown["errors"]
    assert (
        leaks({**found, **{name: text.encode() for name, text in shown.items()}}, wrong, right)
        == []
    )


# The command line.

# configs/http.py's own story, on the digits: a picture a request, the best labels alone.
WEB = {
    **{
        name: value
        for name, value in faulty_runs.TINY.items()
        if name not in ("teacher.batch", "teacher.attempts")
    },
    **faulty_runs.JSON_FIELDS,
    "dataset": "digits",
    "data.folder": "",
    "data.classes": "",
    "data.size": 0,
    "student": "lenet5_half",
    "search.max_pairs": 0,
    "train.crop": 1,
    "train.min_steps": 0,
    "teacher.http.auth_env": "VISION_KEY",
    "teacher.rate": 200.0,
    "teacher.price": 0.0015,
    "teacher.max_cost": 0.2,
    "teacher.answers.top_k": 5,
}
KEY = "the k3y/of=the web"
QUICKLY_COMPILED = "--xla_force_host_platform_device_count=1 --xla_backend_optimization_level=0"


def web(workdir: Path, server: FaultyServer, *more: str, **fields: Any) -> list[str]:
    chosen = {
        **WEB,
        "teacher.http.url": server.json_url,
        "cache_dir": workdir.parent / "cache",
        **fields,
    }
    return [*command.arguments(workdir, "configs/http.py", **chosen), *more]


@pytest.fixture(scope="module")
def bought(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Oracle, subprocess.CompletedProcess[str]]:
    """A run by the command line that nobody disturbed, after its plan."""
    folder, oracle = tmp_path_factory.mktemp("bought"), Oracle()
    env = command.environment(folder, VISION_KEY=KEY, XLA_FLAGS=QUICKLY_COMPILED)
    with FaultyServer(oracle, SHAPE, token=KEY, top=5) as server:
        planned = command.run(web(folder / "run", server, "--mode=plan"), env)
        assert planned.returncode == 0, planned.stderr
        assert (
            not server.received
            and not server.requests
            and not (folder / "run" / "summary.json").exists()
        )
        assert "0.09 USD" in planned.stdout and "60" in planned.stdout
        done = command.run(web(folder / "run", server), env)
        assert done.returncode == 0, done.stderr
        assert server.received == server.answered and set(server.received.values()) == {1}
        assert len(server.requests) == len(server.received) == BUDGET
    return folder, oracle, done


def test_the_command_line_buys_what_its_plan_told(bought: Any) -> None:
    folder, oracle, done = bought
    summary = command.summary(folder / "run")
    assert summary["cost"] == pytest.approx(60 * 0.0015) and summary["currency"] == "USD"
    assert (summary["queries"], summary["queries_paid"], summary["adrift"]) == (BUDGET, BUDGET, 0)
    assert summary["evaluation_queries"] == 0 and summary["teacher"].startswith("json:127.0.0.1:")
    assert "0.09 USD" in done.stdout
    assert leaks({**files(folder), "out": (done.stdout + done.stderr).encode()}, KEY) == []
    held = faulty_runs.read(folder / "run" / "ledger.sqlite")
    seen = {
        image_digest(image): row
        for image, row in zip(oracle.seen.values(), best(oracle), strict=True)
    }
    assert all(
        np.array_equal(scores, seen[address], equal_nan=True)
        for address, scores in held.answers.items()
    )
    assert len(held.answers) == BUDGET


def best(oracle: Oracle) -> np.ndarray:
    """The five highest scores of each image; the others are not told."""
    rows = faulty_runs.truth(np.stack(list(oracle.seen.values()))).astype(np.float32)
    lowest = np.argsort(-rows, axis=-1, kind="stable")[:, 5:]
    np.put_along_axis(rows, lowest, np.nan, axis=-1)
    return rows


@heavy
def test_the_command_line_killed_in_two_rounds(tmp_path: Path, bought: Any) -> None:
    oracle, workdir = Oracle(), tmp_path / "run"
    path, env = (
        workdir / "ledger.sqlite",
        command.environment(tmp_path, VISION_KEY=KEY, XLA_FLAGS=QUICKLY_COMPILED),
    )
    pending: list[set[bytes]] = []
    with FaultyServer(oracle, SHAPE, ["slow:0.1"] * 500, token=KEY, top=5) as server:
        line = web(workdir, server, **{"teacher.in_flight": 3})
        for requests in (10, 30):
            process = command.start(line, env)
            command.wait_until(lambda requests=requests: len(server.requests) >= requests, process)
            process.kill()
            assert process.wait() == -signal.SIGKILL
            output = "".join(process.communicate())
            assert told(output) == (len(pending[-1]) if pending else 0)
            assert leaks({**files(tmp_path), "out": output.encode()}, KEY) == []
            assert any(name.endswith("-wal") for name in files(workdir))
            held = faulty_runs.read(path)
            pending.append(held.pending)
            assert held.images("sent") == len(held.pending) <= 3
        done = command.run(line, env)
        assert done.returncode == 0, done.stderr
        assert told(done.stdout) == len(pending[-1])
        check_asked_again(server, oracle, pending)
    summary, undisturbed = command.summary(workdir), command.summary(bought[0] / "run")
    assert summary["student_sha256"] == undisturbed["student_sha256"]
    assert (summary["queries"], summary["queries_paid"]) == (BUDGET, BUDGET)
    assert summary["adrift"] == sum(map(len, pending)) == faulty_runs.read(path).images("lost")
    assert summary["cost"] == pytest.approx(0.0015 * (BUDGET + summary["adrift"]))


def told(output: str) -> int:
    """The number of images in flight that a start tells of."""
    words = [
        line.split() for line in output.splitlines() if "were on their way to the teacher" in line
    ]
    return int(words[0][0]) if words else 0


# Killed while it asks.


def check_asked_again(server: FaultyServer, oracle: Any, pending: list[set[bytes]]) -> None:
    """An image came a second time only for a kill that found it in flight: its answer cannot have
    been kept.
    """
    place = faulty_runs.addresses(np.stack(list(oracle.seen.values())))
    caught = collections.Counter(address for addresses in pending for address in addresses)
    assert all(times <= 1 + caught[place[image]] for image, times in server.received.items())


class Asker:
    """Runs of ``tests/support/asking.py``, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def start(self, **plan: Any) -> int:
        """Starts a run; returns what the ledger's ``begin`` told it."""
        return int(self._order(json.dumps(plan)))

    def kill(self) -> None:
        assert int(self._order("kill")) == -signal.SIGKILL

    def wait(self) -> None:
        assert self._order("wait") == "done"
        assert self.process.stdout and self.process.stdout.readline() == "0\n"

    def end(self) -> None:
        """Ends the process and its run, however they are."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _order(self, text: str) -> str:
        assert self.process.stdin and self.process.stdout
        watch = threading.Timer(120, self.end)
        watch.start()
        try:
            print(text, file=self.process.stdin, flush=True)
            return self.process.stdout.readline().strip()
        finally:
            watch.cancel()


@pytest.fixture
def askers() -> Iterator[tuple[Asker, Asker]]:
    """Two, each in a process of its own; what they write to stderr is shown with the test's own."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(_asker()), stack.enter_context(_asker())


@contextlib.contextmanager
def _asker() -> Iterator[Asker]:
    line, pipe = [sys.executable, "-m", "tests.support.asking"], subprocess.PIPE
    with subprocess.Popen(
        line, cwd=command.ROOT, stdin=pipe, stdout=pipe, text=True, start_new_session=True
    ) as process:
        asker = Asker(process)
        try:
            yield asker
        finally:
            asker.end()


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    return {"ledger": str(tmp_path / "ledger.sqlite"), "run": "run", "in_flight": 3, "batch": 4}


def wait_for(server: FaultyServer, requests: int) -> None:
    """Waits until so many requests have come."""
    end = time.monotonic() + 60
    while len(server.requests) < requests:
        assert time.monotonic() < end, "the run does not ask"
        time.sleep(0.001)


def lives(seed: int, count: int) -> Iterator[tuple[int, float]]:
    """For each life the requests that it may still send, and then the seconds that it has left."""
    draw = random.Random(seed)
    for _ in range(count):
        yield draw.randint(0, 12), draw.uniform(0, 0.06)


@pytest.mark.parametrize(("seed", "kills"), [(0, 30), pytest.param(1, 150, marks=heavy)])
def test_killed_many_times_while_it_asks(
    seed: int, kills: int, plan: dict[str, Any], askers: tuple[Asker, Asker]
) -> None:
    wanted, asker = 25 * kills, askers[0]
    images, path, oracle = asking.some_images(wanted), Path(plan["ledger"]), Oracle()
    oracle.seen.update((digest(image), image) for image in images)
    place = faulty_runs.addresses(images)
    pending: list[set[bytes]] = []
    with FaultyServer(oracle, SHAPE, ["slow:0.03"] * 50 * kills) as server:
        for requests, seconds in lives(seed, kills):
            before = len(server.requests)
            # What is in flight at a kill is what the next start tells of, neither more nor less.
            assert asker.start(**plan, url=server.url, images=wanted) == (
                len(pending[-1]) if pending else 0
            )
            wait_for(server, before + requests)
            time.sleep(seconds)
            asker.kill()
            held = faulty_runs.read(path)
            faulty_runs.check_answers(held, images)
            # Batches in flight before this life have been ended by its start; it never has more
            # under way than this.
            assert held.images("sent") == len(held.pending) <= plan["in_flight"] * plan["batch"]
            assert held.images("lost") == sum(map(len, pending))
            pending.append(held.pending)
            # A batch is noted before it leaves. So what the service got and the ledger lacks was in
            # flight at this kill, or at an earlier one and has not been sent again. (In flight may
            # be more than the service got: a process may die between the note and the sending.)
            received = {place[image] for image in dict(server.received)}
            assert received - held.answers.keys() <= set().union(*pending)
        assert asker.start(**plan, url=server.url, images=wanted) == len(pending[-1])
        asker.wait()
        check_asked_again(server, oracle, pending)
    held, adrift = faulty_runs.read(path), sum(map(len, pending))
    assert adrift > 0 and not held.pending
    assert held.answers.keys() == set(place.values()) and held.used == held.paid == wanted
    assert held.images("answered") == wanted and held.images("lost") == adrift
    assert server.received.total() <= wanted + adrift
    book = ledger.Ledger(path)
    assert book.adrift("run") == adrift and book.spent("run") == asking.PRICE * (wanted + adrift)
    book.close()


# Two runs, one ledger.


class Timed(Oracle):
    """Remembers also when each image was last answered, by its address."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: dict[bytes, float] = {}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.moments.update((image_digest(image), time.time()) for image in images)
        return super().__call__(images)


def test_two_runs_at_once_buy_every_image_once(
    plan: dict[str, Any], askers: tuple[Asker, Asker]
) -> None:
    images, oracle = asking.some_images(120), Oracle()
    with FaultyServer(oracle, SHAPE, ["slow:0.03"] * 500) as server:
        for asker, name, step in zip(askers, ("left", "right"), (1, -1), strict=True):
            assert (
                asker.start(
                    **{**plan, "run": name, "step": step}, url=server.url, images=len(images)
                )
                == 0
            )
        for asker in askers:
            asker.wait()
        assert server.received == server.answered == {digest(image): 1 for image in images}
    held = faulty_runs.read(Path(plan["ledger"]))
    faulty_runs.check_answers(held, images)
    assert len(held.answers) == held.paid == held.images("answered") == 120 and held.used == 240
    assert held.images("lost", "refused", "sent") == 0
    book = ledger.Ledger(Path(plan["ledger"]))
    paid = [book.count(name, "distill", paid_only=True) for name in ("left", "right")]
    assert sum(paid) == 120 and [book.count(name, "distill") for name in ("left", "right")] == [
        120,
        120,
    ]
    assert [book.spent(name) for name in ("left", "right")] == [
        asking.PRICE * count for count in paid
    ]
    book.close()


# A service's own patience has half a minute of slack.
@pytest.mark.parametrize("patience", [2.0, pytest.param(None, marks=heavy)])
def test_the_survivor_of_two_runs_asks_for_what_the_dead_one_had_in_flight(
    patience: float | None, plan: dict[str, Any], askers: tuple[Asker, Asker]
) -> None:
    images, oracle, path = asking.some_images(60), Timed(), Path(plan["ledger"])
    fields = {
        "images": len(images),
        "read_timeout": 1.0,
        **({"patience": patience} if patience else {}),
    }
    with FaultyServer(oracle, SHAPE, ["slow:0.2"] * 500) as server:
        askers[0].start(**{**plan, "run": "victim"}, url=server.url, **fields)
        wait_for(server, 6)
        askers[0].kill()
        pending = faulty_runs.read(path).pending
        assert 0 < len(pending) <= 12
        # Once the service is quiet, whatever is answered is answered to the survivor.
        time.sleep(0.5)
        server.faults.clear()
        book = ledger.Ledger(path)
        expire = dict(book.rows("SELECT image, expires FROM pending JOIN batch ON batch = id"))
        askers[1].start(**{**plan, "run": "survivor"}, url=server.url, **fields)
        askers[1].wait()
        assert expire.keys() == pending and all(
            oracle.moments[image] >= expire[image] for image in pending
        )
        check_asked_again(server, oracle, [pending])
    held = faulty_runs.read(path)
    faulty_runs.check_answers(held, images)
    assert len(held.answers) == book.count("survivor", "distill") == 60
    dead, alive = (book.count(name, "distill", paid_only=True) for name in ("victim", "survivor"))
    assert dead + alive == 60 and dead > 0
    assert book.spent("survivor") == asking.PRICE * alive and book.adrift("survivor") == 0
    assert book.adrift("victim") == len(pending) == book.begin_run("victim", "", "")
    book.close()
