"""Figures of merit, on the host."""

import numpy as np


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose most probable class is the label: ``[B, Y]``, ``[B]`` to [0, 1]."""
    return float(np.mean(np.argmax(probabilities, -1) == labels))


def agreement(student: np.ndarray, teacher: np.ndarray) -> float:
    """Share of images on which both pick the same class: two ``[B, Y]`` to [0, 1]."""
    return float(np.mean(np.argmax(student, -1) == np.argmax(teacher, -1)))


def success_rate(student_accuracy: float, teacher_accuracy: float) -> float:
    """Student accuracy over teacher accuracy (paper, section 4)."""
    return student_accuracy / teacher_accuracy
