"""Compares a quantised student with the student in full precision, on evaluation images."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from amkd.core.text import plain
from amkd.export.int8 import Quantization
from amkd.reporting import interval, metrics
from amkd.reporting.summary_text import percent

Facts = dict[str, Any]
_PART = 64  # images that the quantised student gets at once
_UNKNOWN = "not measured: the images have no ground-truth labels"


def compare(
    full: Callable[[np.ndarray], np.ndarray],
    quantised: Callable[[np.ndarray], np.ndarray],
    given: Quantization,
) -> Facts:
    """Returns the agreement of two students, and the quality of each.

    Args:
      full: the student in full precision, ``uint8[B, H, W, C]`` to ``float32[B, Y]``.
      quantised: the quantised student.
      given: the images and labels, and how much may be lost.

    Returns:
      ``images``, ``fresh``, ``agreement``, ``divergence`` (mean KL(full || quantised), nats),
      ``accuracy`` and ``ece`` (each before and after, None without ground-truth labels), and
      ``warning``, None if the loss is allowed.
    """
    before, after = full(given.held_out), _in_parts(quantised, given.held_out)
    agreement = metrics.agreement(after, before)
    assert agreement is not None  # there are images
    lost = 100 * (1 - agreement)
    return {
        "images": len(given.held_out),
        "fresh": given.fresh,
        "agreement": agreement,
        "divergence": metrics.divergence(after, before),
        "accuracy": [metrics.accuracy(one, given.labels) for one in (before, after)],
        "ece": [metrics.calibration_error(one, given.labels) for one in (before, after)],
        "warning": _warning(lost, given.most_loss) if lost > given.most_loss else None,
    }


def _in_parts(run: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> np.ndarray:
    """Returns all answers; a runtime keeps every activation of the images that it gets at once."""
    parts = (images[start : start + _PART] for start in range(0, len(images), _PART))
    return np.concatenate([run(part) for part in parts])


def _warning(lost: float, allowed: float) -> str:
    return (
        f"the file in 8 bits predicts another class than the student for {lost:.2f}% of the images,"
        f" but config.export.int8_loss={allowed:g} allows {allowed:g}%; use the file in full"
        " precision, or calibrate on more real images (config.n_real)"
    )


def rows(file: Facts) -> Iterator[tuple[str, ...]]:
    """Yields the rows of the card's table: name, figure in full precision, figure in 8 bits.

    Args:
      file: the facts of the quantised file.
    """
    told, full = file["compared"], file["full"]
    yield "Size", f"{full['bytes']:,} bytes", f"{file['bytes']:,} bytes"
    for name, words in (("one_thread", "one thread"), ("all_threads", "all threads")):
        times = (f"{plain(one['latency'][name], 3)} ms" for one in (full, file))
        yield f"Latency, {words}", *times
    yield "Accuracy on test images", *(_share(value, told) for value in told["accuracy"])
    yield "ECE", *(_UNKNOWN if value is None else f"{value:.4f}" for value in told["ece"])


def _share(value: float | None, told: Facts) -> str:
    return _UNKNOWN if value is None else percent(value, told["images"])


def sentence(file: Facts) -> str:
    """Returns the agreement of the quantised file with the student, in words."""
    told = file["compared"]
    span = interval.text(told["agreement"], told["images"])
    which = "" if told["fresh"] else " (the images of the calibration, as there are no others)"
    return (
        f"Both predict the same class for {percent(told['agreement'])} of {told['images']:,}"
        f" images{which}, 95% interval {span}. Mean divergence from full precision:"
        f" {told['divergence']:.2g} nats. ECE: expected calibration error, in 15 bins."
    )
