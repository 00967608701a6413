"""The paper's method: the k pairs of lowest C2, each at its arg-min lambda (Algorithm 1)."""

from amkd import screening, search, training_set
from amkd.method import Choice, Method, Task


def choose(task: Task) -> Choice:
    """The k lowest of the pool, by the configured way to minimise over lambda."""
    way, left = search.minimiser(task.settings), search.left(task)
    if task.settings.minimiser == "screened":
        found, told = screening.lowest(task, screening.plan(task.settings, left, task.k))
    else:
        found, told = search.lowest(task, way, task.k), {"evaluations": way.evaluations * left}
    return Choice(training_set.Records(found.i, found.j, found.extra), found.score, told)


METHOD = Method(choose)
