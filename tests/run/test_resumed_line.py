"""What a run says when it goes on."""

import dataclasses
import types

import numpy as np
import pytest

from amkd.data.records import real_records
from amkd.run import resumed_line, round_state
from amkd.run.facts import facts_of_run
from amkd.search.scans import Scan
from amkd.search.top_k import Scored
from tests.support import command
from tests.support.small import configured

SETTINGS = configured(**{**command.PRICED, "train.min_steps": 0})
FACTS = facts_of_run(SETTINGS, drawable=400, labelled=True)


def state(round_, epoch, records, answered):
    first = dataclasses.replace(round_state.initial(), records=real_records(records))
    return dataclasses.replace(first, round=round_, epoch=epoch, answered=answered)


STEPS = {
    "the start": (state(0, -1, 0, 0), "round 0 of 0 to 2, selecting its images"),
    "asking": (state(1, -1, 60, 30), "round 1 of 0 to 2, querying its 30 images"),
    "asked": (state(1, 0, 60, 60), "round 1 of 0 to 2, training, from the beginning"),
    "training": (state(1, 1, 60, 60), "round 1 of 0 to 2, training, 1 of 2 epochs done"),
    "between rounds": (state(2, -1, 60, 60), "round 2 of 0 to 2, selecting its images"),
    "the end": (state(3, -1, 90, 90), "all rounds are done, writing the results"),
}


@pytest.mark.parametrize(("at", "told"), STEPS.values(), ids=STEPS)
def test_where_a_run_stands(at, told):
    assert resumed_line.step(at, FACTS) == told


def test_a_search_stands_somewhere_too():
    """One scan has ended, and one is in progress."""
    none = np.empty(0, np.int32)
    found = Scored(np.empty(0, np.float32), none, none, none)
    searching = dataclasses.replace(
        state(1, -1, 30, 30), scans=(Scan(900, found), Scan(400, found))
    )
    told = "round 1 of 0 to 2, selecting its images, 1,300 scores are saved"
    assert resumed_line.step(searching, FACTS) == told


def test_an_assistant_stands_somewhere_too():
    """Three passes over 90 answers train it. In batches of 128 of which it fills 64, the student
    takes two steps in a pass, and so 5 passes for 9 steps.
    """
    given = {"assistant.model": "lenet5", "assistant.train.epochs": 3, "train.min_steps": 9}
    settings = configured(**{**command.PRICED, "train.batch_size": 128, **given})
    facts = facts_of_run(settings, drawable=400, labelled=True)
    asked = state(2, 0, 90, 90)
    helped = dataclasses.replace(asked, assisted=round_state.Assisted(1))
    told = "round 2 of 0 to 2, training its assistant, 1 of 3 epochs done"
    assert resumed_line.step(helped, facts) == told
    answers = np.zeros((10000, 10), np.float32)
    done = dataclasses.replace(asked, assisted=round_state.Assisted(3, answers=answers))
    assert resumed_line.step(done, facts) == "round 2 of 0 to 2, training, from the beginning"
    later = dataclasses.replace(done, epoch=2)
    assert resumed_line.step(later, facts) == "round 2 of 0 to 2, training, 2 of 5 epochs done"


class Book:
    """A ledger's sums."""

    def __init__(self, queries, evaluations, spent):
        self.counts, self.money = {"distill": queries, "evaluate": evaluations}, spent

    def count(self, run, purpose):
        return self.counts[purpose]

    def spent(self, run):
        return self.money


SUMS = {
    "a new run": (Book(0, 0, 0.0), 0, ""),
    "evaluation only": (
        Book(0, 60, 15.0),
        0,
        "resumed: round 0 of 0 to 2, selecting its images. 0 answers to queries and 60 to"
        " evaluation queries are in the ledger, and are not requested again; 15 USD spent so far",
    ),
    "without a price": (
        Book(1200, 0, 0.0),
        30,
        "resumed: round 0 of 0 to 2, querying its 30 images. 1,200 answers to queries and 0 to"
        " evaluation queries are in the ledger, and are not requested again",
    ),
}


@pytest.mark.parametrize(("book", "records", "told"), SUMS.values(), ids=SUMS)
def test_what_is_paid_for(book, records, told):
    query_client = types.SimpleNamespace(ledger=book, run="a")
    context = types.SimpleNamespace(client=query_client, settings=SETTINGS, facts=FACTS)
    assert resumed_line.of_run(context, state(0, -1, records, 0)) == told
