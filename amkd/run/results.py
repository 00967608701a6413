"""What a finished run leaves behind: the student, the plots and ``summary.json``."""

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from amkd.config.identity import differing, identifying
from amkd.core import checkpoint, compilation, console, devices, files
from amkd.data import mixing
from amkd.methods.student import seen_side
from amkd.models.saved_network import save_network
from amkd.querying import client
from amkd.reporting import cascade, gallery, metrics, peak_memory, plots, provenance, run_page
from amkd.run import judged
from amkd.run.context import RunContext
from amkd.run.round_state import RoundState

# How a teacher is asked: this changes the cost, but not the result.
_COST_FIELDS = tuple(
    f"teacher.{name}"
    for name in (
        "batch",
        "in_flight",
        "rate",
        "attempts",
        "price",
        "currency",
        "max_cost",
        "max_lost",
        "sentinel",
    )
)
_SHEET = 18  # mixes on a contact sheet
_MADE = 60  # made images on theirs
_GALLERY = 12  # pictures of one kind that a person should look at


def write(
    context: RunContext, state: RoundState, workdir: Path, early: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Writes the student, the plots and ``summary.json``; the summary marks the run as finished.

    Args:
      context: of the run.
      state: after its last round.
      workdir: the folder.
      early: what there is to say of a run that ended before its rounds were done.
    """
    config, data = context.settings, context.data
    assert state.variables is not None
    teacher_accuracy = metrics.accuracy(context.test_answers, data.test_labels)
    student = context.evaluate(state.variables)
    told = _cascade(context, student)
    summary = {
        **_summary(context, state, teacher_accuracy, workdir),
        "cascade": told,
        "ended_early": early,
    }
    save_network(workdir / "student", state.variables, _card(context, summary))
    try:
        pictures = (
            _draw(context, state, teacher_accuracy, workdir / "plots")
            if config.report.plots
            else {}
        )
        if config.report.html:
            galleries = tuple(_galleries(context, state))
            page = _page(context, summary, student=student, pictures=pictures, galleries=galleries)
            files.write_text(workdir / "report.html", page)
    # The run is paid for and done: no picture may keep it from being finished.
    except Exception as error:
        console.say(f"the plots or the page could not be made: {error}")
    files.write_text(workdir / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def _card(context: RunContext, summary: dict[str, Any]) -> dict[str, Any]:
    """What a saved student tells of itself."""
    config, data = context.settings, context.data
    weights = context.weights()
    named = {"student_weights": weights.source} if weights else {}
    told = (
        "dataset",
        "teacher",
        "n_real",
        "queries",
        "evaluation_queries",
        "cost",
        "currency",
        "agreement",
    )
    return {
        "role": "student",
        "model": config.student,
        "classes": data.classes,
        "class_names": list(data.class_names),
        "shape": list(data.shape),
        "side": seen_side(config, data.shape),
        "pictures": {"resize": config.data.resize},
        "data_key": data.key or None,
        "test_accuracy": summary["student_accuracy"],
        "test_images": summary["accuracy_images"],
        "agreement_images": summary["agreement_images"],
        **{name: summary[name] for name in told},
        **({"student_weights": weights.told} if weights else {}),
        # Without places on this machine, and what does not belong to the result.
        "config": {**identifying(config), **named},
    }


def _summary(
    context: RunContext, state: RoundState, teacher_accuracy: float | None, workdir: Path
) -> dict[str, Any]:
    config, desk, last = context.settings, context.client, state.reports[-1]
    student_accuracy = last["student_accuracy"]
    phases = {
        name: round(sum(row["seconds"][name] for row in state.reports), 3)
        for name in last["seconds"]
    }
    return {
        "method": config.method,
        "dataset": config.dataset,
        "seed": config.seed,
        "n_real": context.facts.real,
        "budget": config.budget,
        "queries": desk.ledger.count(desk.run, client.DISTILL),
        "queries_paid": desk.ledger.count(desk.run, client.DISTILL, paid_only=True),
        "gradient_queries": state.reports[0]["search"].get("gradient_queries", 0),
        "evaluation_queries": desk.ledger.count(desk.run, client.EVALUATE),
        "sentinel_queries": desk.ledger.count(desk.run, client.SENTINEL),
        "cost": desk.ledger.spent(desk.run),
        "currency": config.teacher.currency,
        "adrift": desk.ledger.adrift(desk.run),
        "teacher": desk.teacher.identity,
        "student": config.student,
        "teacher_accuracy": teacher_accuracy,
        "student_accuracy": student_accuracy,
        "success_rate": metrics.success_rate(student_accuracy, teacher_accuracy),
        "agreement": last["agreement"],
        "accuracy_images": last.get("accuracy_images", 0),
        "agreement_images": metrics.answered(context.test_answers),
        "student_sha256": checkpoint.sha256(state.variables),
        "seconds": phases,
        "peak_memory_mib": peak_memory.mebibytes(),
        "devices": devices.describe(),
        "deterministic": compilation.repeats_bits(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "rounds": list(state.reports),
        "paths": {
            "student": str(workdir / "student"),
            "summary": str(workdir / "summary.json"),
            "metrics": str(workdir / "metrics.jsonl"),
            "report": str(workdir / "report.html") if config.report.html else None,
            "plots": str(workdir / "plots") if config.report.plots else None,
            "tensorboard": str(workdir / "tensorboard") if config.report.tensorboard else None,
            "ledger": str(desk.ledger.path),
        },
    }


def _cascade(context: RunContext, student: np.ndarray) -> dict[str, Any] | None:
    """What there is to say of student and teacher together."""
    config = context.settings
    price = 0.0 if context.facts.labels else config.teacher.price
    wanted = config.report.cascade_agreement
    return cascade.summary(student, context.test_answers, price=price, wanted=wanted)


def _page(
    context: RunContext,
    summary: dict[str, Any],
    *,
    student: np.ndarray,
    pictures: dict[str, Path],
    galleries: tuple[gallery.Gallery, ...],
) -> str:
    """The report of the run."""
    data, answers = context.data, context.test_answers
    whole = metrics.answered(answers) == len(data.test_images)
    predicted = {
        "student": student.argmax(-1),
        "teacher": answers.argmax(-1) if answers is not None and whole else None,
        "labels": data.test_labels,
    }
    names = data.class_names or map(str, range(data.classes))
    fields = differing(context.settings, _COST_FIELDS)
    return run_page.render(
        summary,
        fields,
        class_names=names,
        predicted=predicted,
        pictures=pictures,
        galleries=galleries,
    )


def _galleries(context: RunContext, state: RoundState) -> Iterator[gallery.Gallery]:
    """Yields the pictures that a person should look at first."""
    desk, data = context.client, context.data
    used = desk.ledger.used(desk.run, client.DISTILL, desk.ledger.teacher(desk.teacher.identity))
    real, _ = judged.queried_real(context.settings, context.facts, data, used)
    found = judged.of_run(
        test_images=data.test_images,
        test_answers=context.test_answers,
        real_images=real,
        real_answers=client.recall(desk, [real]),
        predict=lambda images: context.predict(state.variables, images),
    )
    for one in found:
        yield from gallery.galleries(one, _GALLERY)


def _draw(
    context: RunContext, state: RoundState, teacher_accuracy: float | None, folder: Path
) -> dict[str, Path]:
    """Draws the plots; returns their files, by what they show."""
    config = context.settings
    title = f"{config.method} on {config.dataset}, N = {context.facts.real}"
    drawn = {"Accuracy against queries": folder / "accuracy.png"}
    plots.accuracy_curve(
        list(state.reports), teacher_accuracy, title=title, path=folder / "accuracy.png"
    )
    if made := context.first_metrics.get("shown"):
        shown = context.images[np.unique(np.linspace(made[0], made[1] - 1, _MADE).astype(int))]
        plots.image_grid(shown, "Images made with the teacher's network", folder / "made.png")
        drawn["Images made with the teacher's network"] = folder / "made.png"
    ends = [row["queries"] for row in state.reports]
    if len(ends) > 1:
        drawn["C2 and lambda of the chosen mixes"] = folder / "chosen.png"
        parts = [
            (state.score[a:b], mixing.lam_of(state.records.w[a:b]))
            for a, b in itertools.pairwise(ends)
        ]
        plots.score_histograms(parts, folder / "chosen.png")
    for round_, (start, end) in enumerate(itertools.pairwise(ends), 1):
        # Evenly spread over the round, from lowest to highest C2; mixes without C2 come last.
        order = start + np.argsort(state.score[start:end], kind="stable")
        shown = order[np.unique(np.linspace(0, end - start - 1, _SHEET).astype(int))]
        records = state.records.take(shown)
        mixes = np.concatenate(list(context.mixes(records)))
        lams, answers = mixing.lam_of(records.w), client.recall(context.client, [mixes])
        columns = zip(records.i, records.j, mixes, lams, state.score[shown], answers, strict=True)
        plots.contact_sheet(
            [
                plots.ShownMix((context.images[i], mix, context.images[j]), lam, score, answer)
                for i, j, mix, lam, score, answer in columns
            ],
            f"{title}: round {round_}. Image i | mix | image j, from lowest to highest C2",
            folder / f"round_{round_:02d}.png",
        )
        drawn[f"Mixes chosen in round {round_}, from lowest to highest C2"] = (
            folder / f"round_{round_:02d}.png"
        )
    return drawn
