"""Small files: what is read is checked, and the message says what to do."""

import json
import os

import numpy as np
import pytest

from amkd.core import files, folders
from amkd.core.errors import UserError

# What a power cut, a full disk or an editor leaves of a JSON object.
DAMAGES = {
    "empty": b"",
    "cut": b'{"run": "a", "config": {"se',
    "zeros": bytes(64),
    "no text": bytes(range(128, 256)),
    "latin-1": '{"run": "é"}'.encode("latin-1"),
    "null": b"null",
    "list": b"[]",
    "number": b"3",
    "text": b'"run"',
    "another object": b"{}",
    "a member of another type": b'{"run": 3, "config": {}}',
    "without end": b"[" * 100_000,
}


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_object_is_refused_with_a_remedy(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(UserError) as refused:
        files.read_object(path, "do this", {"run": str, "config": dict})
    assert str(refused.value).startswith(f"{path} is damaged (")
    assert str(refused.value).endswith(": do this")


def test_what_cannot_be_read_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read .*: do this"):
        files.read_object(tmp_path, "do this")


def test_a_sound_object_comes_back(tmp_path):
    given = {"run": "é \udcff", "config": {"seed": 0}, "more": None}
    files.write_text(tmp_path / "config.json", json.dumps(given))
    assert files.read_object(tmp_path / "config.json", "", {"run": str, "config": dict}) == given


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01", bytes(64), None], ids=str)
def test_a_damaged_array_counts_as_not_there(tmp_path, capsys, content):
    path = tmp_path / "0.npy"
    files.write_array(path, np.arange(6))
    path.write_bytes(path.read_bytes()[:-8] if content is None else content)
    assert files.read_array(path) is None
    assert f"{path} is damaged" in capsys.readouterr().out


def modes(folder):
    """Whoever may read or write: of all files and folders."""
    return {oct(path.stat().st_mode & 0o777) for path in (folder, *folder.rglob("*"))}


@pytest.mark.parametrize(
    ("wanted", "found"), [(True, {"0o700", "0o600"}), (False, {"0o755", "0o644"})]
)
def test_new_files_are_private_while_it_lasts(tmp_path, wanted, found):
    before = os.umask(0o022)
    try:
        with files.private(wanted):
            (tmp_path / "out").mkdir()
            files.write_text(tmp_path / "out" / "a.json", "{}")
            files.write_array(tmp_path / "out" / "0.npy", np.arange(3))
            with folders.replacing(tmp_path / "out" / "b") as new:
                (new / "c").write_text("")
        assert modes(tmp_path / "out") == found
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_all_that_a_run_leaves_is_private(tiny_run):
    assert modes(tiny_run / "run") == {"0o700", "0o600"}
