"""Active Mixup's rounds (paper, Algorithm 1): a thin driver that threads immutable state through
them.
"""

import dataclasses
import functools
import time
from collections.abc import Callable

import jax
import numpy as np

from amkd.candidates import committee
from amkd.core import checkpoint, compilation, keys
from amkd.data.records import real_records
from amkd.models import prediction
from amkd.models.layers import Variables
from amkd.querying import client
from amkd.reporting import metrics
from amkd.run import round_state
from amkd.run.context import RunContext
from amkd.run.round_state import RoundState, Row
from amkd.search import pairs
from amkd.search.selection import Selection, SelectionTask
from amkd.training import loop, recipe, train_step, training_set


def run(context: RunContext, state: RoundState) -> RoundState:
    """All rounds that are left to do from a state."""
    context.report.rewind(list(state.rows), state.round, state.epoch)
    while state.round <= len(context.facts.ks):
        state = one_round(context, state)
    return state


def one_round(context: RunContext, state: RoundState) -> RoundState:
    """Search, query, train, evaluate; saved after the choice, the answers and the training."""
    if state.answered == len(state.records) and state.epoch < 0:
        state = choose(context, state)
        round_state.save(context.checkpoints, state)
    if state.epoch < 0:
        state, answers = query(context, state)
        round_state.save(context.checkpoints, state)
    else:
        answers = recall(context, state)
    state, loss = train(context, state, answers)
    row = evaluate(context, state, loss)
    state = dataclasses.replace(
        state,
        round=state.round + 1,
        epoch=-1,
        training=None,
        seconds=round_state.NO_SECONDS,
        rows=(*state.rows, row),
    )
    round_state.save(context.checkpoints, state)
    context.report.round(row)
    return state


def choose(context: RunContext, state: RoundState) -> RoundState:
    """Adds the round's mixes to the records: the real images in round 0, then the method's
    choice.
    """
    started = time.monotonic()
    if state.round == 0:
        unscored = np.full(context.facts.first, np.nan, np.float32)
        found = Selection(real_records(context.facts.first), unscored, context.first_metrics)
    else:
        found = _search(context, state)
    return dataclasses.replace(
        state,
        records=state.records.extend(found.records),
        score=np.concatenate([state.score, found.score]),
        told=found.metrics,
        seconds=state.spent("search", time.monotonic() - started),
    )


def task(
    context: RunContext, state: RoundState, k: int, progress: Callable[[int], None]
) -> SelectionTask:
    """What the method is given to choose k pairs, in a state with a student."""
    settings = context.settings
    i, j = state.records.i, state.records.j
    plan = context.facts.rounds[state.round - 1].recipe

    def answers() -> np.ndarray:
        return recall(context, state)

    lesson = committee.Lesson(
        network=context.network(plan.dtype, compilation.AXIS),
        plan=plan,
        shape=context.data.shape,
        data=lambda: _training_set(context, state, answers()),
        size=len(state.records),
        stream=(settings.seed, state.round - 1),
        stop=context.stop,
    )
    return SelectionTask(
        images=context.images,
        pool=context.pool,
        chosen=np.unique(pairs.rank_of(i[i < j], j[i < j], context.pool.n)),
        records=state.records,
        k=k,
        stream=(settings.seed, state.round),
        network=context.network(),
        variables=state.variables,
        settings=settings.search,
        progress=progress,
        answers=answers,
        another=functools.partial(committee.another, lesson),
    )


def _search(context: RunContext, state: RoundState) -> Selection:
    def progress(scored: int) -> None:
        context.stop.check()
        advance(scored)

    wanted = task(context, state, context.facts.ks[state.round - 1], progress)
    selector = context.facts.method.selector
    title = f"round {state.round} search"
    with context.report.bar(selector.left(wanted), title, selector.unit) as advance:
        return selector.select(wanted)


def query(context: RunContext, state: RoundState) -> tuple[RoundState, np.ndarray]:
    """The answers to all records, ``float32[Q, Y]``; only this round's are asked for."""
    started = time.monotonic()
    fresh = state.records.take(slice(state.answered, None))
    images = np.concatenate(list(context.mixes(fresh)))
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
    """The answers that the run has already had, ``float32[answered, Y]``, from the ledger alone."""
    records = state.records.take(slice(state.answered))
    return client.recall(context.client, context.mixes(records))


def train(context: RunContext, state: RoundState, answers: np.ndarray) -> tuple[RoundState, float]:
    """Trains the round's student on everything answered so far; returns the last loss too."""
    settings, plan = context.settings, context.facts.rounds[state.round].recipe
    network = context.network(plan.dtype, compilation.AXIS)
    count = len(state.records)
    epochs = recipe.epochs(plan, count)
    started, last = time.monotonic(), float("nan")

    def save(epoch: int, leaves: loop.Leaves) -> None:
        spent = state.spent("train", time.monotonic() - started)
        inside = dataclasses.replace(state, epoch=epoch, training=leaves, seconds=spent)
        round_state.save(context.checkpoints, inside)

    watch = loop.Watch(context.stop, settings.checkpoint.seconds, save)
    with context.report.bar(epochs * count, f"round {state.round} train", "img") as advance:
        advance(state.epoch * count)

        def on_epoch(epoch: int, in_training: train_step.TrainState, loss: float) -> None:
            nonlocal last
            last = loss
            advance(count, loss=f"{loss:.4f}")
            context.report.epoch({"round": state.round, "epoch": epoch, "loss": loss})
            watch.after(epoch, epochs, in_training)

        stream = (settings.seed, state.round)
        data = _training_set(context, state, answers)
        first = _first_variables(context, state)
        beginning = loop.start(network, plan, first, stream, state.training, data.width)
        ended = loop.fit(network, plan, beginning, data, count, stream, state.epoch, on_epoch)
    variables = jax.device_get(ended.result)
    spent = state.spent("train", time.monotonic() - started)
    return dataclasses.replace(state, variables=variables, seconds=spent), last


def _training_set(
    context: RunContext, state: RoundState, answers: np.ndarray
) -> training_set.TrainingSet:
    """Everything answered so far."""
    settings, released = context.settings, context.settings.search.as_released
    inside = (
        context.teacher_features.of(state.records, context.mixes)
        if context.teacher_features
        else None
    )
    return training_set.make(
        context.images, state.records, answers, settings.budget, released, inside
    )


def _first_variables(context: RunContext, state: RoundState) -> Variables:
    """A new student's, as in the paper, or the last student's."""
    if context.settings.warm_start and state.variables is not None:
        return state.variables
    key = keys.key(context.settings.seed, state.round, keys.Purpose.INIT)
    return prediction.init(context.network(), context.data.shape, key)


def evaluate(context: RunContext, state: RoundState, loss: float) -> Row:
    """The finished round's report row. The only place where a student meets test labels."""
    started = time.monotonic()
    answers = context.evaluate(state.variables)
    new = state.score[-_selected(context, state) :]
    new = new[np.isfinite(new)]
    spent = state.spent("evaluate", time.monotonic() - started)
    return {
        "round": state.round,
        "queries": len(state.records),
        "student_accuracy": metrics.accuracy(answers, context.data.test_labels),
        "agreement": metrics.agreement(answers, context.test_answers),
        "divergence": metrics.divergence(answers, context.test_answers),
        "loss": loss,
        "c2_lowest": float(new.min()) if len(new) else None,
        "c2_highest": float(new.max()) if len(new) else None,
        "search": state.told,
        "student_sha256": checkpoint.sha256(state.variables),
        "seconds": {phase: round(value, 3) for phase, value in spent.items()},
    }


def _selected(context: RunContext, state: RoundState) -> int:
    return context.facts.rounds[state.round].selected
