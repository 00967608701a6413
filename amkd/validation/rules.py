"""Every rule over a whole configuration, as far as it can be known without the data."""

from collections.abc import Iterator

from amkd import models
from amkd.config.checks import choice
from amkd.config.settings import Settings
from amkd.methods import METHODS
from amkd.validation import budget, data, search, synthesis, teachers, training


def reasons(s: Settings) -> Iterator[str]:
    """Yields every reason why these settings cannot work."""
    yield from choice("method", s.method, list(METHODS))
    yield from choice("student", s.student, list(models.MODELS))
    yield from teachers.reasons(s.teacher)
    yield from choice("teacher.model", s.teacher.model, list(models.MODELS))
    yield from synthesis.reasons(s)
    yield from data.reasons(s)
    yield from search.reasons(s)
    yield from budget.reasons(s)
    yield from training.reasons("train", s.train, labels=s.method in METHODS and s.uses_labels)
    yield from training.reasons("teacher.train", s.teacher.train, labels=True)
    yield from training.teacher_features(s)
    yield from training.views_compared(s)
