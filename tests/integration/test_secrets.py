"""A secret of the service is in no file and in no output."""

import base64
import json
import logging
import sqlite3
import traceback
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from amkd.core.errors import UserError
from tests.support import faulty_runs
from tests.support.faulty_runs import SHAPE, Oracle, settings_of
from tests.support.faulty_server import FaultyServer
from tests.support.secret_search import files, leaks


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
        fields["teacher.attempts"] = len(faults)  # the same request may meet them all
        config = settings_of(server, "json", teacher__in_flight=3, **fields)
        monkeypatch.setenv("SERVICE_KEY", wrong)
        with pytest.raises(
            UserError, match=r"status 401 .*bad credentials.*auth_env names"
        ) as caught:
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
