"""Measures the peak memory of a process, and contains the measured work: runs in a separate
process.
"""

import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

MIB = 2**20


def peak() -> float:
    """Returns the peak resident memory of this process, in MiB.

    It uses Linux's own figure if there is one, because ``getrusage`` also counts the process that
    started this one.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    marks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    if marks:
        return marks[0] / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        MIB if sys.platform == "darwin" else 1024
    )


class Ours:
    """amkd's search of all pairs, and its sample of them."""

    def search(self, model: str, images: np.ndarray, *, k: int, lams: int) -> dict[str, Any]:
        """Runs a whole round's search.

        Returns:
          The seconds without compilation, the memory before and its peak in MiB, and the k lowest
          scores.
        """
        from benchmarks import our_side, students

        of = students.make(model, len(images), images)
        before = peak()
        our_side.compile_search(of, k, lams)
        began = time.perf_counter()
        lowest = our_side.choose(of, k, lams).score
        return {
            "seconds": time.perf_counter() - began,
            "before": before,
            "peak": peak(),
            "lowest": lowest,
        }

    def sample(self, n: int, size: int) -> dict[str, Any]:
        """Makes a sampled pool of the pairs of ``n`` images, reads it once, and measures both."""
        from amkd.search import pairs

        before = peak()
        began = time.perf_counter()
        pool = pairs.make_pair_pool(n, size, 0)
        read = sum(len(ranks) for ranks in pool.chunks(4096, np.empty(0, np.int64)))
        seconds = time.perf_counter() - began
        assert read == size
        return {"seconds": seconds, "before": before, "peak": peak()}


class NumPy:
    """The function that a user would call instead of amkd's sample."""

    def sample(self, n: int, size: int) -> dict[str, Any]:
        """Draws with ``Generator.choice`` without replacement, sorted."""
        rng = np.random.default_rng(0)
        before = peak()
        began = time.perf_counter()
        np.sort(rng.choice(n * (n - 1) // 2, size, replace=False, shuffle=False))
        return {"seconds": time.perf_counter() - began, "before": before, "peak": peak()}


class PyTorch:
    """A loop over all pairs that keeps every score."""

    def search(
        self,
        model: str,
        classes: int,
        images: np.ndarray,
        *,
        variables: Any,
        k: int,
        lams: np.ndarray,
        threads: int,
        way: tuple[str, int],
    ) -> dict[str, Any]:
        """Searches the whole pool with one setting, and measures it as in :meth:`Ours.search`.

        Args:
          model: name of the network.
          classes: number of classes Y.
          images: ``uint8[N, H, W, C]``.
          variables: the variables of the network.
          k: how many pairs to keep.
          lams: the grid, ``float32[L]``.
          threads: how many threads of the CPU are used.
          way: how the network is run, and how many pairs are evaluated together.
        """
        from benchmarks import torch_search

        before = peak()
        side = torch_search.TorchSearch(threads)
        side.setup(model, classes, images, variables=variables, lams=lams)
        side.choose(*way)
        side.scan(0.0, k)  # calls everything once before the measurement
        lowest, seconds = side.search_all(k)
        return {"seconds": seconds, "before": before, "peak": peak(), "lowest": lowest}
