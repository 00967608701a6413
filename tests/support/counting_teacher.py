"""A black box for tests: answers images, writes down what it was asked, and offers nothing else.

It tells digits apart by their distance to each class's mean. Every call appends one line to the
file named by ``COUNTING_TEACHER_LOG``; ``COUNTING_TEACHER_SLEEP`` seconds pass before each answer,
and from ``COUNTING_TEACHER_FAILS`` images on it fails.
"""

import hashlib
import os
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits


@lru_cache
def _means():
    digits = load_digits()
    return np.stack([digits.images[digits.target == y].mean(0) for y in range(10)]) * (255 / 16)


def answer(images):
    """``uint8[B, 8, 8, 1]`` to probabilities ``float64[B, 10]``."""
    log = Path(os.environ["COUNTING_TEACHER_LOG"])
    time.sleep(float(os.environ.get("COUNTING_TEACHER_SLEEP", "0")))
    limit = int(os.environ.get("COUNTING_TEACHER_FAILS", "1000000000"))
    if len(asked(log)) + len(images) > limit:
        raise TimeoutError("the service is down")
    with log.open("a") as lines:
        lines.write(
            " ".join(hashlib.sha256(image.tobytes()).hexdigest() for image in images) + "\n"
        )
    distance = np.square(images[..., 0][:, None] - _means()[None]).mean((2, 3))
    logits = -distance / 800
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)


def asked(log):
    """Every image that the teacher was asked about, in order, as hashes."""
    return log.read_text().split() if log.exists() else []
