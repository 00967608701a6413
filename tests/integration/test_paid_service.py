"""configs/http.py's own story by the command line: what the plan told is bought, killed or not."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amkd.core.digest import image_digest
from tests.support import command, faulty_runs
from tests.support.faulty_runs import (
    BUDGET,
    SHAPE,
    Oracle,
    check_asked_again,
)
from tests.support.faulty_server import FaultyServer
from tests.support.secret_search import files, leaks

heavy = pytest.mark.heavy


# configs/http.py's own story, on the digits: one image a request, the best labels alone.
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
    env = command.environment(folder, VISION_KEY=KEY)
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
    assert (summary["queries"], summary["queries_paid"], summary["lost"]) == (BUDGET, BUDGET, 0)
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
        command.environment(tmp_path, VISION_KEY=KEY),
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
    assert summary["lost"] == sum(map(len, pending)) == faulty_runs.read(path).images("lost")
    assert summary["cost"] == pytest.approx(0.0015 * (BUDGET + summary["lost"]))


def told(output: str) -> int:
    """The number of images in flight that a start tells of."""
    words = [
        line.split() for line in output.splitlines() if "were in flight to the teacher" in line
    ]
    return int(words[0][0]) if words else 0
