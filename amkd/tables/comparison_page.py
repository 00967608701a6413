"""The page of a comparison of runs: one HTML file that needs no network."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from amkd.core.errors import UserError
from amkd.core.text import plain
from amkd.data.dataset import DataSet
from amkd.reporting import drawing, html_parts, interval, interval_chart, progress_part, svg_chart
from amkd.reporting.drawing import Drawing
from amkd.reporting.html_parts import percent, table, text
from amkd.reporting.interval_chart import Mark, Row
from amkd.reporting.summary_text import measured
from amkd.reporting.svg_chart import Curve
from amkd.reporting.terms import MONEY, TERMS
from amkd.tables import class_agreement, comparison, statistics
from amkd.tables.class_agreement import PredictedClasses
from amkd.tables.comparison import GroupTest, NamedRun

_NAMES = {"agreement": "Agreement with the teacher", "student_accuracy": "Student accuracy"}
_MEANINGS = {"agreement": TERMS["agreement"], "student_accuracy": TERMS["student accuracy"]}
_MOST_CLASSES = 200  # a longer table is cut


def page(runs: Sequence[NamedRun]) -> str:
    """Returns the page of at least two runs, each with a finished round."""
    parts = [
        drawing.STYLE,
        f"<h1>{len(runs)} runs compared</h1>",
        text(
            "The vertical lines are 95% intervals (Wilson): they show how uncertain a figure is"
            " because the number of evaluation images is limited. They do not include the variation"
            " between seeds. If two intervals overlap widely, the difference between the two runs"
            " is inconclusive with this number of images."
        ),
        "<h2>The runs</h2>",
        table(_RUN_HEAD, map(_run_row, runs)),
        *map(text, comparison.cautions(runs)),
        html_parts.folded("What these words mean", html_parts.meanings(*_TERMS)),
        *_charts(runs),
        *_tests(runs),
        *_by_class(runs),
        *_fields(runs),
    ]
    return html_parts.page(f"{len(runs)} runs compared", parts)


_RUN_HEAD = (
    *("run", "method", "seed", "state", "rounds", "queries", "student accuracy", "agreement"),
    *("divergence", "cost of the queries"),
)


_TERMS = ("round", "query", "student accuracy", "evaluation images", "agreement", "divergence")


def _run_row(run: NamedRun) -> list[str]:
    stored, last = run.stored, run.stored.rounds[-1]
    divergence, price = last.get("divergence"), stored.settings.teacher.price
    money = f"{plain(price * last['queries'])} {stored.settings.teacher.currency}"
    return [
        run.name,
        stored.method,
        str(stored.settings.seed),
        "finished" if stored.finished else "not finished",
        str(len(stored.rounds)),
        f"{last['queries']:,}",
        measured(last, "student_accuracy"),
        measured(last, "agreement"),
        "not measured" if divergence is None else f"{divergence:.4f} nats",
        money if price else "no price was set",
    ]


def _charts(runs: Sequence[NamedRun]) -> Iterator[str]:
    for measure, title in _NAMES.items():
        by_queries = curves(runs, measure)
        if not by_queries:
            continue
        yield f"<h2>{title}</h2>"
        yield text(_MEANINGS[measure])
        yield drawing.plots([svg_chart.chart(f"{title} against queries", "queries", by_queries)])
        currencies = [run.stored.settings.teacher.currency for run in runs if _price(run)]
        for currency in dict.fromkeys(currencies):
            name = f"money ({currency or 'no currency'})"
            if found := curves(runs, measure, currency):
                yield f"<h2>{title} against {html_parts.escape(name)}</h2>"
                yield text(f"{MONEY} Runs without a price in this currency are left out.")
                yield drawing.plots([svg_chart.chart(f"{title} against {name}", name, found)])


def curves(runs: Sequence[NamedRun], measure: str, currency: str | None = None) -> list[Curve]:
    """Returns the curves of the runs that have a measure.

    Args:
      runs: all runs of the page; a run keeps its number if others are left out.
      measure: one of ``comparison.MEASURES``.
      currency: the currency of the x axis, for the runs with a price in it; None for queries.
    """
    found = []
    for number, run in enumerate(runs):
        teacher, scale = run.stored.settings.teacher, 1.0
        if currency is not None:
            scale = teacher.price if teacher.currency == currency else 0.0
        points = progress_part.points(run.stored.rounds, measure, scale) if scale else ()
        if points:
            found.append(Curve(number, run.name, points))
    return found


def _price(run: NamedRun) -> float:
    return run.stored.settings.teacher.price


def _tests(runs: Sequence[NamedRun]) -> Iterator[str]:
    yield "<h2>Paired tests over seeds</h2>"
    yield text(
        "Runs with the same configuration and teacher, except for the seed, form a group. Two"
        " groups are compared on the seeds that both have. The table shows the difference between"
        " their figures at the end of the runs, in percentage points, with its 95% interval,"
        " and the p-value of Student's paired t-test, which is the probability of a mean difference"
        " at least this large if there were no true difference. Holm's p is adjusted for the number"
        " of comparisons by the same measure. With one seed there is no test."
    )
    tests = list(comparison.group_tests(comparison.groups(runs)))
    if not tests:
        yield text(
            "No two groups have finished runs with a seed in common, so there is no paired test."
        )
        return
    rows = (
        [
            _NAMES[one.measure],
            one.first,
            one.second,
            f"{one.paired.difference:+.2f}",
            _span(one.paired.interval),
            str(one.paired.seeds),
            _p(one.paired.p),
            _p(one.holm),
        ]
        for one in tests
    )
    head = (
        "measure",
        "first",
        "second",
        "first minus second",
        "95% interval",
        "seeds",
        "p",
        "Holm's p",
    )
    yield table(head, rows)
    yield drawing.plots([*_forests(tests)])


def _forests(tests: Sequence[GroupTest]) -> Iterator[Drawing]:
    """Yields a drawing of the differences by each measure, with their intervals."""
    for measure, name in _NAMES.items():
        rows = [
            Row(f"{one.first} minus {one.second}", (_mark(one),))
            for one in tests
            if one.measure == measure and one.paired.interval
        ]
        if rows:
            yield interval_chart.chart(
                f"{name}: paired differences",
                "percentage points",
                rows,
                unit="",
                zero=True,
                legend=False,
            )


def _mark(one: GroupTest) -> Mark:
    low, high = one.paired.interval or (None, None)
    return Mark(0, "difference", one.paired.difference, low, high, f"{one.paired.seeds} seeds")


def _span(ends: tuple[float, float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:+.2f} to {ends[1]:+.2f}"


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _by_class(runs: Sequence[NamedRun]) -> Iterator[str]:
    predicted, missing = _predicted(runs)
    yield "<h2>Agreement by class</h2>"
    yield text(
        "For each class that the teacher predicts: the share of its evaluation images for which the"
        " student predicts the same class. It is computed from the saved student and the answers in"
        " the run's ledger; no query is sent."
    )
    for name, why in missing.items():
        yield text(f"{name} is left out: {why}.")
    if not predicted:
        return
    first = next(iter(predicted.values()))
    same = {name: one for name, one in predicted.items() if one.classes == first.classes}
    for name in predicted.keys() - same.keys():
        yield text(f"{name} is left out: its classes differ from those of {next(iter(predicted))}.")
    yield table(*_class_table(same))
    yield from _image_tests(predicted)


def _predicted(runs: Sequence[NamedRun]) -> tuple[dict[str, PredictedClasses], dict[str, str]]:
    """Returns the students by run, and why others are left out."""
    predicted: dict[str, PredictedClasses] = {}
    missing: dict[str, str] = {}
    loaded: dict[str, DataSet] = {}
    for run in runs:
        try:
            predicted[run.name] = class_agreement.of_run(run.stored, loaded)
        except UserError as error:
            missing[run.name] = str(error).rstrip(".")
    return predicted, missing


def _class_table(predicted: Mapping[str, PredictedClasses]) -> tuple[list[str], list[list[str]]]:
    """Returns head and rows; the differences are against the first run."""
    names, found = list(predicted), [one.by_class() for one in predicted.values()]
    head = ["class"]
    for number, name in enumerate(names):
        head += [f"{name}: images", name, "95% interval"]
        head += [f"{name} minus {names[0]}"] if number else []
    rows = []
    for place, label in enumerate(next(iter(predicted.values())).classes[:_MOST_CLASSES]):
        row, base = [label], _share(*found[0], place)
        for number, (images, agreed) in enumerate(found):
            share = _share(images, agreed, place)
            span = interval.text(share, int(images[place])) or "-"
            row += [str(images[place]), percent(share), span]
            if number:
                row.append(_difference(share, base))
        rows.append(row)
    return head, rows


def _difference(share: float | None, base: float | None) -> str:
    return "-" if share is None or base is None else f"{100 * (share - base):+.2f}"


def _share(images: np.ndarray, agreed: np.ndarray, place: int) -> float | None:
    return float(agreed[place] / images[place]) if images[place] else None


def _image_tests(predicted: Mapping[str, PredictedClasses]) -> Iterator[str]:
    """Yields the tests on single images, of runs that were evaluated on the same images."""
    rows: list[list[str]] = []
    p_values: list[float | None] = []
    for (one, first), (other, second) in itertools.combinations(predicted.items(), 2):
        if class_agreement.same_images([first, second]):
            ours = int((first.agrees & ~second.agrees).sum())
            theirs = int((second.agrees & ~first.agrees).sum())
            both = int((first.agrees & second.agrees).sum())
            p_values.append(statistics.sign_test(ours, theirs))
            rows.append([one, other, str(both), str(ours), str(theirs), _p(p_values[-1])])
    if not rows:
        return
    adjusted = statistics.holm(p_values)
    yield "<h2>Paired tests over images</h2>"
    yield text(
        "Two students are compared on the same evaluation images with the same answers. The table"
        " shows on how many images both agree with the teacher, and on how many only one of them"
        " agrees. p is the p-value of McNemar's exact test: the probability of a split at least"
        " this uneven if both students were equally good on images like these. The test compares"
        " two students, not two methods: other seeds give other students."
    )
    head = ("first", "second", "both agree", "only the first", "only the second", "p", "Holm's p")
    yield table(head, ([*row, _p(holm)] for row, holm in zip(rows, adjusted, strict=True)))


def _fields(runs: Sequence[NamedRun]) -> Iterator[str]:
    yield "<h2>What differs in the configurations</h2>"
    rows = [
        ["teacher's identity", *(run.stored.teacher for run in runs)],
        *([name, *map(str, values)] for name, values in comparison.different_fields(runs)),
    ]
    if len(set(rows[0][1:])) == 1:
        rows = rows[1:]
    if not rows:
        yield text("No field that changes a result differs.")
        return
    yield text(
        "These are the fields of the configuration whose values differ between the runs. Folders on"
        " a machine, and fields that do not change a result, are not listed."
    )
    yield table(("field", *(run.name for run in runs)), rows)
