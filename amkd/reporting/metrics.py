"""Measures of a student, computed on the host. Each is None where there is nothing to compare with.

Probabilities are ``float32[B, Y]``, labels ``int[B]``.
"""

import numpy as np

# Added so that 0 log 0 is 0, and a probability that underflowed to 0 gives no infinity.
_TINY = np.finfo(np.float32).tiny


def accuracy(probabilities: np.ndarray | None, labels: np.ndarray | None) -> float | None:
    """Returns the share of images whose most probable class is the label."""
    if probabilities is None or labels is None or not len(labels):
        return None
    return float(np.mean(np.argmax(probabilities, -1) == labels))


def agreement(student: np.ndarray, teacher: np.ndarray | None) -> float | None:
    """Returns the share of images on which student and teacher pick the same class."""
    if teacher is None or not len(teacher):
        return None
    return float(np.mean(np.argmax(student, -1) == np.argmax(teacher, -1)))


def divergence(student: np.ndarray, teacher: np.ndarray | None) -> float | None:
    """Returns the mean Kullback-Leibler divergence KL(teacher || student), in nats."""
    if teacher is None or not len(teacher):
        return None
    log_ratio = np.log(teacher + _TINY) - np.log(student + _TINY)
    return float(np.mean(np.sum(teacher * log_ratio, -1, dtype=np.float64)))


def success_rate(student_accuracy: float | None, teacher_accuracy: float | None) -> float | None:
    """Returns student accuracy over teacher accuracy (paper, section 4)."""
    if student_accuracy is None or not teacher_accuracy:
        return None
    return student_accuracy / teacher_accuracy
