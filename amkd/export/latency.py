"""Measures how long an ONNX file takes for one image on this machine."""

import statistics
import time
from typing import Any

import numpy as np

from amkd.export.onnx import INPUT, OUTPUT
from amkd.reporting import provenance

RUNS = 50
_WARM = 5  # runs before the measurement, which plan and allocate


def measure(model: bytes, image: np.ndarray) -> dict[str, Any]:
    """Returns the median time of one image, alone in its batch, on the CPU.

    Args:
      model: the file's content.
      image: ``uint8[H, W, C]``.

    Returns:
      ``one_thread`` and ``all_threads`` in milliseconds, and the number of ``threads``.
    """
    return {
        "one_thread": _median(model, image, 1),
        "all_threads": _median(model, image, 0),
        "threads": provenance.cores(),
    }


def _median(model: bytes, image: np.ndarray, threads: int) -> float:
    """Returns the median of all runs, in milliseconds; 0 threads are onnxruntime's own choice."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    times = []
    for _ in range(_WARM + RUNS):
        began = time.perf_counter()
        session.run([OUTPUT], {INPUT: image[None]})
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[_WARM:])
