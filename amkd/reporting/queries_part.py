"""The part of a run's page about the queried images: their scores, weights and pixels."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from amkd.reporting import contact_sheet, drawing, svg_chart
from amkd.reporting.contact_sheet import Cell
from amkd.reporting.drawing import Drawing
from amkd.reporting.html_parts import folded, meanings, text
from amkd.reporting.svg_chart import Curve

_BINS = 40


@dataclasses.dataclass(frozen=True, eq=False)
class Chosen:
    """The images that a round chose.

    Attributes:
      round: its number, from 1.
      score: what the scores are: ``C2`` of pairs, or ``C1`` of single images.
      scores: ``float32[K]``; NaN for images without a score.
      lams: ``float32[K]``, the weights of the first images; empty for images that are not mixes.
      cells: some of the images, from the lowest to the highest score.
    """

    round: int
    score: str
    scores: np.ndarray
    lams: np.ndarray
    cells: tuple[Cell, ...]

    @property
    def scored(self) -> np.ndarray:
        """The scores that are not NaN, ``float64[...]``."""
        return self.scores[np.isfinite(self.scores)].astype(np.float64)


def parts(rounds: Sequence[Chosen], made: Sequence[Cell]) -> Iterator[str]:
    """Yields the HTML of the part; nothing if no image was chosen or made.

    Args:
      rounds: the images that each round after the first chose.
      made: some of the images that the method made itself before its first query.
    """
    if made:
        yield "<h2>Images made with the teacher's network</h2>"
        yield text("The method queries these in place of real images. They need not look real.")
        yield contact_sheet.html(made)
    if not rounds:
        return
    last, mixed = rounds[-1], any(len(one.lams) for one in rounds)
    yield f"<h2>Queries: {'mixes' if mixed else 'images'} chosen in round {last.round}</h2>"
    order = f", from the lowest to the highest {last.score}" if len(last.scored) else ""
    middle = " Each mix is shown between its two real images." if mixed else ""
    yield text(f"Some of them{order}, each with the teacher's answer.{middle}")
    yield contact_sheet.html(last.cells)
    for one in rounds[:-1]:
        yield folded(f"Round {one.round}", contact_sheet.html(one.cells, first=len(one.cells)))
    if drawings := list(histograms(rounds)):
        yield drawing.plots(drawings)
    terms = [*([last.score] if len(last.scored) else []), *(["λ"] if mixed else [])]
    if terms:
        yield meanings(*terms)


def histograms(rounds: Sequence[Chosen]) -> Iterator[Drawing]:
    """Yields the distributions of score and lambda over the chosen images of each round."""
    what = "mixes" if any(len(one.lams) for one in rounds) else "images"
    if scored := [one for one in rounds if len(one.scored)]:
        whole = np.concatenate([one.scored for one in scored])
        # All scores may be close to one number, such as .5 with two classes.
        edges = np.linspace(whole.min() - 1e-4, whole.max() + 1e-4, _BINS + 1)
        curves = [_steps(one.round, one.scored, edges) for one in scored]
        name = scored[-1].score
        yield svg_chart.chart(f"Number of chosen {what} by {name}", name, curves, percent=False)
    if mixed := [one for one in rounds if len(one.lams)]:
        edges = np.linspace(0, 1, _BINS + 1)
        curves = [_steps(one.round, one.lams, edges) for one in mixed]
        yield svg_chart.chart("Number of chosen mixes by λ", "λ", curves, percent=False)


def _steps(number: int, values: np.ndarray, edges: np.ndarray) -> Curve:
    counts, _ = np.histogram(values, edges)
    xs, ys = np.repeat(edges, 2), [0, *np.repeat(counts, 2).tolist(), 0]
    return svg_chart.line(number, f"round {number}", xs.tolist(), ys)
