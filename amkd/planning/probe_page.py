"""The contact sheet of a probe: one HTML page with the images and their answers."""

from collections.abc import Iterable, Iterator

import numpy as np

from amkd.planning.probe import Probe
from amkd.reporting import contact_sheet, html_parts, thumbnail

_SHOWN = 3  # classes of an image


def page(probe: Probe, lines: Iterable[str]) -> str:
    """Returns the page.

    Args:
      probe: what was found.
      lines: what is printed about it.
    """
    figures = "".join(_figures(probe))
    told = html_parts.escape("\n".join(lines))
    parts = (
        contact_sheet.STYLE,
        "<h1>Probe of the teacher</h1>",
        f"<p>{len(probe.images)} of the images that the run begins with, as the teacher sees"
        " them, and the highest scores of its unchanged answers.</p>",
        f'<div class="sheet">{figures}</div>',
        "<h2>What was found</h2>",
        f"<pre>{told}</pre>",
    )
    return html_parts.page("Probe of the teacher", parts)


def _figures(probe: Probe) -> Iterator[str]:
    for number, (image, row, answered) in enumerate(
        zip(probe.images, probe.rows, probe.answered, strict=True), 1
    ):
        text = "<br>".join(_best(probe, row)) if answered else "no answer"
        alt = f"image {number}"
        yield (
            f'<figure><img alt="{alt}" src="{thumbnail.address(image)}">'
            f"<figcaption>{text}</figcaption></figure>"
        )


def _best(probe: Probe, row: np.ndarray) -> Iterator[str]:
    """Yields the classes of the highest scores, with these."""
    names = probe.data.class_names
    order = np.argsort(np.where(np.isfinite(row), -row, np.inf), kind="stable")
    for number in order[:_SHOWN]:
        if np.isfinite(row[number]):
            name = html_parts.escape(names[number] if names else number)
            yield f"{name} {row[number]:.4g}"
