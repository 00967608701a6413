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
from amkd.core import checkpoint
from amkd.data.records import Records, extend, real_records
from amkd.querying import client
from amkd.reporting import metrics
from amkd.run import round_state
from amkd.run.context import RunContext
from amkd.run.round_state import RoundState, Row
from amkd.search import pairs, pool_search
from amkd.search.task import Choice, Task
from amkd.training import training_set
from amkd.training.train import Leaves, PeriodicSaver, Training, train_network
from amkd.training.train_state import TrainState


def run(bench: RunContext, state: RoundState) -> RoundState:
    """All rounds that are left to do from a state."""
    bench.report.rewind(list(state.rows), state.round, state.epoch)
    while state.round <= len(bench.settings.queries_per_round()):
        state = one_round(bench, state)
    return state


def one_round(bench: RunContext, state: RoundState) -> RoundState:
    """Search, query, train, evaluate; saved after the choice, the answers and the training."""
    if state.answered == len(state.records) and state.epoch < 0:
        state = choose(bench, state)
        round_state.save(bench.checkpoints, state)
    if state.epoch < 0:
        state, answers = query(bench, state)
        round_state.save(bench.checkpoints, state)
    else:
        answers = recall(bench, state)
    state, loss = train(bench, state, answers)
    row = evaluate(bench, state, loss)
    state = dataclasses.replace(
        state,
        round=state.round + 1,
        epoch=-1,
        training=None,
        seconds=round_state.NO_SECONDS,
        rows=(*state.rows, row),
    )
    round_state.save(bench.checkpoints, state)
    bench.report.round(row)
    return state


def choose(bench: RunContext, state: RoundState) -> RoundState:
    """Adds the round's mixes to the records: the real images in round 0, then the method's
    choice.
    """
    started = time.monotonic()
    if state.round == 0:
        unscored = np.full(bench.first, np.nan, np.float32)
        found = Choice(real_records(bench.first), unscored, bench.told)
    else:
        found = _search(bench, state)
    return dataclasses.replace(
        state,
        records=extend(state.records, found.records),
        score=np.concatenate([state.score, found.score]),
        told=found.told,
        seconds=state.spent("search", time.monotonic() - started),
    )


def task(bench: RunContext, state: RoundState, k: int, progress: Callable[[int], None]) -> Task:
    """What the method is given to choose k pairs, in a state with a student."""
    settings = bench.settings
    i, j = state.records.i, state.records.j

    def answers() -> np.ndarray:
        return recall(bench, state)

    def last_training() -> Training:
        return _training(bench, state, answers(), state.round - 1)

    return Task(
        images=bench.real,
        pool=bench.pool,
        chosen=np.unique(pairs.rank_of(i[i < j], j[i < j], bench.pool.n)),
        records=state.records,
        k=k,
        stream=(settings.seed, state.round),
        network=bench.network(),
        variables=state.variables,
        settings=settings.search,
        progress=progress,
        answers=answers,
        another=functools.partial(committee.another, last_training, bench.stop),
    )


def _search(bench: RunContext, state: RoundState) -> Choice:
    def progress(scored: int) -> None:
        bench.stop.check()
        advance(scored)

    wanted = task(bench, state, bench.settings.queries_per_round()[state.round - 1], progress)
    way = bench.settings.way
    left = pool_search.left(wanted) if way.mixes else len(bench.real) - len(state.records)
    with bench.report.bar(
        left, f"round {state.round} search", "pair" if way.mixes else "img"
    ) as advance:
        choose = way.choose
        assert choose is not None
        return choose(wanted)


def query(bench: RunContext, state: RoundState) -> tuple[RoundState, np.ndarray]:
    """The answers to all records, ``float32[Q, Y]``; only this round's are asked for."""
    started = time.monotonic()
    fresh = Records(*(column[state.answered :] for column in state.records))
    images = np.concatenate(list(bench.mixes(fresh)))
    with bench.report.bar(len(images), f"round {state.round} query", "img") as advance:

        def progress(answered: int) -> None:
            bench.stop.check()
            advance(answered)

        known = recall(bench, state)
        added = client.ask(bench.desk, images, client.DISTILL, state.round, progress)
    spent = state.spent("query", time.monotonic() - started)
    state = dataclasses.replace(state, epoch=0, answered=len(state.records), seconds=spent)
    return state, np.concatenate([known, added])


def recall(bench: RunContext, state: RoundState) -> np.ndarray:
    """The answers that the run has already had, ``float32[answered, Y]``, from the ledger alone."""
    records = Records(*(column[: state.answered] for column in state.records))
    return client.recall(bench.desk, bench.mixes(records))


def train(bench: RunContext, state: RoundState, answers: np.ndarray) -> tuple[RoundState, float]:
    """Trains the round's student on everything answered so far; returns the last loss too."""
    settings, started, last = bench.settings, time.monotonic(), float("nan")
    training = _training(bench, state, answers, state.round)

    def save(epoch: int, leaves: Leaves) -> None:
        spent = state.spent("train", time.monotonic() - started)
        in_training = dataclasses.replace(state, epoch=epoch, training=leaves, seconds=spent)
        round_state.save(bench.checkpoints, in_training)

    saver = PeriodicSaver(training, stop=bench.stop, seconds=settings.checkpoint.seconds, save=save)
    images, count = training.epochs * training.count, training.count
    with bench.report.bar(images, f"round {state.round} train", "img") as advance:
        advance(state.epoch * count)

        def on_epoch(epoch: int, in_training: TrainState, loss: float) -> None:
            nonlocal last
            last = loss
            advance(count, loss=f"{loss:.4f}")
            bench.report.epoch({"round": state.round, "epoch": epoch, "loss": loss})
            saver.after_epoch(epoch, in_training)

        ended = train_network(
            training,
            first_variables=state.variables if settings.warm_start else None,
            saved=state.training,
            first_epoch=state.epoch,
            on_epoch=on_epoch,
        )
    variables = jax.device_get(ended.result)
    spent = state.spent("train", time.monotonic() - started)
    return dataclasses.replace(state, variables=variables, seconds=spent), last


def _training(bench: RunContext, state: RoundState, answers: np.ndarray, round_: int) -> Training:
    """Returns the training of a round's student, on everything answered so far."""
    settings, shown = bench.settings, bench.insight
    data = training_set.make(
        bench.real,
        state.records,
        answers,
        capacity=settings.budget,
        as_released=settings.search.as_released,
        teacher_features=shown.column(state.records, bench.mixes) if shown else None,
    )
    return Training(
        network=bench.network(),
        recipe=settings.recipe_of(round_),
        data=data,
        count=len(state.records),
        stream=(settings.seed, round_),
    )


def evaluate(bench: RunContext, state: RoundState, loss: float) -> Row:
    """The finished round's report row. The only place where a student meets test labels."""
    started = time.monotonic()
    answers = bench.judge(state.variables)
    new = state.score[-_selected(bench, state) :]
    new = new[np.isfinite(new)]
    spent = state.spent("evaluate", time.monotonic() - started)
    return {
        "round": state.round,
        "queries": len(state.records),
        "student_accuracy": metrics.accuracy(answers, bench.data.test_labels),
        "agreement": metrics.agreement(answers, bench.test_answers),
        "divergence": metrics.divergence(answers, bench.test_answers),
        "loss": loss,
        "c2_lowest": float(new.min()) if len(new) else None,
        "c2_highest": float(new.max()) if len(new) else None,
        "search": state.told,
        "student_sha256": checkpoint.sha256(state.variables),
        "seconds": {phase: round(value, 3) for phase, value in spent.items()},
    }


def _selected(bench: RunContext, state: RoundState) -> int:
    return bench.settings.queries_per_round()[state.round - 1] if state.round else len(state.score)
