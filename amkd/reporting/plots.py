"""PNG plots: accuracy against queries, and a contact sheet of a round's chosen mixes."""

from pathlib import Path
from typing import Any

import numpy as np


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


def accuracy(
    rows: list[dict[str, Any]], teacher_accuracy: float | None, title: str, path: Path
) -> None:
    """Accuracy and agreement after every round against the queries spent."""
    figure, ((axes,),) = _figure(1, 1, (6, 4))
    queries = [row["queries"] for row in rows]
    for name, label in (
        ("student_accuracy", "student accuracy"),
        ("agreement", "agreement with the teacher"),
    ):
        values = [row[name] for row in rows]
        if None not in values:
            axes.plot(queries, 100 * np.array(values), marker="o", label=label)
    if teacher_accuracy is not None:
        axes.axhline(100 * teacher_accuracy, color="grey", linestyle="--", label="teacher accuracy")
    axes.set(xlabel="queries (real images included)", ylabel="test images (%)", title=title)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    _save(figure, path)


def contact_sheet(
    triples: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    lams: np.ndarray,
    scores: np.ndarray,
    answers: np.ndarray,
    title: str,
    path: Path,
) -> None:
    """Chosen mixes: image i, the mix, image j, and what the teacher said of the mix.

    Args:
      triples: ``(x_i, mix, x_j)``, each ``uint8[H, W, C]``.
      lams: ``float32[...]``, weight of image i.
      scores: ``float32[...]``, C2; NaN where there is none.
      answers: ``float32[..., Y]``.
      title: over the sheet.
      path: file to write.
    """
    columns = 3
    rows = -(-len(triples) // columns)
    figure, axes = _figure(rows, columns, (9.6, 1.35 * rows + 0.6))
    figure.get_layout_engine().set(wspace=0.12, hspace=0.08)
    for place in axes.flat:
        place.axis("off")
    for place, triple, lam, score, answer in zip(
        axes.flat, triples, lams, scores, answers, strict=False
    ):
        gap = np.full(
            (triple[0].shape[0], max(1, triple[0].shape[1] // 14), triple[0].shape[2]),
            255,
            np.uint8,
        )
        strip = np.concatenate([triple[0], gap, triple[1], gap, triple[2]], axis=1)
        place.imshow(
            strip.squeeze(-1) if strip.shape[-1] == 1 else strip, cmap="gray", vmin=0, vmax=255
        )
        top = np.argsort(-answer, kind="stable")[:2]
        said = ", ".join(f"class {y}: {answer[y]:.2f}" for y in top)
        c2 = "" if np.isnan(score) else f", C2 {score:.3f}"
        place.set_title(f"λ {lam:.2f}{c2}\n{said}", fontsize=8)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def sheet(images: np.ndarray, title: str, path: Path) -> None:
    """Images side by side, twelve in a row: ``uint8[M, H, W, C]``."""
    rows = -(-len(images) // 12)
    figure, axes = _figure(rows, 12, (9.6, 0.85 * rows + 0.4))
    for place in axes.flat:
        place.axis("off")
    for place, image in zip(axes.flat, images, strict=False):
        place.imshow(
            image.squeeze(-1) if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255
        )
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def chosen(rounds: list[tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """How the chosen mixes of each round spread over C2 and over lambda.

    Args:
      rounds: of each, C2 ``float32[K]`` (NaN where there is none) and lambda ``float32[K]``.
      path: file to write.
    """
    figure, ((left, right),) = _figure(1, 2, (9.6, 3.2))
    for number, (scores, lams) in enumerate(rounds, 1):
        if len(known := scores[~np.isnan(scores)].astype(np.float64)):
            # All scores may be next to one number, such as .5 where there are two classes.
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


def curves(points: list[dict[str, Any]], measured: str, title: str, path: Path) -> None:
    """What is measured, in percent, against queries for every way: mean and spread over seeds, a
    panel for each row.
    """
    rows = list(dict.fromkeys(point["row"] for point in points))
    columns = min(len(rows), 3)
    down, ways = -(-len(rows) // columns), len({point["way"] for point in points})
    # Below the panels where there are many ways: inside, their names would hide the lines.
    below = ways > 8
    figure, grid = _figure(
        down,
        columns,
        (max(5 * columns, 8 if below else 0), 3.8 * down + 0.25 * below * (ways / 4 + 1)),
    )
    for number, axes in enumerate(grid.flat):
        if number >= len(rows):
            axes.set_axis_off()
            continue
        own = [point for point in points if point["row"] == rows[number]]
        for way in dict.fromkeys(point["way"] for point in own):
            line = [point for point in own if point["way"] == way]
            queries, mean = (
                [point[name] for point in line] for name in ("queries", "accuracy_mean")
            )
            spread = [point["accuracy_std"] or 0 for point in line]
            axes.errorbar(queries, mean, spread, marker="o", markersize=4, capsize=3, label=way)
        axes.set(
            xlabel="queries (real images included)", ylabel=f"{measured} (%)", title=rows[number]
        )
        axes.grid(alpha=0.3)
        if not below:
            axes.legend(fontsize="small")
    if below:
        named = {
            name: line
            for axes in grid.flat
            for line, name in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            named.values(), named.keys(), loc="outside lower center", ncols=4, fontsize="small"
        )
    figure.suptitle(title)
    _save(figure, path)
