"""Describes a resumed run: its progress, and the answers that are already paid for."""

from amkd.core.text import plain
from amkd.querying import client
from amkd.run.context import RunContext
from amkd.run.facts import RunFacts
from amkd.run.round_state import RoundState
from amkd.training import recipe


def of_run(context: RunContext, state: RoundState) -> str:
    """Returns one line about a resumed run; empty for a run that begins."""
    query_client, settings = context.client, context.settings
    queries, evaluation = (
        query_client.ledger.count(query_client.run, one)
        for one in (client.DISTILL, client.EVALUATE)
    )
    if not (queries or evaluation or len(state.records)):
        return ""
    told = (
        f"{queries:,} answers to queries and {evaluation:,} to evaluation queries are in the ledger"
    )
    spent = query_client.ledger.spent(query_client.run)
    money = f"; {plain(spent)} {settings.teacher.currency} spent so far" if spent else ""
    return f"resumed: {step(state, context.facts)}. {told}, and are not requested again{money}"


def step(state: RoundState, facts: RunFacts) -> str:
    """Returns the progress of a run, as text for people."""
    last = len(facts.rounds) - 1
    if state.round > last:
        return "all rounds are done, writing the results"
    asked, own = len(state.records) - state.answered, facts.rounds[state.round]
    if state.epoch == 0 and state.assisted and state.assisted.answers is None:
        epochs = own.assistant_trained // own.queries
        doing = f"training its assistant, {state.assisted.epoch:,} of {epochs:,} epochs done"
    elif state.epoch > 0:
        epochs = recipe.epochs(own.recipe, len(state.records), own.share)
        doing = f"training, {state.epoch:,} of {epochs:,} epochs done"
    elif state.epoch == 0:
        doing = "training, from the beginning"
    elif asked:
        doing = f"querying its {asked:,} images"
    else:
        doing = "selecting its images"
        if state.scans:
            doing += f", {sum(scan.done for scan in state.scans):,} scores are saved"
    return f"round {state.round} of 0 to {last}, {doing}"
