"""Figures of merit, on the host. Each is None where there is nothing to measure it by."""

import numpy as np


def accuracy(probabilities: np.ndarray | None, labels: np.ndarray | None) -> float | None:
    """Share of images whose most probable class is the label: ``[B, Y]``, ``[B]`` to [0, 1]."""
    if probabilities is None or labels is None or not len(labels):
        return None
    return float(np.mean(np.argmax(probabilities, -1) == labels))


def agreement(student: np.ndarray, teacher: np.ndarray | None) -> float | None:
    """Share of images on which both pick the same class: two ``[B, Y]`` to [0, 1]."""
    if teacher is None or not len(teacher):
        return None
    return float(np.mean(np.argmax(student, -1) == np.argmax(teacher, -1)))


def divergence(student: np.ndarray, teacher: np.ndarray | None) -> float | None:
    """Mean Kullback-Leibler divergence of the student's answers from the teacher's, in nats: two
    ``[B, Y]``.
    """
    if teacher is None or not len(teacher):
        return None
    tiny = np.finfo(
        np.float32
    ).tiny  # so that 0 log 0 is 0, and a probability that underflowed is not infinite
    return float(
        np.mean(
            np.sum(
                teacher * (np.log(teacher + tiny) - np.log(student + tiny)), -1, dtype=np.float64
            )
        )
    )


def success_rate(student_accuracy: float | None, teacher_accuracy: float | None) -> float | None:
    """Student accuracy over teacher accuracy (paper, section 4)."""
    if student_accuracy is None or not teacher_accuracy:
        return None
    return student_accuracy / teacher_accuracy
