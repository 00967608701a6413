"""Gets the teacher's answers on the evaluation images: first, or last if the money is not enough.

They are not in the budget of queries, but they are paid from the same money.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from amkd.core import console, files, keys
from amkd.core.digest import image_digest
from amkd.core.errors import TeacherFailed
from amkd.data.lazy_images import Images
from amkd.ledger import OutOfMoney
from amkd.querying import client, sentinel
from amkd.run import image_paths
from amkd.run.context import RunContext
from amkd.run.round_state import RoundState

_READ = 256  # images that are read at once
_REFUSED = "refused_evaluation_images.json"  # in the workdir


def ask_first(context: RunContext, folder: Path) -> RunContext:
    """Sends the evaluation images to the teacher if they and all queries can be paid for.

    Args:
      context: the context of the run.
      folder: the workdir, which keeps a list of the images that the teacher refused.
    """
    images = context.data.test_images
    if not context.facts.queries_evaluation_images or not len(images):
        return context
    if not _all_affordable(context, images):
        console.say(
            f"config.teacher.max_cost={context.client.policy.max_cost:.10g} is not enough for all"
            f" queries and the {len(images)} evaluation images. The evaluation images are sent"
            " last, with the remaining money",
        )
        return context
    try:
        answers, refused = _ask(context, images, folder)
        return dataclasses.replace(context, test_answers=answers, refused_evaluation=refused)
    except OutOfMoney:  # lost requests used up the money: the run continues without these answers
        return context


def ask_last(context: RunContext, state: RoundState, folder: Path) -> tuple[RunContext, RoundState]:
    """Sends as many evaluation images as can be paid for, and evaluates the student on them.

    Takes the same as :func:`ask_first`, and the state of the finished rounds.
    """
    images = context.data.test_images
    if not context.facts.queries_evaluation_images or not len(images):
        return context, state
    if context.test_answers is None:
        answers, refused = _ask_some(context, images, folder)
        context = dataclasses.replace(context, test_answers=answers, refused_evaluation=refused)
    if context.test_answers is None or state.reports[-1]["agreement"] is not None:
        return context, state
    student = context.evaluate(state.variables)
    measured = {
        **context.data.task.compared(student, context.test_answers),
        **context.data.task.calibrated(student, context.data.test_labels, context.test_answers),
    }
    state = dataclasses.replace(
        state, reports=(*state.reports[:-1], {**state.reports[-1], **measured})
    )
    context.report.rewind(list(state.reports), state.round, -1)
    return context, state


def _all_affordable(context: RunContext, images: np.ndarray) -> bool:
    """Returns whether all queries that are left, and these images, can be paid for."""
    query_client, facts = context.client, context.facts
    charge = query_client.charge(client.EVALUATE, 0)
    if not charge.limit or not charge.price or not client.unanswered(query_client, images):
        return True
    # As the plan counts: the images of round 0 and of the evaluation once, without held answers.
    known = {*_digests(context.images, facts.first_count), *_digests(images, len(images))}
    missing = len(known) - len(query_client.ledger.find(charge.teacher, list(known)))
    later = len(query_client.ledger.used(query_client.run, client.DISTILL, charge.teacher) - known)
    asks = (*(one.selected for one in facts.rounds), len(images))
    again = sum(
        sentinel.count(count, query_client.batch, query_client.policy.sentinel) for count in asks
    )
    again = max(again - query_client.ledger.answered(query_client.run, client.SENTINEL), 0)
    wanted = missing + max(sum(facts.ks) - later, 0) + again
    return query_client.ledger.affordable(charge, wanted) == wanted


def _digests(images: Images, count: int) -> Iterator[bytes]:
    """Yields the digests of the first images; they may be in a file."""
    for start in range(0, count, _READ):
        for image in np.asarray(images[start : min(start + _READ, count)]):
            yield image_digest(image)


def _ask_some(
    context: RunContext, images: np.ndarray, folder: Path
) -> tuple[np.ndarray | None, int]:
    """Returns answers, with rows of NaN for images that could not be paid for, and how many images
    were refused; None in place of answers if no image could be paid for.
    """
    order = keys.rng(context.settings.seed, 0, keys.Purpose.HELD_OUT, 1).permutation(len(images))
    answers = np.full((len(images), context.data.classes), np.nan, np.float32)
    try:
        answers[order], refused = _ask(context, images[order], folder)
        return answers, refused
    except OutOfMoney:
        paid = client.paid_for(context.client, [images], client.EVALUATE)
    console.say(f"the money is enough for {paid.sum()} of the {len(images)} evaluation images")
    if not paid.any():
        return None, 0
    answers[paid] = client.recall(context.client, [images[paid]])
    return answers, 0


def _ask(context: RunContext, images: np.ndarray, folder: Path) -> tuple[np.ndarray, int]:
    """Returns answers, with rows of NaN for images that the teacher refused, and the number of
    these: the student is evaluated on the others. An image that was refused is not sent again.
    """
    refused = _read(folder)
    wanted = images
    if refused:
        wanted = images[[image_digest(image) not in refused for image in images]]
    context.report.phase("evaluation_query")
    with context.report.bar(len(wanted), "teacher on evaluation images", "img") as advance:

        def progress(answered: int) -> None:
            context.stop.check()
            advance(answered)

        try:
            found = client.ask(context.client, wanted, client.EVALUATE, round_=0, progress=progress)
        except TeacherFailed as error:
            if not error.others_sent or {*map(image_digest, wanted)} <= {*error.refused}:
                raise
            refused |= {*error.refused}
            _write(folder, refused)
            told = image_paths.naming_files(context.settings, error)
            console.say(
                f"warning: the teacher refuses {len(error.refused)} of the {len(images)} evaluation"
                f" images. The student is evaluated on the others. {told}",
                error=True,
            )
    if not refused:
        return found, 0
    # An answer that was imported for a refused image counts.
    found = client.look_up(context.client, images, client.EVALUATE, round_=0)
    return found, int(np.isnan(found).all(-1).sum())


def _read(folder: Path) -> set[bytes]:
    """Returns the digests of the evaluation images that were refused before."""
    path = folder / _REFUSED
    if not path.exists():
        return set()
    found = files.read_object(path, "delete it: the images are then sent again", {"images": list})
    return {bytes.fromhex(image) for image in found["images"]}


def _write(folder: Path, refused: set[bytes]) -> None:
    listed = sorted(image.hex() for image in refused)
    files.write_text(folder / _REFUSED, json.dumps({"images": listed}, indent=1) + "\n")
