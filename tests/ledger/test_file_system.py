"""A ledger on a network file system is warned about."""

from pathlib import Path

import pytest

from amkd.ledger import file_system

TABLE = r"""
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 0:50 / /net rw,relatime shared:1 - nfs4 server:/export rw
31 30 8:1 / /net/disk rw - xfs /dev/sda1 rw
32 27 0:51 / /with\040space rw - cifs //server/share rw
33 27 0:52 / /ssh rw - fuse.sshfs me@server: rw
34 27 0:53 / /ram rw - tmpfs tmpfs rw
35 27 0:54 / /twice rw - ext4 /dev/vdb rw
36 35 0:55 / /twice rw - nfs server:/b rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/home/me/ledger.sqlite", ""),
        ("/net/runs/ledger.sqlite", "network file system (nfs4)"),
        ("/network/ledger.sqlite", ""),
        ("/net/disk/ledger.sqlite", ""),
        ("/with space/a/ledger.sqlite", "network file system (cifs)"),
        ("/ssh/ledger.sqlite", "network file system (fuse.sshfs)"),
        ("/ram/ledger.sqlite", "memory (tmpfs)"),
        ("/twice/ledger.sqlite", "network file system (nfs)"),
    ],
)
def test_a_place_that_is_no_disk_is_warned_about(
    path: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mountinfo").write_text(TABLE)
    monkeypatch.setattr(file_system, "MOUNTS", tmp_path / "mountinfo")
    told = file_system.warning(Path(path))
    assert (said in told and path in told and "--config.ledger.path" in told) if said else not told


def test_where_nothing_is_told_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_system, "MOUNTS", tmp_path / "absent")
    assert file_system.warning(Path("/net/ledger.sqlite")) == ""
