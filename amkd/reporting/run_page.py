"""The HTML report of a finished run."""

import dataclasses
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from amkd.reporting import (
    calibration,
    cascade_part,
    classes_part,
    contact_sheet,
    drawing,
    gallery,
    interval,
    metrics,
    money_part,
    palette,
    progress_part,
    queries_part,
)
from amkd.reporting.calibration import Answers
from amkd.reporting.contact_sheet import Cell
from amkd.reporting.html_parts import card, details, escape, page, percent, text
from amkd.reporting.queries_part import Chosen
from amkd.reporting.summary_text import LANE_FIGURES
from amkd.reporting.terms import TERMS


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RunPage:
    """The content of a finished run's page.

    Attributes:
      summary: the content of ``summary.json``.
      config: fields that are not at their defaults, by dotted name.
      class_names: Y names.
      student: its probabilities on the evaluation images, ``float32[T, Y]``.
      teacher: the teacher's, ``float32[T, Y]``; NaN where it was not asked; None if it never was.
      labels: their ground-truth classes, ``int[T]``; None if there are none.
      epochs: the entries of epochs, as in ``metrics.jsonl``.
      chosen: the images that each round after the first chose.
      made: some of the images that the method made before its first query.
      galleries: images that a person should look at.
      given: the name of the configuration that was given; empty if none was.
      given_fields: the fields that were set in addition to it, by dotted name; all fields of
        ``config`` if no configuration was given.
    """

    summary: dict[str, Any]
    config: dict[str, Any]
    class_names: Sequence[str]
    student: np.ndarray
    teacher: np.ndarray | None = None
    labels: np.ndarray | None = None
    epochs: Sequence[dict[str, Any]] = ()
    chosen: Sequence[Chosen] = ()
    made: Sequence[Cell] = ()
    galleries: Sequence[gallery.Gallery] = ()
    given: str = ""
    given_fields: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def asked(self) -> np.ndarray:
        """Whether the teacher was asked about each evaluation image, ``bool[T]``."""
        if self.teacher is None:
            return np.zeros(len(self.student), bool)
        return np.asarray(~np.isnan(self.teacher).any(-1))


def render(shown: RunPage) -> str:
    """Returns the page of a finished run."""
    summary = shown.summary
    title = f"{summary['method']} on {summary['dataset']}, seed {summary['seed']}"
    machine = {**summary.get("machine", {}), **summary.get("versions", {})}
    teacher = None
    if shown.teacher is not None:
        named = metrics.names_class(shown.teacher)
        teacher = np.where(named, np.nan_to_num(shown.teacher).argmax(-1), -1)
    parts = [
        drawing.STYLE,
        contact_sheet.STYLE,
        f"<h1>{escape(title)}</h1>"
        f"<p>{escape(summary['teacher'])} → {escape(summary['student'])}</p>",
        *_cards(summary),
        *progress_part.parts(summary, shown.epochs),
        *classes_part.parts(
            shown.class_names,
            student=shown.student.argmax(-1),
            teacher=teacher,
            labels=shown.labels,
        ),
        *calibration.parts(_calibration_answers(shown), labels=shown.labels is not None),
        *gallery.html(shown.galleries, first=contact_sheet.FIRST),
        *queries_part.parts(shown.chosen, shown.made),
        *cascade_part.parts(summary.get("cascade"), summary["currency"]),
        *money_part.parts(summary),
        *_time(summary["seconds"]),
        *_how_to_reproduce(shown),
        details("Machine and versions", machine),
        details("Configuration, where it is not the default", shown.config),
    ]
    return page(title, parts)


def _calibration_answers(shown: RunPage) -> list[Answers]:
    """Returns the answers whose calibration can be measured.

    With ground-truth labels, these are the answers of student and teacher; without, those of the
    student alone, compared with the teacher's classes.
    """
    if shown.labels is None:
        if shown.teacher is None:
            return []
        named = metrics.names_class(shown.teacher)
        return [Answers("student", shown.student[named], shown.teacher[named].argmax(-1))]
    asked = shown.asked
    found = [Answers("student", shown.student, shown.labels)]
    if shown.teacher is not None:
        found.append(Answers("teacher", shown.teacher[asked], shown.labels[asked]))
    return found


def _cards(summary: dict[str, Any]) -> Iterator[str]:
    """Yields the figures of the run: those that were measured, each with its meaning."""
    figures = [*_shares(summary)]
    if not figures:
        yield text(
            "The student was not evaluated: there are no ground-truth labels, and no evaluation"
            " images were sent to the teacher (teacher.evaluate)."
        )
    for name, words in LANE_FIGURES.items():
        if summary.get(name) is not None:
            figures.append(card(percent(summary[name]), words, TERMS[words]))
    last = summary["rounds"][-1] if summary["rounds"] else {}
    if last.get("divergence") is not None:
        figures.append(card(f"{last['divergence']:.4f} nats", "divergence", TERMS["divergence"]))
    queries = f"of {summary['budget']:,}; {summary['queries_paid']:,} sent by this run"
    figures.append(card(f"{summary['queries']:,}", f"queries {queries}", TERMS["query"]))
    if summary["cost"]:
        figures.append(card(money_part.money(summary), "cost", TERMS["cost"]))
    yield f'<div class="cards">{"".join(figures)}</div>'


def _shares(summary: dict[str, Any]) -> Iterator[str]:
    counted = {
        **progress_part.MEASURES,
        "teacher_accuracy": "teacher_images",
        "success_rate": "teacher_images",
    }
    for name in ("student_accuracy", "teacher_accuracy", "success_rate", "agreement"):
        share, images = summary[name], summary.get(counted[name])
        if share is None:
            continue
        span = interval.text(share, images)
        if name == "success_rate":
            span = _of_ratio(summary, images)
        words = name.replace("_", " ")
        yield card(percent(share), f"{words}, 95% interval {span}" if span else words, TERMS[words])


def _of_ratio(summary: dict[str, Any], images: int | None) -> str:
    """Formats the interval of the success rate; the teacher's accuracy is taken as exact."""
    teacher = summary["teacher_accuracy"]
    if not images or not teacher:
        return ""
    # The student's accuracy on the images that the teacher answered.
    low, high = interval.wilson(min(summary["success_rate"] * teacher, 1.0), images)
    return f"{100 * low / teacher:.1f} to {100 * high / teacher:.1f}"


def _time(seconds: dict[str, float]) -> Iterator[str]:
    total = sum(seconds.values()) or 1.0
    bars = "".join(
        f'<i style="width: {100 * value / total:.2f}%; background: {palette.curve(number)}"></i>'
        for number, value in enumerate(seconds.values())
    )
    yield "<h2>Time</h2>"
    yield text(
        "search: scoring and choosing images; query: waiting for the teacher; train: training"
        " students; evaluate: evaluating students."
    )
    yield f'<div class="bar">{bars}</div>'
    yield drawing.legend(
        [
            (f"{name}: {value:,.1f} s, {100 * value / total:.0f}%", drawing.stroke(number))
            for number, (name, value) in enumerate(seconds.items())
        ]
    )


def _how_to_reproduce(shown: RunPage) -> Iterator[str]:
    version = shown.summary.get("versions", {}).get("amkd")
    made = f"Made by amkd {version}." if version else ""
    if shown.summary["dataset"] == "memory":  # called from Python: no command has these images
        yield f"<p>{escape(made)}</p>"
        return
    yield "<h2>How to reproduce</h2>"
    own = bool(PurePath(shown.given.partition(":")[0]).suffix)
    yield text(
        f"{made} {f'{shown.given} is a file of the user.' if own else ''} Folders, addresses and"
        " secrets are left out: add your own. The same version, configuration and seed give the"
        " same student on the same kind of machine."
    )
    yield f"<pre>{escape(command(shown.given, shown.given_fields))}</pre>"


def command(given: str, fields: dict[str, Any]) -> str:
    """Returns the command line of a run.

    Args:
      given: the name of its configuration; empty for the defaults.
      fields: the other fields that are set, by dotted name.
    """
    start = f"amkd --config={shlex.quote(given or 'default')} --workdir=FOLDER"
    words = (shlex.quote(f"--config.{name}={value}") for name, value in fields.items())
    return " \\\n  ".join([start, *words])
