"""The facts of a run: queries, rounds and recipes, computed once for the driver and for the
plan.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from amkd.config.recipe import Recipe
from amkd.config.settings import Settings
from amkd.methods import find
from amkd.methods.base import Method
from amkd.training import recipe


@dataclasses.dataclass(frozen=True)
class Round:
    """The work of one round.

    Attributes:
      selected: images that the round selects, k; in round 0 all images that it queries.
      queries: records in its training set, Q.
      evaluations: forward passes of the previous round's student that score pairs, mixes or
        images; what an acquisition computes for its candidates is not counted.
      recipe: how the student of the round is trained.
      trained: images trained on; every pass and every further student counts.
      share: share of each of the student's batches that an assistant answered; 0 without one.
      assistant_trained: images that this assistant is trained on; every pass counts.
      assisted: images that it answers.
    """

    selected: int
    queries: int
    evaluations: int
    recipe: Recipe
    trained: int
    share: float = 0.0
    assistant_trained: int = 0
    assisted: int = 0


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """The facts that are derived from a configuration and the size of its data set.

    Attributes:
      method: the method, which decides how the queries are spent.
      from_labels: whether ground-truth labels take the place of a teacher's answers.
      queries_evaluation_images: whether the evaluation images are sent to the teacher.
      real_count: real images drawn, N.
      first_count: images that round 0 queries.
      image_count: images to which records may refer: those of round 0, their variants, images made
        from them, or all others.
      pool_size: pairs, or images, that may be selected in all; 0 for a method that selects nothing.
      rounds: the work of every round, round 0 first.
    """

    method: Method
    from_labels: bool
    queries_evaluation_images: bool
    real_count: int
    first_count: int
    image_count: int
    pool_size: int
    rounds: tuple[Round, ...]

    @property
    def ks(self) -> tuple[int, ...]:
        """k of each round after the first."""
        return tuple(one.selected for one in self.rounds[1:])

    @property
    def evaluations(self) -> int:
        """Forward passes of students on images during selection, in all rounds."""
        return sum(one.evaluations for one in self.rounds)

    @property
    def trained(self) -> int:
        """Images trained on, in all rounds; every pass counts."""
        return sum(one.trained for one in self.rounds)


def facts_of_run(settings: Settings, *, drawable: int, labelled: bool) -> RunFacts:
    """Returns the facts of a run.

    Args:
      settings: the configuration.
      drawable: images that the real ones are drawn from.
      labelled: whether the evaluation images have ground-truth labels.

    Raises:
      UserError: there is no such method.
    """
    method = find(settings.method)
    real = method.first.real_images(settings.n_real, drawable)
    first = method.first.queries(real, settings.budget)
    labels = method.uses_labels(settings)
    ks = method.selector.ks(settings)
    pool = method.selector.pool_size(settings, drawable) if ks else 0
    return RunFacts(
        method=method,
        from_labels=labels,
        queries_evaluation_images=_queries_evaluation_images(
            settings, from_labels=labels, have_labels=labelled
        ),
        real_count=real,
        first_count=first,
        image_count=method.selector.image_count(settings, first, drawable),
        pool_size=pool,
        rounds=tuple(_rounds(settings, method, first, ks, pool)),
    )


def _queries_evaluation_images(settings: Settings, *, from_labels: bool, have_labels: bool) -> bool:
    """Returns whether the teacher answers the evaluation images: by default if its answers are
    free, or if there are no ground-truth labels.
    """
    if from_labels:
        return False
    if settings.teacher.evaluate != "auto":
        return settings.teacher.evaluate == "yes"
    return settings.teacher.kind == "flax" or not have_labels


def _rounds(
    settings: Settings, method: Method, first: int, ks: tuple[int, ...], pool: int
) -> Iterator[Round]:
    further = method.selector.further_students(settings.search)
    before = 0  # images that one student of the previous round is trained on
    for number, selected in enumerate((first, *ks)):
        removed = sum(ks[: max(number - 1, 0)])
        queries = first + sum(ks[:number])
        last = number == len(ks)
        own, helped = _recipe_of(settings, last), _assistance(settings, queries, last)
        share = helped.get("share", 0.0)
        trained = recipe.epochs(own, queries, share) * recipe.images_per_epoch(own, queries, share)
        evaluations = (
            method.selector.evaluations(settings.search, pool - removed, selected) if number else 0
        )
        yield Round(selected, queries, evaluations, own, trained + further * before, **helped)
        before = trained


def _recipe_of(settings: Settings, last: bool) -> Recipe:
    """Returns the recipe of a round; in the last one ``last_epochs``, if set, replaces
    ``epochs``.
    """
    if last and settings.last_epochs:
        return dataclasses.replace(settings.train, epochs=settings.last_epochs)
    return settings.train


def _assistance(settings: Settings, queries: int, last: bool) -> dict[str, Any]:
    """Returns the work of an assistant in a round; empty if there is no assistant.

    Args:
      settings: the configuration.
      queries: records in the round's training set, Q.
      last: whether it is the last round.
    """
    plan = settings.assistant
    if not plan.model or not (last or plan.rounds == "all"):
        return {}
    trained = recipe.epochs(plan.train, queries) * queries
    assisted = plan.mixes + plan.real_images
    return {"share": plan.share, "assistant_trained": trained, "assisted": assisted}
