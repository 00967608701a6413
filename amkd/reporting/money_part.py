"""The part of a run's page about queries and costs."""

from collections.abc import Iterator
from typing import Any

from amkd.core.text import plain
from amkd.reporting import assistant_text, drawing, progress_part
from amkd.reporting.html_parts import folded, meanings, table, text
from amkd.reporting.terms import MONEY

Entry = dict[str, Any]


def parts(summary: Entry) -> Iterator[str]:
    """Yields the HTML of the part.

    Args:
      summary: the content of ``summary.json``.
    """
    yield "<h2>Money and queries</h2>"
    yield table(("what", ""), _spend(summary))
    price, currency = summary.get("price", 0.0), summary["currency"]
    if price:
        name = f"money ({currency or 'no currency'})"
        if chart := progress_part.shares(summary, price, name):
            yield drawing.plots([chart])
            yield text(MONEY)
    if any(entry.get("cost") for entry in summary["rounds"]):
        head = ("round", "queries so far", "sent by this run so far", f"cost so far, {currency}")
        yield table(tuple(name.removesuffix(", ") for name in head), map(_round, summary["rounds"]))
    terms = ["query", "sent by this run", "evaluation queries", "without an answer", "cost"]
    if summary.get("sentinel_queries"):
        terms.append("sentinel queries")
    if summary.get("assistant"):
        terms.append("assistant")
    yield folded("What these words mean", meanings(*terms))


def money(summary: Entry) -> str:
    """Returns what a run may have been billed, in words."""
    if not summary["cost"]:
        return "no price was set"
    return f"{plain(summary['cost'])} {summary['currency']}".rstrip()


def _round(entry: Entry) -> list[str]:
    paid, cost = entry.get("queries_paid"), entry.get("cost")
    return [
        str(entry["round"]),
        f"{entry['queries']:,}",
        "-" if paid is None else f"{paid:,}",
        "-" if cost is None else plain(cost),
    ]


def _spend(summary: Entry) -> Iterator[list[str]]:
    again, price = summary.get("sentinel_queries", 0), summary.get("price", 0.0)
    yield ["queries", f"{summary['queries']:,} of {summary['budget']:,}"]
    yield ["sent by this run", f"{summary['queries_paid']:,}"]
    if told := summary.get("assistant"):
        yield [
            f"answered by the assistant {told['model']} (no queries)",
            assistant_text.images(told),
        ]
    yield ["evaluation queries, not in the budget", f"{summary['evaluation_queries']:,}"]
    if again:
        yield ["sentinel queries, not in the budget", f"{again:,}"]
    if price:
        yield ["price of one image", f"{plain(price)} {summary['currency']}".rstrip()]
    yield ["cost", money(summary)]
    yield ["without an answer", f"{summary['lost']:,}"]
    if early := summary.get("ended_early"):
        yield ["ended early", early["why"]]
