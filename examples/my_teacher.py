"""A teacher of scikit-learn's, for the images that ``make_pictures.py`` makes."""

import functools

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression


@functools.cache
def model() -> LogisticRegression:
    """Trains on the digits that are not among the images."""
    digits = load_digits()
    return LogisticRegression(max_iter=1000).fit(digits.data[400:], digits.target[400:])


def answer(images: np.ndarray) -> np.ndarray:
    """Answers ``uint8[B, 32, 32, 1]`` with probabilities ``[B, 10]``."""
    small = images[:, 2::4, 2::4, 0] / 255 * 16
    return model().predict_proba(small.reshape(len(images), -1))
