"""A report as one HTML file that needs no network: of a run, or of a table."""

import base64
import html
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --line: #d9dee3; --paper: #fff; --card: #f5f7f9;
  --accent: 37, 99, 235; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4ae; --line: #343b43; --paper: #15181c;
  --card: #1e2329; --accent: 96, 150, 255; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p, figcaption { color: var(--soft); margin: .2rem 0 .8rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .7rem; margin: 1.2rem 0; }
.card { background: var(--card); border-radius: .6rem; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.35rem; } .card span { color: var(--soft); font-size: .85rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { color: var(--soft); font-weight: 600; }
figure { margin: 0 0 1.5rem; } img { max-width: 100%; height: auto; background: #fff; border-radius: .4rem; }
pre { background: var(--card); padding: .8rem; border-radius: .6rem; overflow-x: auto; font-size: .82rem; }
.bar { display: flex; height: 1.1rem; border-radius: .4rem; overflow: hidden; background: var(--card); }
.bar i { display: block; } details { margin: .6rem 0; } summary { cursor: pointer; color: var(--soft); }
"""
_SHADES = {"search": 0.95, "query": 0.35, "train": 0.65, "evaluate": 0.2}


def of_run(
    summary: dict[str, Any],
    config: dict[str, Any],
    class_names: Iterable[str],
    judged: dict[str, np.ndarray | None],
    pictures: dict[str, Path],
) -> str:
    """The report of a finished run.

    Args:
      summary: as in ``summary.json``.
      config: fields that are not at their defaults, by dotted name.
      class_names: of the classes.
      judged: ``student`` and ``teacher``, their classes of the judging images, and their
        ``labels``; each ``int[T]``, or None.
      pictures: files to show, by what they show.
    """
    title = f"{summary['method']} on {summary['dataset']}, seed {summary['seed']}"
    parts = [
        f"<h1>{_text(title)}</h1><p>{_text(summary['teacher'])} → {_text(summary['student'])}</p>",
        _cards(summary),
        "<h2>Rounds</h2>",
        _table(
            (
                "round",
                "queries",
                "student",
                "agreement",
                "C2",
                "found of the k lowest",
                "evaluations",
            ),
            [_round(row) for row in summary["rounds"]],
        ),
        *(_figure(caption, path) for caption, path in pictures.items()),
        *_classes(list(class_names), judged),
        "<h2>Spend</h2>",
        _table(("what", ""), _spend(summary)),
        "<h2>Time</h2>",
        _time(summary["seconds"]),
        *_how_to(summary, config),
        _facts(
            "Machine and versions", {**summary.get("machine", {}), **summary.get("versions", {})}
        ),
        _facts("Configuration, where it is not the default", config),
    ]
    return _whole(title, parts)


def of_table(title: str, measured: str, rows: list[dict[str, Any]], picture: Path | None) -> str:
    """The report of a table.

    Args:
      title: of the table.
      measured: what its accuracies are of, in words.
      rows: as of :func:`amkd.tables.tabulate.as_rows`.
      picture: its curves; None if there are none.
    """
    head = ("row", "way", "N", "queries", "seeds", "teacher", measured, "±", "success", "agreement")
    names = (
        "row",
        "way",
        "n_real",
        "queries",
        "seeds",
        "teacher_accuracy",
        "accuracy_mean",
        "accuracy_std",
    )
    compared = [
        name
        for name in (rows[0] if rows else {})
        if name.startswith(("difference_", "p_", "holm_"))
    ]
    more = (
        "success_rate",
        "agreement",
        "divergence",
        *compared,
        "evaluations",
        "paper",
        "best_published",
    )
    ps = {name: _p for name in compared if not name.startswith("difference_")}
    shown = {**ps, "divergence": lambda value: "-" if value is None else f"{value:.4f}"}
    body = [[shown.get(name, _number)(row[name]) for name in (*names, *more)] for row in rows]
    said = (name.replace("_", " ", 1).replace("difference", "against") for name in compared)
    parts = [
        f"<h1>{_text(title)}</h1><p>Accuracies in percent; quoted figures stand in columns of"
        " their own.</p>",
        _table((*head, "divergence", *said, "evaluations", "paper", "best published"), body),
        *(
            [
                _figure(
                    f"{measured.capitalize()} against queries, mean and spread over seeds", picture
                )
            ]
            if picture
            else []
        ),
    ]
    return _whole(title, parts)


def _whole(title: str, parts: list[str]) -> str:
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    )
    body = "\n".join(parts)
    return (
        "<!doctype html>\n<html"
        f' lang="en"><head>{head}<title>{_text(title)}</title><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _number(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return str(len(value))
    return (
        f"{value:.2f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}%"


def _cards(summary: dict[str, Any]) -> str:
    shown = {
        "student accuracy": _percent(summary["student_accuracy"]),
        "teacher accuracy": _percent(summary["teacher_accuracy"]),
        "success rate": _percent(summary["success_rate"]),
        "agreement": _percent(summary["agreement"]),
        "queries": f"{summary['queries']:,}",
        "of which paid now": f"{summary['queries_paid']:,}",
    }
    cards = (
        f'<div class="card"><b>{value}</b><span>{name}</span></div>'
        for name, value in shown.items()
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{_text(name)}</th>" for name in head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _round(row: dict[str, Any]) -> list[str]:
    told = row.get("search", {})
    recall = told.get("recall")
    return [
        str(row["round"]),
        f"{row['queries']:,}",
        _percent(row["student_accuracy"]),
        _percent(row["agreement"]),
        "-" if row["c2_highest"] is None else f"{row['c2_lowest']:.3f} to {row['c2_highest']:.3f}",
        f"{_percent(recall['low'])} or more" if recall else "-",
        f"{told['evaluations']:,}" if told.get("evaluations") else "-",
    ]


def _figure(caption: str, path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    alt = _text(caption)
    return f'<figure><h2>{alt}</h2><img alt="{alt}" src="data:image/png;base64,{data}"></figure>'


def _classes(names: list[str], judged: dict[str, np.ndarray | None]) -> Iterable[str]:
    """Accuracy of each class, and how often the student says what where the teacher says
    something.
    """
    student, teacher, labels = (judged[name] for name in ("student", "teacher", "labels"))
    if student is None or not len(student):
        return
    if labels is not None:
        yield "<h2>Accuracy by class</h2>"
        shares = ((name, labels == y) for y, name in enumerate(names))
        rows = [
            [
                name,
                str(int(own.sum())),
                _percent(float((student[own] == labels[own]).mean()) if own.any() else None),
            ]
            for name, own in shares
        ]
        yield _table(("class", "images", "student"), rows)
    if teacher is not None and len(names) <= 50:
        yield (
            "<h2>Confusion with the teacher</h2><p>Rows: what the teacher says. Columns: what"
            " the student says.</p>"
        )
        counts = np.zeros((len(names), len(names)), int)
        np.add.at(counts, (teacher, student), 1)
        yield _heat(names, counts)


def _heat(names: list[str], counts: np.ndarray) -> str:
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    top = "".join(f"<th>{_text(name)}</th>" for name in ("", *names))
    rows = []
    for name, row, tint in zip(names, counts, share, strict=True):
        cells = (
            f'<td style="background: rgba(var(--accent), {strength:.2f})">{count or ""}</td>'
            for count, strength in zip(row.tolist(), (0.85 * tint).tolist(), strict=True)
        )
        rows.append(f"<tr><th>{_text(name)}</th>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _spend(summary: dict[str, Any]) -> list[list[str]]:
    cost = (
        f"{summary['cost']:,.10g} {summary['currency']}" if summary["cost"] else "no price was set"
    )
    return [
        ["queries", f"{summary['queries']:,} of {summary['budget']:,}"],
        ["sent by this run", f"{summary['queries_paid']:,}"],
        ["evaluation, not in the budget", f"{summary['evaluation_queries']:,}"],
        ["cost", cost],
        ["lost on the way", f"{summary['adrift']:,}"],
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
    return f'<div class="bar">{bars}</div>{_table(("phase", "", ""), shares)}'


def _facts(title: str, facts: dict[str, Any]) -> str:
    table = _table(("field", "value"), ([name, str(value)] for name, value in facts.items()))
    return f"<details><summary>{_text(title)}</summary>{table}</details>"


def _how_to(summary: dict[str, Any], config: dict[str, Any]) -> Iterable[str]:
    if summary["dataset"] == "memory":  # from Python, with images that no command has
        return
    yield (
        "<h2>How to reproduce</h2><p>Folders, addresses and secrets are left out: give your"
        " own.</p>"
    )
    yield f"<pre>{_text(_command(config))}</pre>"


def _command(config: dict[str, Any]) -> str:
    fields = (shlex.quote(f"--config.{name}={value}") for name, value in config.items())
    return " \\\n  ".join(
        ["python launch.py --config=configs/default.py --workdir=FOLDER", *fields]
    )
