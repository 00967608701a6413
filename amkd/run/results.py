"""Writes the results of a finished run: the student, the page and ``summary.json``."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from amkd.config.data import is_of_files
from amkd.config.identity import identifying
from amkd.core import checkpoint, compilation, console, devices, files
from amkd.data.records import Records
from amkd.methods.student import seen_side
from amkd.models.saved_network import save_network
from amkd.querying import client
from amkd.reporting import cascade, metrics, peak_memory, provenance, run_page
from amkd.run import report
from amkd.run.context import RunContext
from amkd.run.round_state import RoundState


def write(
    context: RunContext, state: RoundState, workdir: Path, early: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Writes the student, the page, its charts and ``summary.json``, which marks the run as
    finished.

    Args:
      context: the context of the run.
      state: the state after its last round.
      workdir: the folder.
      early: the summary's entry about a run that ended before its rounds were done.
    """
    assert state.variables is not None
    student = context.evaluate(state.variables)
    told = _cascade(context, student)
    summary = {
        **_summary(context, state, _comparison(context, student), workdir),
        "cascade": told,
        "ended_early": early,
    }
    card = _card(context, summary, state.records)
    save_network(workdir / "student", state.variables, card)
    try:
        _show(context, state, summary, student=student, workdir=workdir)
    # The run is paid for and done: a problem with a chart must not keep it from being finished.
    except Exception as error:
        console.say(f"the plots or the page could not be created: {error}")
    files.write_text(workdir / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def _show(
    context: RunContext,
    state: RoundState,
    summary: dict[str, Any],
    *,
    student: np.ndarray,
    workdir: Path,
) -> None:
    """Writes the page and the charts, if the configuration asks for them."""
    wanted = context.settings.report
    if wanted.html or wanted.plots:
        shown = report.of_run(context, state, summary, student=student, folder=workdir)
        if wanted.plots:
            report.draw(shown, workdir / "plots")
        if wanted.html:
            files.write_text(workdir / "report.html", run_page.render(shown))


def _card(context: RunContext, summary: dict[str, Any], records: Records) -> dict[str, Any]:
    """Returns the card of a saved student, which describes it.

    Args:
      context: the context of the run.
      summary: the results of the run.
      records: its queries.
    """
    config, data, facts = context.settings, context.data, context.facts
    mixed = records.i != records.j
    made = ~mixed & (records.i >= facts.real_count) & (not facts.method.selector.takes_images)
    weights = context.weights()
    named = {"student_weights": weights.source} if weights else {}
    if assistant_weights := context.assistant_weights():
        named["assistant.weights"] = assistant_weights.source
    told = (
        "method",
        "dataset",
        "teacher",
        "n_real",
        "queries",
        "queries_imported",
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
        **({"groups": data.task.groups} if data.task.groups > 1 else {}),
        "side": seen_side(config, data.shape),
        "pictures": {"resize": config.data.resize, "of_files": is_of_files(config.dataset)},
        "data_key": data.key or None,
        "test_accuracy": summary["student_accuracy"],
        "test_images": summary["accuracy_images"],
        "agreement_images": summary["agreement_images"],
        **{name: summary[name] for name in told},
        "mixes": int(mixed.sum()),
        "made": int(made.sum()),  # such as crops, or images from the teacher's network
        "white_box": facts.method.first.needs_network or context.teacher_features is not None,
        "ground_truth": facts.from_labels,
        **({"student_weights": weights.card_entry} if weights else {}),
        **({"assistant": summary["assistant"]} if "assistant" in summary else {}),
        # Without paths on this machine, and without fields that do not affect the result.
        "config": {**identifying(context.configured), **named},
    }


def _comparison(context: RunContext, student: np.ndarray) -> dict[str, float | None]:
    """Returns the teacher's accuracy and the success rate, on the images that it answered."""
    answers, labels, task = context.test_answers, context.data.test_labels, context.data.task
    teacher = task.accuracy(answers, labels)
    own = task.accuracy(metrics.where_answered(student, answers), labels)
    return {"teacher_accuracy": teacher, "success_rate": metrics.success_rate(own, teacher)}


def _summary(
    context: RunContext, state: RoundState, compared: dict[str, float | None], workdir: Path
) -> dict[str, Any]:
    config, query_client, last = context.settings, context.client, state.reports[-1]
    phases = {
        name: round(sum(row["seconds"][name] for row in state.reports), 3)
        for name in last["seconds"]
    }
    return {
        "method": config.method,
        "dataset": config.dataset,
        "seed": config.seed,
        "n_real": context.facts.real_count,
        "budget": config.budget,
        "queries": query_client.ledger.count(query_client.run, client.DISTILL),
        "queries_paid": query_client.ledger.count(query_client.run, client.DISTILL, paid_only=True),
        "queries_imported": query_client.ledger.count_imported(query_client.run, client.DISTILL),
        "gradient_queries": state.reports[0]["search"].get("gradient_queries", 0),
        "evaluation_queries": query_client.ledger.count(query_client.run, client.EVALUATE),
        "sentinel_queries": query_client.ledger.count(query_client.run, client.SENTINEL),
        "cost": query_client.ledger.spent(query_client.run),
        "price": 0.0 if context.facts.from_labels else config.teacher.price,
        "currency": config.teacher.currency,
        "lost": query_client.ledger.lost(query_client.run),
        "teacher": query_client.teacher.identity,
        "student": config.student,
        **({"assistant": last["assistant"]} if "assistant" in last else {}),
        "teacher_accuracy": compared["teacher_accuracy"],
        "student_accuracy": last["student_accuracy"],
        "success_rate": compared["success_rate"],
        "agreement": last["agreement"],
        "teacher_images": metrics.answered(context.test_answers),
        "accuracy_images": last.get("accuracy_images", 0),
        "agreement_images": last.get("agreement_images", metrics.answered(context.test_answers)),
        **{name: last[name] for name in context.data.task.figures},
        "student_sha256": checkpoint.sha256(state.variables),
        "seconds": phases,
        "peak_memory_mib": peak_memory.mebibytes(),
        "devices": devices.describe(),
        "deterministic": compilation.repeats_bits(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "rounds": list(state.reports),
        "paths": _paths(context, workdir),
    }


def _paths(context: RunContext, workdir: Path) -> dict[str, str | None]:
    """Returns the paths of all results; None for those that the configuration does not ask for."""
    wanted = context.settings.report
    return {
        "student": str(workdir / "student"),
        "summary": str(workdir / "summary.json"),
        "metrics": str(workdir / "metrics.jsonl"),
        "report": str(workdir / "report.html") if wanted.html else None,
        "plots": str(workdir / "plots") if wanted.plots else None,
        "tensorboard": str(workdir / "tensorboard") if wanted.tensorboard else None,
        "ledger": str(context.client.ledger.path),
    }


def _cascade(context: RunContext, student: np.ndarray) -> dict[str, Any] | None:
    """Returns the summary of the cascade of student and teacher; None if there is none."""
    config = context.settings
    if not context.data.task.names_classes:
        return None
    price = 0.0 if context.facts.from_labels else config.teacher.price
    wanted = config.report.cascade_agreement
    return cascade.summary(student, context.test_answers, price=price, wanted=wanted)
