"""Trains a round's assistant on all answers of the teacher, and lets it answer fresh images.

No image that it answers is a query. Like the student's, its training resumes from the saved state.
Its answers are saved, so the student of a resumed run learns from the same bits.
"""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from amkd.core import devices, keys
from amkd.data import augment
from amkd.data.records import Records, block_size, whole_records
from amkd.models import prediction
from amkd.models.layers import Variables
from amkd.reporting import metrics
from amkd.run import round_state, student_training, training_loop
from amkd.run.context import RunContext, SharedContext
from amkd.run.leading import TrainingStart
from amkd.run.round_state import Assisted, RoundState
from amkd.run.targets import Targets
from amkd.search import fresh_mixes
from amkd.training.train import Leaves, leaves_of


def images_of_round(context: SharedContext, asked: Records, round_: int) -> Records:
    """Returns the images that the assistant of a round answers: fresh mixes, then single images.

    Args:
      context: the context of the run.
      asked: the records that the teacher has answered.
      round_: number of the round.
    """
    plan, search = context.settings.assistant, context.settings.search
    rng = keys.rng(context.settings.seed, round_, keys.Purpose.ASSISTED_IMAGES)
    mixes = fresh_mixes.draw(
        asked, plan.mixes, near=plan.near, lam=(search.lam_low, search.lam_high), rng=rng
    )
    if not plan.real_images:
        return mixes
    left = np.setdiff1d(np.arange(len(context.images)), asked.i)
    return mixes.extend(whole_records(rng.choice(left, plan.real_images, replace=False)))


def answered(context: RunContext, state: RoundState, targets: Targets) -> RoundState:
    """Trains the round's assistant and lets it answer; saves and returns the new state.

    Args:
      context: the context of the run.
      state: the state of the run; all of its records are answered.
      targets: what is learned from the records of the state.
    """
    done = state.assisted or Assisted(0)
    if done.answers is not None:
        return state
    started = time.monotonic()

    def at(assisted: Assisted) -> RoundState:
        seconds = state.spent("train", time.monotonic() - started)
        return dataclasses.replace(state, assisted=assisted, seconds=seconds)

    def save(epoch: int, leaves: Leaves) -> None:
        round_state.save(context.checkpoints, at(Assisted(epoch, leaves)))

    training = student_training.of_assistant(context, state.records, targets, state.round)
    start: TrainingStart = {
        "first_variables": None,
        "saved": done.training,
        "first_epoch": done.epoch,
    }
    title = f"round {state.round} assistant train"
    ended = training_loop.trained(
        context, training, state.records, targets, start, title=title, save=save, role="assistant"
    )
    if done.epoch < training.epochs:
        save(training.epochs, leaves_of(ended))
    variables = jax.device_get(ended.result)
    fresh = images_of_round(context, state.records, state.round)
    answers = _answers(context, variables, fresh, state.round)
    facts = _metrics(context, variables, state.records, fresh)
    state = at(Assisted(training.epochs, answers=answers, metrics=facts))
    round_state.save(context.checkpoints, state)
    return state


def joined(context: RunContext, state: RoundState, targets: Targets) -> tuple[Records, Targets]:
    """Returns the records that the student learns from and their answers; the assistant's are last.

    Args:
      context: the context of the run.
      state: the state of the run; its assistant has answered.
      targets: what is learned from the records of the state.
    """
    assert state.assisted is not None and state.assisted.answers is not None
    fresh, weights = images_of_round(context, state.records, state.round), targets.weights
    answers = np.concatenate([targets.answers, state.assisted.answers])
    if weights is not None:
        weights = np.concatenate([weights, np.ones(len(fresh), np.float32)])
    return state.records.extend(fresh), Targets(answers, None, weights)


def _answers(context: RunContext, variables: Variables, fresh: Records, round_: int) -> np.ndarray:
    """Returns the assistant's answers to records, ``float32[F, Y]``: means over its views."""
    plan, network = context.settings.assistant, context.assistant()
    variables = devices.place(variables)
    batch = prediction.batch_of_block(block_size(context.data.shape))
    found = [np.empty((0, context.data.classes), np.float32)]
    title, total = f"round {round_} assistant answers", plan.views * len(fresh)
    with context.report.bar(total, title, "img") as advance:
        start = 0
        for images in context.mixes(fresh):
            sums = np.zeros((len(images), context.data.classes), np.float32)
            for view in _views(context, images, start, round_):
                context.stop.check()
                sums += prediction.predict(network, variables, view, batch=batch)
                advance(len(images))
            found.append((sums / plan.views).astype(np.float32))
            start += len(images)
    return np.concatenate(found)


def _views(
    context: SharedContext, images: np.ndarray, start: int, round_: int
) -> Iterator[np.ndarray]:
    """Yields the unchanged images, then their other views.

    Args:
      context: the context of the run.
      images: ``uint8[M, H, W, C]``.
      start: number of the first image; the numbers of the images determine their views.
      round_: number of the round.
    """
    yield images
    plan = context.settings.assistant
    for view in range(1, plan.views):
        key = keys.key(context.settings.seed, round_, keys.Purpose.ASSISTED_VIEWS)
        number = np.arange(start, start + len(images), dtype=np.int32)
        key = jax.random.fold_in(key, view)
        yield augment.views_by_number(images, number, augment.views_of(plan.train), key=key)


def _metrics(
    context: RunContext, variables: Variables, asked: Records, fresh: Records
) -> dict[str, Any]:
    """Returns the facts to report about an assistant, for JSON."""
    plan, data = context.settings.assistant, context.data
    answers = prediction.predict(context.assistant(), variables, data.test_images)
    mixed = fresh.take(np.flatnonzero(fresh.i != fresh.j))
    near = _pairs(mixed) & _pairs(asked)
    weights = context.assistant_weights()
    return {
        "model": plan.model,
        **({"weights": weights.card_entry} if weights else {}),
        "mixes": len(mixed),
        "near": sum(pair in near for pair in zip(mixed.i.tolist(), mixed.j.tolist(), strict=True)),
        "real_images": len(fresh) - len(mixed),
        "share": plan.share,
        "accuracy": metrics.accuracy(answers, data.test_labels),
        "agreement": metrics.agreement(answers, context.test_answers),
    }


def _pairs(records: Records) -> set[tuple[int, int]]:
    return set(zip(records.i.tolist(), records.j.tolist(), strict=True))
