"""The HTML report of a finished run."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amkd.reporting import cascade_part, gallery, interval, summary_text
from amkd.reporting.html_parts import details, escape, figure, page, percent, table

_SHADES = {"search": 0.95, "query": 0.35, "train": 0.65, "evaluate": 0.2}  # opacity in the time bar
_ROUND_HEAD = (
    "round",
    "queries",
    "student",
    "agreement",
    "C2",
    "share of the k lowest found",
    "evaluations",
)
# Figures with an interval, and the number of images that each was counted on.
_COUNTED = {
    "student_accuracy": "accuracy_images",
    "teacher_accuracy": "agreement_images",
    "agreement": "agreement_images",
}
_MAX_CONFUSION = 50  # classes; a larger confusion matrix is not shown


def render(
    summary: dict[str, Any],
    config: dict[str, Any],
    *,
    class_names: Iterable[str],
    predicted: dict[str, np.ndarray | None],
    pictures: dict[str, Path],
    galleries: Sequence[gallery.Gallery] = (),
) -> str:
    """Returns the page of a finished run.

    Args:
      summary: as in ``summary.json``.
      config: fields that are not at their defaults, by dotted name.
      class_names: Y names.
      predicted: for the test images, each ``int[T]`` or None: the classes that ``student`` and
        ``teacher`` pick, and the true ``labels``.
      pictures: PNG files to show, by caption.
      galleries: pictures that a person should look at.
    """
    title = f"{summary['method']} on {summary['dataset']}, seed {summary['seed']}"
    names = list(class_names)
    machine = {**summary.get("machine", {}), **summary.get("versions", {})}
    parts = [
        f"<h1>{escape(title)}</h1>"
        f"<p>{escape(summary['teacher'])} → {escape(summary['student'])}</p>",
        _cards(summary),
        "<h2>Rounds</h2>",
        table(_ROUND_HEAD, map(_round, summary["rounds"])),
        *(figure(caption, path) for caption, path in pictures.items()),
        *_classes(names, predicted),
        *cascade_part.parts(summary.get("cascade"), summary["currency"]),
        *gallery.html(galleries, names),
        "<h2>Spend</h2>",
        table(("what", ""), _spend(summary)),
        "<h2>Time</h2>",
        _time(summary["seconds"]),
        *_how_to_reproduce(summary, config),
        details("Machine and versions", machine),
        details("Configuration, where it is not the default", config),
    ]
    return page(title, parts)


def _cards(summary: dict[str, Any]) -> str:
    spans = {
        name: interval.text(summary[name], summary.get(images)) for name, images in _COUNTED.items()
    }
    shown = {
        _named("student accuracy", spans): percent(summary["student_accuracy"]),
        _named("teacher accuracy", spans): percent(summary["teacher_accuracy"]),
        "success rate": percent(summary["success_rate"]),
        _named("agreement", spans): percent(summary["agreement"]),
        "queries": f"{summary['queries']:,}",
        "sent by this run": f"{summary['queries_paid']:,}",
    }
    cards = (
        f'<div class="card"><b>{value}</b><span>{name}</span></div>'
        for name, value in shown.items()
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _named(name: str, spans: dict[str, str]) -> str:
    """Returns what stands below a figure: its name, and its interval."""
    span = spans[name.replace(" ", "_")]
    return f"{name}, 95% interval {span}" if span else name


def _round(entry: dict[str, Any]) -> list[str]:
    search = entry.get("search", {})
    recall, evaluations = search.get("recall"), search.get("evaluations")
    scores = "-"
    if entry["c2_highest"] is not None:
        scores = f"{entry['c2_lowest']:.3f} to {entry['c2_highest']:.3f}"
    return [
        str(entry["round"]),
        f"{entry['queries']:,}",
        summary_text.measured(entry, "student_accuracy"),
        summary_text.measured(entry, "agreement"),
        scores,
        f"{percent(recall['low'])} or more" if recall else "-",
        f"{evaluations:,}" if evaluations else "-",
    ]


def _classes(names: list[str], predicted: dict[str, np.ndarray | None]) -> Iterator[str]:
    """Yields the accuracy of each class, and the confusion of the student with the teacher."""
    student, teacher, labels = (predicted[name] for name in ("student", "teacher", "labels"))
    if student is None or not len(student):
        return
    if labels is not None:
        yield "<h2>Accuracy by class</h2>"
        rows = []
        for number, name in enumerate(names):
            own = labels == number
            share = float((student[own] == number).mean()) if own.any() else None
            count = int(own.sum())
            rows.append([name, str(count), percent(share), interval.text(share, count) or "-"])
        yield table(("class", "images", "student", "95% interval"), rows)
    if teacher is not None and len(names) <= _MAX_CONFUSION:
        yield (
            "<h2>Confusion with the teacher</h2><p>Rows: what the teacher says. Columns: what"
            " the student says.</p>"
        )
        counts = np.zeros((len(names), len(names)), int)
        np.add.at(counts, (teacher, student), 1)
        yield _heat_map(names, counts)


def _heat_map(names: list[str], counts: np.ndarray) -> str:
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    top = "".join(f"<th>{escape(name)}</th>" for name in ("", *names))
    rows = []
    for name, row, opacity in zip(names, counts.tolist(), (0.85 * shares).tolist(), strict=True):
        cells = (
            f'<td style="background: rgba(var(--accent), {alpha:.2f})">{count or ""}</td>'
            for count, alpha in zip(row, opacity, strict=True)
        )
        rows.append(f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>")
    body = "".join(rows)
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _spend(summary: dict[str, Any]) -> list[list[str]]:
    cost, again = "no price was set", summary.get("sentinel_queries", 0)
    if summary["cost"]:
        cost = f"{summary['cost']:,.10g} {summary['currency']}"
    return [
        ["queries", f"{summary['queries']:,} of {summary['budget']:,}"],
        ["sent by this run", f"{summary['queries_paid']:,}"],
        ["evaluation, not in the budget", f"{summary['evaluation_queries']:,}"],
        *([["sentinel, not in the budget", f"{again:,}"]] if again else []),
        ["cost", cost],
        ["lost on the way", f"{summary['adrift']:,}"],
        *([["ended early", early["why"]]] if (early := summary.get("ended_early")) else []),
    ]


def _time(seconds: dict[str, float]) -> str:
    total = sum(seconds.values()) or 1.0
    bars = "".join(
        f'<i title="{name}" style="width: {100 * value / total:.2f}%;'
        f' background: rgba(var(--accent), {_SHADES.get(name, 0.5)})"></i>'
        for name, value in seconds.items()
    )
    shares = [
        [name, f"{value:,.1f} s", f"{100 * value / total:.0f}%"] for name, value in seconds.items()
    ]
    return f'<div class="bar">{bars}</div>{table(("phase", "", ""), shares)}'


def _how_to_reproduce(summary: dict[str, Any], config: dict[str, Any]) -> Iterator[str]:
    if summary["dataset"] == "memory":  # called from Python: no command has these images
        return
    yield (
        "<h2>How to reproduce</h2><p>Folders, addresses and secrets are left out: give your"
        " own.</p>"
    )
    yield f"<pre>{escape(_command(config))}</pre>"


def _command(config: dict[str, Any]) -> str:
    start = "python launch.py --config=configs/default.py --workdir=FOLDER"
    fields = (shlex.quote(f"--config.{name}={value}") for name, value in config.items())
    return " \\\n  ".join([start, *fields])
