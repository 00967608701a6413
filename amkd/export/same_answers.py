"""Checks that an exported file gives the student's own probabilities."""

from collections.abc import Callable, Iterator

import numpy as np

from amkd.core.errors import UserError

TOLERANCE = 1e-4  # of one probability
_BATCHES = (1, 3, 17)  # a file with a fixed batch size fails on one of them
_CHUNK = 256


def check(
    name: str,
    run: Callable[[np.ndarray], np.ndarray],
    sample: np.ndarray,
    *,
    answers: np.ndarray,
    tolerance: float = TOLERANCE,
) -> float:
    """Returns the largest difference between a file's probabilities and the student's.

    Args:
      name: the file's format, for the message.
      run: the file, read back: ``uint8[B, H, W, C]`` to ``float32[B, Y]``, for any B.
      sample: ``uint8[M, H, W, C]``.
      answers: ``float32[M, Y]``, the student's own.
      tolerance: largest difference of one probability that is allowed.

    Raises:
      UserError: the difference is above the tolerance, or the file cannot be run.
    """
    worst = 0.0
    for batch in _batches(len(sample)):
        try:
            found = np.asarray(run(sample[batch]))
        except Exception as error:  # whatever the file's runtime raises
            raise _failure(
                name, f"cannot be run on {len(batch)} images ({type(error).__name__}: {error})"
            ) from error
        if found.dtype != np.float32 or found.shape != (len(batch), answers.shape[1]):
            raise _failure(name, f"gives {found.dtype}{list(found.shape)} for {len(batch)} images")
        worst = float(np.maximum(worst, np.abs(found - answers[batch]).max()))  # NaN stays
    if not worst <= tolerance:
        raise _failure(name, f"differs by {worst:.2g} from the student ({tolerance:g} is allowed)")
    return worst


def _batches(images: int) -> Iterator[np.ndarray]:
    """Yields the indices of each batch: one of every size to be tried, then the whole sample."""
    for size in _BATCHES:
        yield np.arange(size) % images
    for start in range(0, images, _CHUNK):
        yield np.arange(start, min(start + _CHUNK, images))


def _failure(name: str, what: str) -> UserError:
    other = "onnx" if name == "stablehlo" else "stablehlo"
    return UserError(
        f"the {name} file {what}, checked on real images; nothing was written."
        f" Leave the format out: --config.export.formats={other}"
    )
