"""Every rule over fields and over a whole configuration, as far as known without the data."""

from collections.abc import Iterator

from amkd import models
from amkd.config import checks
from amkd.config.checks import choice
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.ledger import disk_path
from amkd.methods import find
from amkd.methods.base import Method
from amkd.models.pretrained import initial_weights
from amkd.validation import assistant, budget, data, search, synthesis, tasks, teachers, training
from amkd.validation.parts import choice_or_own


def reasons(s: Settings) -> Iterator[str]:
    """Yields every reason why these settings cannot work."""
    method, problem = _method(s)
    for out_of_range in checks.problems(s):
        if not (out_of_range.startswith("config.rounds=") and budget.ignores_rounds(method)):
            yield out_of_range
    yield from problem
    yield from choice_or_own("student", s.student, models.MODELS)
    yield from initial_weights.problems(s.student_weights, s.student)
    yield from training.parts_trained(s)
    yield from teachers.reasons(s.teacher)
    yield from choice("teacher.model", s.teacher.model, list(models.MODELS))
    yield from synthesis.reasons(s)
    yield from data.reasons(s, method)
    if s.ledger.path:
        yield from disk_path.problems(s.ledger.path)
    yield from search.reasons(s)
    yield from tasks.reasons(s)
    yield from budget.reasons(s, method or Method())
    labels = method is not None and method.uses_labels(s)
    yield from training.reasons("train", s.train, labels=labels)
    yield from training.reasons("teacher.train", s.teacher.train, labels=True)
    yield from assistant.reasons(s, method)
    yield from training.teacher_features(s)
    yield from training.views_compared(s, method)


def _method(s: Settings) -> tuple[Method | None, list[str]]:
    """Returns the method, or the problem with its name."""
    try:
        return find(s.method), []
    except UserError as error:
        return None, [str(error)]
