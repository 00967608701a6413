"""Text for a person about a run: the line of a round, and the table at the end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from amkd.core.text import plain
from amkd.reporting import assistant_text, interval

# Figures of lanes in addition to the accuracy, in words.
LANE_FIGURES = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "lane_fp": "false lanes",
    "lane_fn": "missed lanes",
}


def percent(value: float | None, images: int | None = None) -> str:
    """Formats a share in [0, 1] as a percentage, and None as not measured.

    Args:
      value: the share.
      images: how many it was counted on; a 95% interval is added then.
    """
    if value is None:
        return "not measured"
    span = interval.text(value, images)
    return f"{100 * value:.2f}%" + (f" ({span})" if span else "")


def measured(entry: dict[str, Any], name: str) -> str:
    """Formats an accuracy or agreement of a round or a summary, with its 95% interval."""
    counted = {"student_accuracy": "accuracy_images", "teacher_accuracy": "teacher_images"}
    images = entry.get(counted.get(name, "agreement_images"), entry.get("agreement_images"))
    return percent(entry[name], images)


def figures(entry: dict[str, Any]) -> Iterator[str]:
    """Yields a line for each figure of lanes in a summary; nothing for a classifier."""
    for name, words in LANE_FIGURES.items():
        if entry.get(name) is not None:
            yield f"{words:<20} {percent(entry[name])}"


class ScoreRange(NamedTuple):
    """The scores of the images that a round chose.

    Attributes:
      name: ``C2`` of pairs of images, or ``C1`` of single images.
      lowest: the lowest score.
      highest: the highest score.
    """

    name: str
    lowest: float
    highest: float


def score_range(entry: dict[str, Any]) -> ScoreRange | None:
    """Returns the range of the scores of a round; None if nothing was scored."""
    for name in ("C2", "C1"):
        low, high = (entry.get(f"{name.lower()}_{end}") for end in ("lowest", "highest"))
        if low is not None and high is not None:
            return ScoreRange(name, low, high)
    return None


def round_line(entry: dict[str, Any]) -> str:
    """Formats a finished round as one line.

    Args:
      entry: the entry of the round, as in ``metrics.jsonl``.
    """
    seconds = entry["seconds"]
    times = ", ".join(f"{name} {seconds[name]:.0f}s" for name in ("search", "query", "train"))
    scores = ""
    if found := score_range(entry):
        scores = f"  {found.name} {found.lowest:.3f}..{found.highest:.3f}"
    if recall := entry.get("search", {}).get("recall"):
        scores += f"  found {percent(recall['low'])} or more of the k lowest"
    f1 = f"  F1 {percent(entry['f1'])}" if entry.get("f1") is not None else ""
    return (
        f"round {entry['round']}: queries {entry['queries']}"
        f"  student {measured(entry, 'student_accuracy')}"
        f"{f1}  agreement {measured(entry, 'agreement')}{scores}  ({times})"
    )


def closing_table(summary: dict[str, Any], workdir: Path | None = None) -> str:
    """Formats the table that a run ends with.

    Args:
      summary: the content of ``summary.json``.
      workdir: where the run is now; it may have been moved or copied. None prints the paths that
        the summary has.
    """
    lines = [
        "",
        f"{summary['method']} on {summary['dataset']}, seed {summary['seed']}:"
        f" {summary['teacher']} -> {summary['student']}",
        f"{'round':>7} {'queries':>9} {'student accuracy':>24} {'agreement':>24}",
    ]
    for entry in summary["rounds"]:
        lines.append(
            f"{entry['round']:>7} {entry['queries']:>9}"
            f" {measured(entry, 'student_accuracy'):>24} {measured(entry, 'agreement'):>24}"
        )
    seconds = summary["seconds"]
    lines += [
        "",
        f"teacher accuracy     {measured(summary, 'teacher_accuracy')}",
        f"student accuracy     {measured(summary, 'student_accuracy')}",
        *figures(summary),
        f"success rate         {percent(summary['success_rate'])}",
        f"agreement            {measured(summary, 'agreement')}",
        *_about_intervals(summary),
        *_assistant(summary),
        f"queries              {summary['queries']} of {summary['budget']}"
        f" ({summary['queries_paid']} sent by this run{_imported(summary)}, the rest found in the"
        " ledger)",
        f"evaluation queries   {summary['evaluation_queries']} (not in the budget)",
        *_cost_lines(summary),
        "seconds              "
        + ", ".join(f"{name} {value:.1f}" for name, value in seconds.items()),
        f"peak memory          {summary['peak_memory_mib']} MiB, mapped files included",
        "",
    ]
    paths = summary["paths"] if workdir is None else _paths_now(summary["paths"], workdir)
    lines += [f"{name:<20} {path}" for name, path in paths.items()]
    return "\n".join(lines)


def _paths_now(paths: dict[str, str | None], workdir: Path) -> dict[str, str | None]:
    """Returns the paths in a workdir that may have been moved; marks those that are missing.

    A path outside the former workdir, such as that of a shared ledger, stays the same.
    """
    former, found = Path(paths.get("summary") or "/").parent, dict(paths)
    for name, path in paths.items():
        if path is None:
            continue
        inside = former != Path("/") and Path(path).is_relative_to(former)
        now = workdir / Path(path).relative_to(former) if inside else Path(path)
        found[name] = f"{now}" if now.exists() else f"{now} (missing)"
    return found


def _about_intervals(summary: dict[str, Any]) -> Iterator[str]:
    own, asked = summary.get("accuracy_images") or 0, summary.get("agreement_images") or 0
    answered = summary.get("teacher_images") or asked
    if own or asked:
        partly = f"; of the teacher and of agreement, {asked:,}" if own and 0 < asked < own else ""
        if own and asked and answered != asked:
            partly = f"; of the teacher, {answered:,}, and of agreement, {asked:,}"
        yield f"(in brackets)        95% intervals (Wilson), of {own or asked:,} images{partly}"


def _assistant(summary: dict[str, Any]) -> Iterator[str]:
    """Yields what an assistant answered; nothing where there was none."""
    if told := summary.get("assistant"):
        yield f"assistant            {assistant_text.sentence(told)}"
        yield f"its agreement        {percent(told['agreement'], summary.get('agreement_images'))}"


def _imported(summary: dict[str, Any]) -> str:
    count = summary.get("queries_imported")
    return f", {count} imported" if count else ""


def _cost_lines(summary: dict[str, Any]) -> Iterator[str]:
    """Yields the cost, the lost images and an early end; an old summary has none of them."""
    if summary.get("sentinel_queries"):
        yield f"sentinel queries     {summary['sentinel_queries']} (not in the budget)"
    if summary.get("cost"):
        yield f"cost                 {plain(summary['cost'])} {summary['currency']}"
    if summary.get("lost"):
        yield f"without an answer    {summary['lost']} images, which may have been billed"
    if early := summary.get("ended_early"):
        yield (
            f"ended early          {early['why']}; raise this limit and run the same command to"
            " resume"
        )
