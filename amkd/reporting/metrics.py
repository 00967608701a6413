"""Measures of a student, computed on the host. A measure is None if its data are missing.

Probabilities are ``float32[B, Y]``, ground-truth labels ``int[B]``. A row of NaN in a teacher's
answers belongs to an image that it was not asked about; such images are left out.
"""

import numpy as np

# Added so that 0 log 0 is 0, and a probability that underflowed to 0 gives no infinity.
_TINY = np.finfo(np.float32).tiny


def accuracy(probabilities: np.ndarray | None, labels: np.ndarray | None) -> float | None:
    """Returns the share of images whose most probable class is the ground-truth label. An answer
    that names no class is wrong.
    """
    if probabilities is None or labels is None or not answered(probabilities):
        return None
    asked = _asked(probabilities)
    said = probabilities[asked]
    return float(np.mean((np.argmax(said, -1) == labels[asked]) & names_class(said)))


def agreement(student: np.ndarray, teacher: np.ndarray | None) -> float | None:
    """Returns the share of images on which student and teacher predict the same class, among those
    for which the teacher names one.
    """
    if teacher is None or not (asked := names_class(teacher)).any():
        return None
    return float(np.mean(np.argmax(student[asked], -1) == np.argmax(teacher[asked], -1)))


def calibration_error(
    probabilities: np.ndarray, labels: np.ndarray | None, bins: int = 15
) -> float | None:
    """Returns the expected calibration error (Guo et al., 2017, equation 3): the mean distance
    between confidence and accuracy, over bins of equal width, weighted by their numbers of images.
    """
    if labels is None or not len(probabilities):
        return None
    confidence = probabilities.max(-1).astype(np.float64)
    right = probabilities.argmax(-1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(place, confidence - right, bins)
    return float(np.abs(gaps).sum() / len(confidence))


def brier_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the Brier score of each image (Brier, 1950): the squared distance of all its
    probabilities from 1 for the label and 0 for the other classes, in [0, 2]: ``float64[B]``.
    """
    found = probabilities.astype(np.float64)
    rows = np.arange(len(found))
    return np.asarray((found**2).sum(-1) - 2 * found[rows, labels] + 1)


def calibration(
    student: np.ndarray, labels: np.ndarray | None, teacher: np.ndarray | None
) -> dict[str, float | None]:
    """Returns the ``calibration_error`` and the mean ``brier_score`` of a student.

    They are computed with the ground-truth labels. If there are none, the teacher's class counts
    as the right one, on the images for which it names one.
    """
    if labels is None and teacher is not None:
        asked = names_class(teacher)
        student, labels = student[asked], np.argmax(teacher[asked], -1)
    if labels is None or not len(student):
        return {"calibration_error": None, "brier_score": None}
    return {
        "calibration_error": calibration_error(student, labels),
        "brier_score": float(brier_scores(student, labels).mean()),
    }


def divergence(student: np.ndarray, teacher: np.ndarray | None) -> float | None:
    """Returns the mean Kullback-Leibler divergence KL(teacher || student), in nats."""
    if teacher is None or not answered(teacher):
        return None
    asked = _asked(teacher)
    return float(np.mean(divergences(student[asked], teacher[asked])))


def divergences(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Returns KL(teacher || student) of each image, in nats: ``float64[B]``."""
    log_ratio = np.log(teacher + _TINY) - np.log(student + _TINY)
    return np.asarray(np.sum(teacher * log_ratio, -1, dtype=np.float64))


def answered(teacher: np.ndarray | None) -> int:
    """Returns the number of images that a teacher was asked about."""
    return 0 if teacher is None else int(_asked(teacher).sum())


def names_class(answers: np.ndarray) -> np.ndarray:
    """Returns which answers name a class, ``bool[B]``: not all scores are equal, or NaN.

    A service that finds none of the classes in an image gives all of them the same score.
    """
    known = np.nan_to_num(answers, nan=-np.inf)
    return np.asarray(known.max(-1) > known.min(-1))


def where_answered(student: np.ndarray, teacher: np.ndarray | None) -> np.ndarray | None:
    """Returns the student's answers, with rows of NaN for images that the teacher did not answer;
    None if it answered none.
    """
    return None if teacher is None else np.where(_asked(teacher)[:, None], student, np.nan)


def _asked(teacher: np.ndarray) -> np.ndarray:
    return ~np.isnan(teacher).all(-1)


def success_rate(student_accuracy: float | None, teacher_accuracy: float | None) -> float | None:
    """Returns student accuracy over teacher accuracy (paper, section 4)."""
    if student_accuracy is None or not teacher_accuracy:
        return None
    return student_accuracy / teacher_accuracy
