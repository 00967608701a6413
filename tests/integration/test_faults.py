"""Against a service that fails in every way a run loses no answer and buys none twice."""

from pathlib import Path
from typing import Any

import pytest

from amkd.core.errors import UserError
from tests.support import faulty_runs
from tests.support.faulty_runs import BATCH, BUDGET, MIDDLE, PRICE, SHAPE, Oracle, settings_of
from tests.support.faulty_server import FaultyServer, seeded

heavy = pytest.mark.heavy
ENDS_WELL = (
    "slow:0.05", "hang", "drip", "reset", "429:0.05", "429", "503:0.05", "503", "500",
    "truncated", "garbled", "400",
    "rows", "shuffled", "duplicate", "contradiction", "stranger",
)  # fmt: skip
STOPS = (
    "classes",
    "nan",
    "sum",
    "404",
    "500*9",
    "reset*9",
    "garbled*9",
    "429:0.01*9",
)  # attempts: 3, but 2 where a complete reply cannot be read, since it is paid for
IMPATIENT = {
    "teacher.http.connect_timeout": 0.3,
    "teacher.http.read_timeout": 3.0,
}  # for what never ends

# Either protocol reads these on its own; the rest happens below it.
_BY_OIP = ("truncated", "garbled", "rows", "stranger")
_MUCH_LIKE_OTHERS = (
    *("slow:0.05", "429", "503", "500", "garbled", "duplicate"),
    *("sum", "404", "reset*9", "garbled*9"),
)


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
        held.images("lost", "refused") == summary["lost"] == 0 and summary["cost"] == PRICE * BUDGET
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
        attempts = 2 if fault == "garbled*9" else 3
        assert (f"in {attempts} attempts" in str(caught.value)) == ("*" in fault)
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
