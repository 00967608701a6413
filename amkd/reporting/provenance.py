"""Where figures come from: versions of what computed them, and the machine."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

PACKAGES = ("amkd", "jax", "jaxlib", "flax", "optax", "numpy")


def cores() -> int:
    """Cores that this process, and those that it starts, may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions(*more: str) -> dict[str, str]:
    """Versions of Python and of the packages that count; those that are not installed are left
    out.
    """
    found = {"python": platform.python_version()}
    for package in (*PACKAGES, *more):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Processor, the cores that this process may use, and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": round(memory / 2**30),
        "system": platform.system(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
