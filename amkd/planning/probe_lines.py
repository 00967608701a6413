"""What a probe found, in lines for a person."""

from collections.abc import Iterator

import numpy as np

from amkd.core.text import money, plain
from amkd.planning import answer_form
from amkd.planning.aligned_lines import line, wrapped
from amkd.planning.probe import Probe
from amkd.planning.profile_lines import profile_lines
from amkd.reporting import metrics
from amkd.teachers import answers

_MOST_NAMES = 20
_NO_LABELS = ("flax", "python", "oip", "tfserving", "onnx")


def probe_lines(probe: Probe) -> Iterator[str]:
    """Yields the lines about a probe, as ``--mode=probe`` prints them."""
    yield line("teacher", probe.teacher.identity)
    yield from profile_lines(probe.settings.teacher)
    count = len(probe.images)
    asked = sum(call.images for call in probe.calls)
    yield line("images", f"{count}: {probe.held} answers were in the ledger, {asked} are new")
    if probe.problem:
        yield from wrapped(str(probe.problem), "problem")
    if probe.answered.any():
        yield from _form(probe)
        yield from _classes(probe)
    yield from _labels(probe)
    yield from _money_and_time(probe)


def _form(probe: Probe) -> Iterator[str]:
    rows, plan = probe.rows[probe.answered], probe.settings.teacher
    wanted = plan.answers
    found = answer_form.find(rows)
    yield from wrapped(found.text, "form")
    yield line("rounding", found.rounding)
    if found.silent:
        yield line("without a class", f"{found.silent} answers have equal scores for all classes")
    faults = [fault for fault in answers.faults(rows, wanted) if fault]
    if not faults:
        hint = ""
        if found.form == "label" and wanted.form != "label" and plan.kind == "python":
            # A probe reads class numbers as rows; a run does so only where the form says label.
            hint = "; if they are class numbers, set --config.teacher.answers.form=label"
        yield from wrapped(f"{wanted.form} fits all {len(rows)} answers{hint}", "answers.form")
        return
    remedy = f": set --config.teacher.answers.form={found.form}" if found.form else ""
    yield from wrapped(
        f"{wanted.form} does NOT fit {len(faults)} of {len(rows)} answers: {faults[0]}{remedy}",
        "answers.form",
    )


def _classes(probe: Probe) -> Iterator[str]:
    rows = probe.rows[probe.answered]
    rows = rows[metrics.names_class(rows)]
    if not len(rows):
        return
    best = np.bincount(np.nanargmax(rows, -1), minlength=rows.shape[-1])
    names = [_name(probe, number) for number in range(rows.shape[-1])]
    said = [f"{names[number]} {best[number]}" for number in np.argsort(-best, kind="stable")]
    named = int((best > 0).sum())
    yield from wrapped(
        ", ".join(said[: min(named, _MOST_NAMES)]) + _more(named - _MOST_NAMES), "likeliest classes"
    )
    never = [name for name, count in zip(names, best, strict=True) if not count]
    if never:
        listed = ", ".join(never[:_MOST_NAMES]) + _more(len(never) - _MOST_NAMES)
        told = f"{len(never)} of {len(names)} classes: {listed}"
        yield from wrapped(told, "never the likeliest")


def _labels(probe: Probe) -> Iterator[str]:
    """Yields lines on whether the service's labels are the classes."""
    ignored = sorted(getattr(probe.teacher.ask, "ignored_labels", ()))
    if ignored:
        listed = ", ".join(ignored[:_MOST_NAMES]) + _more(len(ignored) - _MOST_NAMES)
        yield from wrapped(
            f"{len(ignored)} labels are not classes and not in teacher.labels: {listed}",
            "ignored labels",
        )
    plan = probe.settings.teacher
    by_order = plan.kind in _NO_LABELS or (plan.kind == "json" and not plan.json.labels)
    if by_order and probe.answered.any():
        names = [_name(probe, number) for number in (0, probe.data.classes - 1)]
        yield from wrapped(
            f"where answers have no labels, the first score is read as {names[0]!r} and the last as"
            f" {names[1]!r}; check on the contact sheet that this is right",
            "order of classes",
        )
    elif probe.problem is None:
        yield line("classes match", "every label in the answers is a class, mapped, or ignored")


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _name(probe: Probe, number: int) -> str:
    names = probe.data.class_names
    return names[number] if names else str(number)


def _money_and_time(probe: Probe) -> Iterator[str]:
    plan, cost = probe.settings.teacher, probe.cost
    priced = f"{money(probe.spent)} {plan.currency} ({plain(cost.price)} an image)"
    yield line("spent", priced if cost.price else "nothing, as teacher.price is 0")
    rate = images_per_second(probe)
    if rate:
        seconds = sorted(call.ended - call.began for call in probe.calls)
        half, most = np.percentile(seconds, (50, 95))
        calls = f"with at most {plan.in_flight} calls at once"
        yield line("rate", f"{plain(rate, 3)} images a second, {calls}")
        yield line(
            "latency",
            f"{plain(half, 3)} s (median of {len(seconds)} requests), {plain(most, 3)} s (95%),"
            f" {plain(seconds[-1], 3)} s (longest)",
        )
    else:
        yield line("rate", "not measured: no new query was answered")
    amount = f", {money(cost.amount)} {cost.currency}" if cost.price else ""
    lasts = f", about {_span(cost.to_send / rate)} at this rate" if rate else ""
    yield line("the run will send", f"{cost.to_send:,} more images{amount}{lasts}")


def images_per_second(probe: Probe) -> float:
    """Returns how many images were answered in a second; 0 if none was sent."""
    if not probe.calls:
        return 0.0
    began = min(call.began for call in probe.calls)
    ended = max(call.ended for call in probe.calls)
    return sum(call.images for call in probe.calls) / max(ended - began, 1e-9)


def _span(seconds: float) -> str:
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
