"""Drives the rounds (paper, Algorithm 1): a thin loop that threads immutable state through them."""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np

from amkd.candidates import committee
from amkd.config.recipe import Recipe
from amkd.core import checkpoint, processes
from amkd.data.records import Records, real_records
from amkd.querying import client
from amkd.run import assistant, corrected, leading, round_state, student_training, training_loop
from amkd.run.context import RunContext, SharedContext
from amkd.run.leading import TrainingStart
from amkd.run.round_state import RoundReport, RoundState
from amkd.run.targets import Targets
from amkd.search import pairs, selection
from amkd.search.scans import Scan, Scans
from amkd.search.selection import Selection, SelectionInputs
from amkd.training.recipe import epoch_rates
from amkd.training.train import Leaves, Training


def run(context: RunContext, state: RoundState) -> RoundState:
    """Runs all remaining rounds from a state.

    Raises:
      OutOfMoney: the money is spent before the rounds are done; the state is saved.
    """
    context.report.rewind(list(state.reports), state.round, state.epoch)
    while state.round < len(context.facts.rounds):
        state = one_round(context, state)
    return state


def one_round(context: RunContext, state: RoundState) -> RoundState:
    """Selects, queries, trains and evaluates; saves after selection, after queries and at the end.

    Raises:
      OutOfMoney: not all of its queries can be paid for; as many as possible were sent.
    """
    if state.answered == len(state.records) and state.epoch < 0:
        state = select(context, state)
        round_state.save(context.checkpoints, state)
    if state.epoch < 0:
        state, answers = query(context, state)
        round_state.save(context.checkpoints, state)
    else:
        answers = recall(context, state)
    return learn(context, state, answers)


def learn(context: RunContext, state: RoundState, answers: np.ndarray) -> RoundState:
    """Trains and evaluates the student of a round whose records are answered; ends the round."""
    state, loss = train(context, state, answers)
    report = evaluate(context, state, loss)
    state = dataclasses.replace(
        state,
        round=state.round + 1,
        epoch=-1,
        training=None,
        seconds=round_state.NO_SECONDS,
        reports=(*state.reports, report),
        assisted=None,
    )
    round_state.save(context.checkpoints, state)
    context.report.round(report)
    return state


def select(context: RunContext, state: RoundState) -> RoundState:
    """Adds the round's images to the records: the first images, then what the method selects."""
    started = time.monotonic()
    context.report.phase("search", state.round)
    if state.round == 0:
        unscored = np.full(context.facts.first_count, np.nan, np.float32)
        found = Selection(real_records(context.facts.first_count), unscored, context.first_metrics)
    else:
        found = _search(context, state)
    return dataclasses.replace(
        state,
        records=state.records.extend(found.records),
        score=np.concatenate([state.score, found.score]),
        metrics=found.metrics,
        seconds=state.spent("search", time.monotonic() - started),
        scans=(),
    )


def _search(context: RunContext, state: RoundState) -> Selection:
    def progress(scored: int) -> None:
        context.stop.check()
        advance(scored)

    def targets() -> Targets:
        return _targets(context, state.records, recall(context, state))

    k, started = context.facts.rounds[state.round].selected, time.monotonic()

    def save(scans: tuple[Scan, ...]) -> None:
        spent = state.spent("search", time.monotonic() - started)
        with leading.apart():
            round_state.save(
                context.checkpoints, dataclasses.replace(state, scans=scans, seconds=spent)
            )

    scans = scans_of(context, state, save)
    inputs = selection_inputs(
        context, state, k, progress=progress, targets=leading.shared(targets), scans=scans
    )
    selector, title = context.facts.method.selector, f"round {state.round} search"
    with (
        context.report.bar(selector.left(inputs), title, selector.unit) as advance,
        leading.selecting(state, k),
    ):
        found = selector.select(inputs)
    selection.check(found, inputs, context.settings.method)
    return found


def selection_inputs(
    context: SharedContext,
    state: RoundState,
    k: int,
    *,
    progress: Callable[[int], None],
    targets: Callable[[], Targets],
    scans: Scans,
) -> SelectionInputs:
    """Returns the data from which a method may select k images, in a state that has a student.

    Args:
      context: the context of the run.
      state: the progress of the run.
      k: images to select.
      progress: is called with the number of pairs scored after every chunk.
      targets: returns what the students learned from the records.
      scans: keeps the scans of the search.
    """
    i, j = state.records.i, state.records.j

    def last_training() -> Training:
        recipe = context.facts.rounds[state.round - 1].recipe
        return student_training.of_round(context, state.records, targets(), recipe, state.round - 1)

    return SelectionInputs(
        images=context.images,
        pool=context.pool,
        chosen=np.unique(pairs.rank_of(i[i < j], j[i < j], context.pool.n)),
        records=state.records,
        k=k,
        stream=(context.settings.seed, state.round),
        network=context.network(),
        variables=state.variables,
        settings=context.settings.search,
        progress=progress,
        answers=lambda: targets().answers,
        predict_cached=context.predict_cached if context.backbone else None,
        task=context.data.task,
        real=context.facts.method.selector.real_count(len(context.images), context.settings),
        train_further_student=functools.partial(
            committee.train_further_student, last_training, context.stop
        ),
        train_larger=lambda: committee.train_larger(
            last_training,
            context.stop,
            context.network_of_teacher(),
            context.settings.teacher.train,
        ),
        train_on=functools.partial(committee.train_on, last_training, context.stop),
        scans=scans,
    )


def scans_of(
    context: SharedContext, state: RoundState, save: Callable[[tuple[Scan, ...]], None]
) -> Scans:
    """Returns what keeps the scans of a round's search.

    Args:
      context: the context of the run.
      state: the state, with the scans that were saved before.
      save: saves scans.
    """
    return Scans(
        kept=state.scans,
        save=save,
        seconds=context.settings.checkpoint.seconds,
        agree=processes.number_of_leader if processes.count() > 1 else None,
    )


def query(context: RunContext, state: RoundState) -> tuple[RoundState, np.ndarray]:
    """Sends the round's records to the teacher; returns the answers to all records,
    ``float32[Q, Y]``.
    """
    started = time.monotonic()
    context.report.phase("query", state.round)
    fresh = state.records.take(slice(state.answered, None))
    images = context.images_of(fresh)
    with context.report.bar(len(images), f"round {state.round} query", "img") as advance:

        def progress(answered: int) -> None:
            context.stop.check()
            advance(answered)

        known = recall(context, state)
        added = client.ask(
            context.client, images, client.DISTILL, round_=state.round, progress=progress
        )
    spent = state.spent("query", time.monotonic() - started)
    state = dataclasses.replace(state, epoch=0, answered=len(state.records), seconds=spent)
    return state, np.concatenate([known, added])


def recall(context: RunContext, state: RoundState) -> np.ndarray:
    """Returns the answers that the run has received, ``float32[answered, Y]``, from the ledger
    alone.
    """
    records = state.records.take(slice(state.answered))
    return client.recall(context.client, context.mixes(records))


def train(context: RunContext, state: RoundState, answers: np.ndarray) -> tuple[RoundState, float]:
    """Trains the round's student on all answers so far; also returns the last loss.

    If the round has an assistant, it is trained first, and answers further images.
    """
    context.report.phase("train", state.round)
    targets = _targets(context, state.records, answers)
    state, records, targets = _with_assistant(context, state, targets)
    started, last = time.monotonic(), float("nan")
    training = _training(context, state, records, targets)

    def save(epoch: int, leaves: Leaves) -> None:
        spent = state.spent("train", time.monotonic() - started)
        in_training = dataclasses.replace(state, epoch=epoch, training=leaves, seconds=spent)
        round_state.save(context.checkpoints, in_training)

    rates = epoch_rates(training.recipe, training.count, training.assisted_share)

    def on_epoch(epoch: int, loss: float) -> None:
        nonlocal last
        last = loss
        told = {"epoch": epoch, "loss": loss, "learning_rate": float(rates[epoch - 1])}
        context.report.epoch({"round": state.round, **told})

    first = state.variables if context.settings.warm_start else None
    start: TrainingStart = {
        "first_variables": training.first_from(first),
        "saved": state.training,
        "first_epoch": state.epoch,
    }
    title = f"round {state.round} train"
    ended = training_loop.trained(
        context, training, records, targets, start, title=title, save=save, on_epoch=on_epoch
    )
    variables = training.finished(jax.device_get(ended.result))
    spent = state.spent("train", time.monotonic() - started)
    return dataclasses.replace(state, variables=variables, seconds=spent), last


def _with_assistant(
    context: RunContext, state: RoundState, targets: Targets
) -> tuple[RoundState, Records, Targets]:
    """Returns the state, and the records and targets of the student: with those of the round's
    assistant, which is trained for this; unchanged without one.
    """
    if not context.facts.rounds[state.round].share:
        return state, state.records, targets
    state = assistant.answered(context, state, targets)
    return state, *assistant.joined(context, state, targets)


def _training(
    context: RunContext, state: RoundState, records: Records, targets: Targets
) -> Training:
    """Returns the training of the round's student on records, the last ones an assistant's."""
    round_ = context.facts.rounds[state.round]
    with _features_bar(context, round_.recipe, state.round, len(records)) as advance:
        return student_training.of_round(
            context,
            records,
            targets,
            round_.recipe,
            state.round,
            share=round_.share,
            assisted=len(records) - len(state.records),
            of_features=advance,
        )


@contextlib.contextmanager
def _features_bar(
    context: RunContext, recipe: Recipe, round_: int, images: int
) -> Iterator[Callable[[int], None]]:
    """Yields a function that advances the bar of cached features; without cached features, no bar
    is shown.
    """
    if not recipe.views:
        yield lambda views: None
        return
    with context.report.bar(recipe.views * images, f"round {round_} features", "img") as advance:
        yield advance


def _targets(context: RunContext, records: Records, answers: np.ndarray) -> Targets:
    """Returns answers with a person's corrections, and the teacher features that a recipe needs."""
    features = context.teacher_features
    targets = Targets(answers, features.column(records, context.mixes) if features else None)
    return corrected.with_corrections(context.corrections, targets, records, context.images_of)


def evaluate(context: RunContext, state: RoundState, loss: float) -> RoundReport:
    """Returns the report of a finished round. No student learns from the test labels."""
    started, query_client = time.monotonic(), context.client
    context.report.phase("evaluate", state.round)
    answers = context.evaluate(state.variables)
    new = state.score[-context.facts.rounds[state.round].selected :]
    new = new[np.isfinite(new)]
    spent = state.spent("evaluate", time.monotonic() - started)
    return {
        "round": state.round,
        "queries": len(state.records),
        "selected": len(state.records) - (state.reports[-1]["queries"] if state.reports else 0),
        **context.data.task.evaluated(answers, context.data.test_labels),
        **context.data.task.compared(answers, context.test_answers),
        **context.data.task.calibrated(answers, context.data.test_labels, context.test_answers),
        "loss": loss,
        **_score_range(context, new),
        "search": state.metrics,
        **({"assistant": state.assisted.metrics} if state.assisted else {}),
        "student_sha256": checkpoint.sha256(state.variables),
        "queries_paid": query_client.ledger.count(query_client.run, client.DISTILL, paid_only=True),
        "cost": query_client.ledger.spent(query_client.run),
        "seconds": {phase: round(value, 3) for phase, value in spent.items()},
    }


def _score_range(context: RunContext, scores: np.ndarray) -> dict[str, float | None]:
    """Returns the lowest and the highest score of the round's images, as C1 or as C2."""
    ends = ("lowest", "highest")
    found: dict[str, float | None] = {f"{c}_{end}": None for c in ("c1", "c2") for end in ends}
    if len(scores):
        name = context.facts.method.selector.score.lower()
        found |= {f"{name}_lowest": float(scores.min()), f"{name}_highest": float(scores.max())}
    return found
