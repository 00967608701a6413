"""Lets the C library keep large arrays on huge pages.

A training step on a CPU allocates and frees more than 100 MiB. On pages of 4 KiB the kernel uses a
large part of the step to allocate them; on huge pages it uses almost none. Many Linux systems give
huge pages only to programs that ask for them. glibc asks for them only if an environment variable
is set when a process starts, so the process has to start again.
"""

import contextlib
import os
import platform
import sys
from pathlib import Path

_VARIABLE, _VALUE = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"
_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_FIRST = (2, 35)  # version of glibc that can ask


def use() -> None:
    """Starts this process again with huge pages if that helps, else returns.

    The process keeps its number and its arguments. Nothing happens where the variable is set.
    """
    if _VARIABLE in os.environ or not _are_given_on_request() or not _can_ask():
        return
    with contextlib.suppress(OSError):  # a system that forbids it: slower, but equally correct
        command = [sys.executable, *sys.orig_argv[1:]]  # the same Python, whatever PATH says
        os.execve(sys.executable, command, {**os.environ, _VARIABLE: _VALUE})


def _are_given_on_request() -> bool:
    """Returns whether the kernel gives huge pages to programs that ask, and to no others."""
    try:
        return "[madvise]" in _SETTING.read_text(encoding="utf-8")
    except OSError:  # another system, or a kernel without them
        return False


def _can_ask() -> bool:
    """Returns whether this process has a glibc that can ask, and can be started again."""
    library, version = platform.libc_ver()
    parts = version.split(".")[:2]
    new = library == "glibc" and all(map(str.isdigit, parts)) and tuple(map(int, parts)) >= _FIRST
    return new and bool(sys.executable) and not getattr(sys, "frozen", False)
