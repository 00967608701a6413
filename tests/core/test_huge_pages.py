"""A process starts again with huge pages where the system gives them on request, and only there."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from amkd.core import huge_pages

ROOT = Path(__file__).parents[2]
ASKING = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
PROCESS = """
import os, pathlib, sys
from amkd.core import huge_pages
huge_pages._SETTING = pathlib.Path(sys.argv[1])
huge_pages.use()
print(os.getpid(), os.environ.get("GLIBC_TUNABLES"), sys.argv[2])
"""


@pytest.fixture
def started(monkeypatch, tmp_path):
    """What would be started, on a system that gives huge pages on request to glibc 2.36."""
    found = []
    monkeypatch.setattr(os, "execve", lambda *given: found.append(given))
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(huge_pages, "_SETTING", tmp_path / "enabled")
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    (tmp_path / "enabled").write_text("always [madvise] never\n")
    return found


def test_it_starts_again_with_its_arguments(started):
    huge_pages.use()
    ((file, arguments, environment),) = started
    assert (file, arguments) == (sys.executable, [sys.executable, *sys.orig_argv[1:]])
    assert environment == {**os.environ, **ASKING}


@pytest.mark.parametrize("setting", ["[always] madvise never\n", "always madvise [never]\n", None])
def test_not_where_the_kernel_decides_alone(started, setting):
    huge_pages._SETTING.unlink() if setting is None else huge_pages._SETTING.write_text(setting)
    huge_pages.use()
    assert started == []


@pytest.mark.parametrize(
    "version", [("glibc", "2.34"), ("musl", "1.2"), ("", ""), ("glibc", "x.y")]
)
def test_not_with_another_library(started, monkeypatch, version):
    monkeypatch.setattr(platform, "libc_ver", lambda: version)
    huge_pages.use()
    assert started == []


def test_not_against_the_user_and_not_twice(started, monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0")
    huge_pages.use()
    assert started == []


def test_a_system_that_forbids_it_goes_on(started, monkeypatch):
    def forbidden(*given):
        started.append(given)
        raise PermissionError

    monkeypatch.setattr(os, "execve", forbidden)
    huge_pages.use()
    assert len(started) == 1


@pytest.mark.skipif(not huge_pages._can_ask(), reason="this C library cannot ask for huge pages")
def test_a_real_process_is_the_same_one_afterwards(tmp_path):
    (tmp_path / "enabled").write_text("always [madvise] never\n")
    environment = {name: value for name, value in os.environ.items() if name not in ASKING}
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "enabled"), "an argument"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        said, _ = process.communicate(timeout=60)
    assert said == f"{process.pid} {ASKING['GLIBC_TUNABLES']} an argument\n"
