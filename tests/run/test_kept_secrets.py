"""What a workdir keeps of a configuration, and that it is still known by it."""

import json
from pathlib import Path
from typing import Any

import pytest

from amkd.config.fields import flatten
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.run import workdir
from amkd.validation import from_config
from tests.support.configuring import changed

HTTP = {"url": "https://example.com/v1/x", "auth_env": "SERVICE_KEY", "auth_header": "X-Api-Key"}


def settings(**http: Any) -> Settings:
    named = {f"teacher__http__{name}": value for name, value in {**HTTP, **http}.items()}
    return from_config(changed(teacher__kind="json", **named))


@pytest.mark.parametrize(
    ("http", "kept"),
    [
        ({}, HTTP),
        ({"url": "https://me:hunter2@example.com/v1/x?appid=hunter2#hunter2"}, HTTP),
        ({"url": "https:/me:hunter2@example.com/"}, {**HTTP, "url": ""}),
        (
            {"auth_env": "", "auth_header": "hunter2", "auth_scheme": "hunter2"},
            {**HTTP, "auth_env": "", "auth_header": "Authorization", "auth_scheme": "Bearer"},
        ),
    ],
    ids=["plain", "token", "mistyped", "unused"],
)
def test_no_secret_of_an_address_is_kept(
    http: dict[str, str], kept: dict[str, str], tmp_path: Path
) -> None:
    config = settings(**http)
    workdir.claim(config, tmp_path, "run", "teacher", "data")
    text = (tmp_path / "config.json").read_text()
    assert "hunter2" not in text
    found = json.loads(text)["config"]
    assert {name: found[f"teacher.http.{name}"] for name in kept} == kept
    assert workdir.owner(config, tmp_path) == "run"
    assert workdir.owner(settings(url="https://example.com/moved?x=1"), tmp_path) == "run"


def test_a_workdir_that_keeps_whole_addresses_is_still_the_run_s(tmp_path: Path) -> None:
    """As earlier versions wrote it, without the fields that came later."""
    config = settings(url="https://example.com/v1/x?appid=1")
    later = ("longest_retry_after", "idempotency_header", "fresh_connections", "max_reply_mib")
    before = {
        name: value
        for name, value in flatten(config).items()
        if name.rpartition(".")[2] not in later
    }
    held = {"run": "run", "teacher": "teacher", "data": "", "config": before}
    (tmp_path / "config.json").write_text(json.dumps(held))
    assert workdir.owner(config, tmp_path) == "run"
    workdir.claim(config, tmp_path, "run", "teacher", "")
    with pytest.raises(UserError, match="a different configuration"):
        workdir.owner(from_config(changed(seed=7)), tmp_path)
