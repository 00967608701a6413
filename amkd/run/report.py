"""Collects the content of a finished run's page and its charts from the run's state."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from amkd.config import run_record
from amkd.config.identity import differing, shown_values
from amkd.core import files
from amkd.data import class_names, mixing
from amkd.data.records import Records
from amkd.querying import client
from amkd.reporting import contact_sheet, drawing, gallery, progress_part, queries_part, run_log
from amkd.reporting.contact_sheet import Cell
from amkd.reporting.queries_part import Chosen
from amkd.reporting.run_page import RunPage
from amkd.run import answered_images
from amkd.run.context import RunContext
from amkd.run.round_state import RoundState

# How queries are sent to a teacher: this changes the cost, but not the result.
_COST_FIELDS = tuple(
    f"teacher.{name}"
    for name in (
        *("batch", "in_flight", "rate", "attempts", "price", "currency", "max_cost", "max_lost"),
        "sentinel",
    )
)
_SHEET = 18  # images of a round on its contact sheet
_MADE = 60  # images that the method made, on their contact sheet
_GALLERY = 12  # images of one kind that a person should look at


def of_run(
    context: RunContext,
    state: RoundState,
    summary: dict[str, Any],
    *,
    student: np.ndarray,
    folder: Path,
) -> RunPage:
    """Returns the content of a run's page; sends no query.

    Args:
      context: the context of the run.
      state: the state after its last round.
      summary: the content of ``summary.json``.
      student: the student's answers on the evaluation images, ``float32[T, Y]``.
      folder: the workdir.
    """
    data, origin, configured = context.data, run_record.origin(folder), context.configured
    by_class = data.task.names_classes
    config = differing(configured, _COST_FIELDS)
    set_beside = shown_values(configured, origin.fields, _COST_FIELDS)
    return RunPage(
        summary=summary,
        config=config,
        class_names=class_names.of(data),
        student=student if by_class else student[:0],
        teacher=context.test_answers if by_class else None,
        labels=data.test_labels if by_class else None,
        epochs=run_log.read_epochs(folder),
        chosen=tuple(_chosen(context, state)),
        made=tuple(_made(context)),
        galleries=tuple(_galleries(context, state)),
        given=origin.config,
        given_fields=set_beside if origin.config else config,
    )


def draw(shown: RunPage, folder: Path) -> None:
    """Writes the charts and contact sheets of a page as separate files, for papers and talks.

    Args:
      shown: the content of the page.
      folder: where to write.
    """
    summary = shown.summary
    title = f"{summary['method']} on {summary['dataset']}, N = {summary['n_real']}"
    folder.mkdir(parents=True, exist_ok=True)
    if curves := progress_part.shares(summary):
        files.write_text(folder / "curves.svg", drawing.file(title, [curves]))
    if spread := list(queries_part.histograms(shown.chosen)):
        files.write_text(folder / "chosen.svg", drawing.file(title, spread))
    if shown.made:
        sheet = contact_sheet.file("Images made with the teacher's network", shown.made)
        files.write_text(folder / "made.svg", sheet)
    for one in shown.chosen:
        order = f", from the lowest to the highest {one.score}" if len(one.scored) else ""
        sheet = contact_sheet.file(f"{title}: round {one.round}{order}", one.cells)
        files.write_text(folder / f"round_{one.round:02d}.svg", sheet)


def _galleries(context: RunContext, state: RoundState) -> Iterator[gallery.Gallery]:
    """Yields the images that a person should look at first."""
    query_client, data = context.client, context.data
    used = query_client.ledger.used(
        query_client.run, client.DISTILL, query_client.ledger.teacher(query_client.teacher.identity)
    )
    real, _ = answered_images.queried_real(context.settings, context.facts, data, used)
    found = answered_images.of_run(
        test_images=data.test_images,
        test_answers=context.test_answers,
        real_images=real,
        real_answers=client.recall(query_client, [real]),
        predict=lambda images: context.predict(state.variables, images),
    )
    entry_of = answered_images.entry_of(data.task, class_names.of(data))
    for one in found:
        yield from gallery.galleries(
            one, _GALLERY, entry_of, with_least_sure=data.task.names_classes
        )


def _made(context: RunContext) -> Iterator[Cell]:
    if made := context.first_metrics.get("shown"):
        for place in np.unique(np.linspace(made[0], made[1] - 1, _MADE).astype(int)):
            yield Cell((np.asarray(context.images[place]),))


def _chosen(context: RunContext, state: RoundState) -> Iterator[Chosen]:
    """Yields the images that each round after the first selected."""
    name = context.facts.method.selector.score
    ends = [row["queries"] for row in state.reports]
    for round_, (start, end) in enumerate(itertools.pairwise(ends), 1):
        # Evenly spread over the round, from the lowest to the highest score, and then the images
        # without a score.
        order = start + np.argsort(state.score[start:end], kind="stable")
        places = order[np.unique(np.linspace(0, end - start - 1, _SHEET).astype(int))]
        own = state.records.take(slice(start, end))
        mixed = own.i != own.j
        yield Chosen(
            round=round_,
            score=name,
            scores=state.score[start:end],
            lams=mixing.lam_of(own.w[mixed]),
            cells=tuple(_cells(context, state.records.take(places), state.score[places])),
        )


def _cells(context: RunContext, records: Records, scores: np.ndarray) -> Iterator[Cell]:
    """Yields images of a contact sheet: a mix between its two images, any other image alone."""
    names, name = class_names.of(context.data), context.facts.method.selector.score
    task = context.data.task
    images = np.concatenate(list(context.mixes(records)))
    answers = client.recall(context.client, [images])
    lams = mixing.lam_of(records.w)
    for i, j, image, lam, score, answer in zip(
        records.i, records.j, images, lams, scores, answers, strict=True
    ):
        pair = (np.asarray(context.images[i]), image, np.asarray(context.images[j]))
        yield contact_sheet.cell(
            (task.draw(image, answer),) if i == j else pair,
            lam=float(lam),
            score=f"{name} {score:.3f}" if np.isfinite(score) else "",
            said=f"teacher: {task.words(answer, names, 2)}",
        )
