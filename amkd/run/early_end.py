"""Ends a run whose money is spent before its rounds are done, with a student of the paid answers.

The saved state of the run stays that before the round's queries. So the same command with more
money sends the remaining queries, and ends with the same bits as a run that had enough money from
the start.
"""

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from amkd.config.settings import Settings
from amkd.core import console
from amkd.core.checkpoint import Checkpoints
from amkd.ledger import OutOfMoney
from amkd.querying import client
from amkd.reporting import metrics
from amkd.run import round_state, rounds
from amkd.run.context import RunContext
from amkd.run.round_state import RoundState
from amkd.search import fresh_mixes
from amkd.training.losses import views_compared

_SOFT = (
    "the student is trained with loss 'soft' in place of the configured one, which compares views"
    " of an image and needs the answers to all of them"
)


def train_on_paid_answers(context: RunContext, folder: Path, problem: OutOfMoney) -> RoundState:
    """Trains a student on all answers so far, as if they were those of the last round.

    Args:
      context: the context of the run, whose state is saved.
      folder: the workdir.
      problem: the error that stopped the run.

    Returns:
      The state from which the results are written.

    Raises:
      OutOfMoney: there is no answer yet.
    """
    state, known = _cut(context, round_state.restore(context.checkpoints))
    if not len(state.records):
        raise problem
    console.say(
        f"config.teacher.max_cost={context.client.policy.max_cost:.10g} is spent in round"
        f" {state.round}: the student is trained on the {len(state.records)} answers so far",
    )
    if len(state.records) == known:  # the student of the previous round was trained on all of them
        return state
    if _lacks_views(context, state):
        console.say(_SOFT)
    aside = folder / "early"  # this training is not a part of the run, so it is saved elsewhere
    shutil.rmtree(aside, ignore_errors=True)
    cut = dataclasses.replace(
        context,
        facts=_facts(context, state, selected=len(state.records) - known),
        teacher_features=None if _lacks_views(context, state) else context.teacher_features,
        checkpoints=Checkpoints(aside),
    )
    ended = rounds.learn(cut, state, rounds.recall(cut, state))
    shutil.rmtree(aside, ignore_errors=True)
    return ended


def summary_entry(context: RunContext, state: RoundState) -> dict[str, Any] | None:
    """Returns the summary's entry about a run that ended early because its money was spent; None
    for any other run.
    """
    answered = metrics.answered(context.test_answers)
    wanted = len(context.data.test_images) - context.refused_evaluation
    planned, limit = context.facts.rounds[-1].queries, context.client.policy.max_cost
    parts = [f"{len(state.records)} of {planned} queries"]
    if context.facts.queries_evaluation_images:
        parts.append(f"{answered} of {wanted} evaluation images")
    if len(state.records) == planned and (len(parts) == 1 or answered == wanted):
        return None
    why = f"config.teacher.max_cost={limit:.10g} is spent: {' and '.join(parts)} are answered"
    if _lacks_views(context, state):
        why = f"{why}; {_SOFT}"
    return {"why": why, "max_cost": limit, "round": state.round}


def goes_on(summary: Mapping[str, Any], settings: Settings) -> bool:
    """Returns whether a run that ended early may now spend more."""
    early, limit = summary.get("ended_early") or {}, settings.teacher.max_cost
    return bool(early) and (not limit or limit > early["max_cost"])


def _cut(context: RunContext, state: RoundState) -> tuple[RoundState, int]:
    """Returns the state without unanswered records, and how many were answered before the round."""
    known, fresh = state.answered, state.records.take(slice(state.answered, None))
    paid = client.paid_for(context.client, context.mixes(fresh), client.DISTILL)
    places = np.concatenate([np.arange(known), known + np.flatnonzero(paid)])
    records, score = state.records.take(places), state.score[places]
    cut = dataclasses.replace(
        state,
        records=records,
        score=score,
        answered=len(places),
        epoch=0,
        training=None,
        assisted=None,
    )
    return cut, known


def _lacks_views(context: RunContext, state: RoundState) -> bool:
    """Returns whether the loss compares views of an image, but not all views are answered."""
    recipe = context.facts.rounds[-1].recipe
    return views_compared(recipe) > 1 and len(state.records) < context.facts.rounds[-1].queries


def _facts(context: RunContext, state: RoundState, selected: int) -> Any:
    """Returns the facts of a run that ends with this round."""
    before, last = context.facts.rounds[: state.round], context.facts.rounds[-1]
    own = dataclasses.replace(last, selected=selected, queries=len(state.records))
    if _lacks_views(context, state):
        own = dataclasses.replace(own, recipe=dataclasses.replace(own.recipe, loss="soft"))
    if context.settings.assistant.mixes and not fresh_mixes.can_draw(state.records):
        # With so few answers, there are no mixes that an assistant could answer.
        own = dataclasses.replace(own, share=0.0, assisted=0, assistant_trained=0)
    return dataclasses.replace(context.facts, rounds=(*before, own))
