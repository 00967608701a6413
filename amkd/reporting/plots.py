"""PNG plots: accuracy against queries, the chosen mixes of a round, and the curves of a table."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_IN_A_ROW = 12  # images of a grid
_MAX_INSIDE = 8  # lines whose names fit inside a panel without hiding them


def accuracy_curve(
    rounds: list[dict[str, Any]], teacher_accuracy: float | None, *, title: str, path: Path
) -> None:
    """Plots accuracy and agreement after every round against the queries spent.

    Args:
      rounds: the entries of the rounds, as in ``summary.json``.
      teacher_accuracy: None if it is not known.
      title: over the plot.
      path: file to write.
    """
    figure, ((axes,),) = _figure(1, 1, (6, 4))
    queries = [entry["queries"] for entry in rounds]
    for name, label in (
        ("student_accuracy", "student accuracy"),
        ("agreement", "agreement with the teacher"),
    ):
        values = [entry[name] for entry in rounds]
        if None not in values:
            axes.plot(queries, 100 * np.array(values), marker="o", label=label)
    if teacher_accuracy is not None:
        axes.axhline(100 * teacher_accuracy, color="grey", linestyle="--", label="teacher accuracy")
    axes.set(xlabel="queries (real images included)", ylabel="test images (%)", title=title)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    _save(figure, path)


@dataclasses.dataclass(frozen=True, eq=False)
class ShownMix:
    """One mix on a contact sheet.

    Attributes:
      images: ``(x_i, mix, x_j)``, each ``uint8[H, W, C]``.
      lam: weight of image i.
      score: C2; NaN where there is none.
      answer: ``float32[Y]``, the teacher's.
    """

    images: tuple[np.ndarray, np.ndarray, np.ndarray]
    lam: float
    score: float
    answer: np.ndarray


def contact_sheet(mixes: Sequence[ShownMix], title: str, path: Path) -> None:
    """Draws mixes, three in a row: image i, the mix, image j, and what the teacher said of it."""
    columns = 3
    rows = -(-len(mixes) // columns)
    figure, grid = _figure(rows, columns, (9.6, 1.35 * rows + 0.6))
    figure.get_layout_engine().set(wspace=0.12, hspace=0.08)
    for axes in grid.flat:
        axes.axis("off")
    for axes, mix in zip(grid.flat, mixes, strict=False):
        height, width, channels = mix.images[0].shape
        gap = np.full((height, max(1, width // 14), channels), 255, np.uint8)
        first, middle, last = mix.images
        _show(axes, np.concatenate([first, gap, middle, gap, last], axis=1))
        likeliest = np.argsort(-mix.answer, kind="stable")[:2]
        said = ", ".join(f"class {y}: {mix.answer[y]:.2f}" for y in likeliest)
        c2 = "" if np.isnan(mix.score) else f", C2 {mix.score:.3f}"
        axes.set_title(f"λ {mix.lam:.2f}{c2}\n{said}", fontsize=8)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def image_grid(images: np.ndarray, title: str, path: Path) -> None:
    """Draws images ``uint8[M, H, W, C]`` side by side, twelve in a row."""
    rows = -(-len(images) // _IN_A_ROW)
    figure, grid = _figure(rows, _IN_A_ROW, (9.6, 0.85 * rows + 0.4))
    for axes in grid.flat:
        axes.axis("off")
    for axes, image in zip(grid.flat, images, strict=False):
        _show(axes, image)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def score_histograms(rounds: list[tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Plots how the chosen mixes of each round spread over C2 and over lambda.

    Args:
      rounds: for each, C2 ``float32[K]`` (NaN where there is none) and lambda ``float32[K]``.
      path: file to write.
    """
    figure, ((left, right),) = _figure(1, 2, (9.6, 3.2))
    for number, (scores, lams) in enumerate(rounds, 1):
        if len(known := scores[~np.isnan(scores)].astype(np.float64)):
            # All scores may lie next to one number, such as .5 with two classes.
            bins = np.linspace(known.min() - 1e-4, known.max() + 1e-4, 41)
            left.hist(known, bins, histtype="step", label=f"round {number}")
        right.hist(lams, np.linspace(0, 1, 51), histtype="step", label=f"round {number}")
    left.set(xlabel="C2", ylabel="mixes")
    right.set(xlabel="λ")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
    _save(figure, path)


def table_curves(points: list[dict[str, Any]], measured: str, *, title: str, path: Path) -> None:
    """Plots a table against queries: a panel for each row, in it a line for each way.

    Args:
      points: mean and spread over seeds in percent, as in the table's ``-curves.csv``.
      measured: what the accuracy measures, in words.
      title: over the plot.
      path: file to write.
    """
    rows = list(dict.fromkeys(point["row"] for point in points))
    columns = min(len(rows), 3)
    down, ways = -(-len(rows) // columns), len({point["way"] for point in points})
    # With many lines one legend stands below the panels: inside, the names would hide the lines.
    below = ways > _MAX_INSIDE
    width, height = 5 * columns, 3.8 * down
    if below:
        width, height = max(width, 8), height + 0.25 * (ways / 4 + 1)
    figure, grid = _figure(down, columns, (width, height))
    for axes in grid.flat[len(rows) :]:
        axes.set_axis_off()
    for axes, row in zip(grid.flat, rows, strict=False):
        _draw_row(axes, [point for point in points if point["row"] == row])
        axes.set(xlabel="queries (real images included)", ylabel=f"{measured} (%)", title=row)
        axes.grid(alpha=0.3)
        if not below:
            axes.legend(fontsize="small")
    if below:
        lines = {
            name: line
            for axes in grid.flat
            for line, name in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            lines.values(), lines.keys(), loc="outside lower center", ncols=4, fontsize="small"
        )
    figure.suptitle(title)
    _save(figure, path)


def _draw_row(axes: Any, points: list[dict[str, Any]]) -> None:
    for way in dict.fromkeys(point["way"] for point in points):
        line = [point for point in points if point["way"] == way]
        axes.errorbar(
            [point["queries"] for point in line],
            [point["accuracy_mean"] for point in line],
            [point["accuracy_std"] or 0 for point in line],
            marker="o",
            markersize=4,
            capsize=3,
            label=way,
        )


def _show(axes: Any, image: np.ndarray) -> None:
    grey = image.shape[-1] == 1
    axes.imshow(image.squeeze(-1) if grey else image, cmap="gray", vmin=0, vmax=255)


def _figure(rows: int, columns: int, size: tuple[float, float]) -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
