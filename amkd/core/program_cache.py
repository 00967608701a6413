"""Keeps compiled programs in a folder, for later runs."""

import hashlib
import platform
from pathlib import Path

import jax

from amkd.core import processes
from amkd.core.console import storable

_KEPT_BYTES = 2**30  # of compiled programs; the least recently used ones are removed
_KEPT_SECONDS = 0.2  # a program that compiles faster is not kept


def keep(cache: Path) -> None:
    """Keeps compiled programs in a folder, for this process and those that come after it.

    A CPU's programs use all instructions of this kind of CPU, so each kind has its own folder.

    Several processes on GPUs keep nothing: XLA shares the work of choosing algorithms among them,
    and a process that compiles would wait for hours for one that found the program in its folder.
    """
    if processes.count() > 1 and jax.default_backend() == "gpu":
        jax.config.update("jax_compilation_cache_dir", None)
        return
    folder = str(cache / "compiled" / kind_of_machine())
    jax.config.update("jax_compilation_cache_dir", folder)
    if storable(folder) != folder:  # XLA, in C++, does not accept such a path for its own caches
        jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
    jax.config.update("jax_compilation_cache_max_size", _KEPT_BYTES)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _KEPT_SECONDS)


def kind_of_machine() -> str:
    """Returns a hash of the kind of processor: programs and bits depend on it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    kind = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256(
        "\n".join([platform.machine(), platform.processor(), *kind]).encode()
    ).hexdigest()[:16]
