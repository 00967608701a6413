"""How tests compile: quickly, or as a user's run does."""

import importlib.metadata

COUNT_FLAG = "--xla_force_host_platform_device_count"

# Most of a test's time would be spent in the compiler. These flags take about two thirds of it away
# and leave the results right to rounding. A version of jaxlib that does not know one of them ends
# without a word, or with "Unknown flag in XLA_FLAGS"; 0.12 no longer knows the second one.
_OLD = tuple(map(int, importlib.metadata.version("jaxlib").split(".")[:2])) < (0, 12)
QUICK_FLAGS = (
    "--xla_backend_optimization_level=0",
    *(("--xla_cpu_use_fusion_emitters=false",) if _OLD else ()),
)


def xla_flags(devices: int, *, quick: bool = True) -> str:
    """Returns ``XLA_FLAGS`` for a process with so many CPU devices.

    Args:
      devices: number of CPU devices.
      quick: whether to compile quickly; else as a user's run does, for tests of bits.
    """
    return " ".join([f"{COUNT_FLAG}={devices}", *(QUICK_FLAGS if quick else ())])
