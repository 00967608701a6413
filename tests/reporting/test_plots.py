"""Plots: that they are drawn, and that they show what they are given."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from amkd.reporting import plots
from tests.support.summaries import row


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        image.load()
        return np.asarray(image.convert("RGB"))


def is_drawn(pixels: np.ndarray) -> bool:
    """Not one colour, and more of it than a frame."""
    return (
        len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10 and np.mean(pixels.min(-1) < 250) > 0.01
    )


@pytest.mark.parametrize("known", [True, False], ids=["teacher known", "teacher unknown"])
def test_the_accuracy_plot_is_drawn(tmp_path: Path, known: bool) -> None:
    rows = [
        row(number, 200 + 100 * number, **({} if known else {"agreement": None}))
        for number in range(4)
    ]
    path = tmp_path / "plots" / "accuracy.png"
    plots.accuracy_curve(rows, 0.9 if known else None, title="active_mixup on digits", path=path)
    assert is_drawn(picture(path))


def test_the_accuracy_plot_shows_the_values(tmp_path: Path) -> None:
    low, high = (
        [row(0, 200, student_accuracy=a), row(1, 300, student_accuracy=b)]
        for a, b in ((0.1, 0.9), (0.9, 0.1))
    )
    plots.accuracy_curve(low, None, title="", path=tmp_path / "low.png")
    plots.accuracy_curve(high, None, title="", path=tmp_path / "high.png")
    assert not np.array_equal(picture(tmp_path / "low.png"), picture(tmp_path / "high.png"))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 7])
def test_the_contact_sheet_is_drawn(tmp_path: Path, channels: int, count: int) -> None:
    rng = np.random.default_rng(0)

    def image() -> np.ndarray:
        return rng.integers(0, 256, (8, 8, channels), np.uint8)

    mixes = [
        plots.ShownMix((image(), image(), image()), 0.5, score, rng.dirichlet(np.ones(10)))
        for score in (np.nan, *np.linspace(0.3, 0.9, count - 1))
    ]
    path = tmp_path / "plots" / "round_01.png"
    plots.contact_sheet(mixes, "round 1", path)
    assert is_drawn(picture(path))


def test_the_contact_sheet_shows_the_images(tmp_path: Path) -> None:
    """A red, a green and a blue image are seen as such, side by side and in this order."""
    flat = [np.zeros((8, 8, 3), np.uint8) for _ in range(3)]
    for channel, image in enumerate(flat):
        image[..., channel] = 255
    mix = plots.ShownMix((flat[0], flat[1], flat[2]), 1.0, 0.0, np.full(4, 0.25))
    path = tmp_path / "sheet.png"
    plots.contact_sheet([mix], "", path)
    pixels = picture(path).astype(int)
    centres = []
    for channel in range(3):
        others = [c for c in range(3) if c != channel]
        mask = (pixels[..., channel] > 200) & (pixels[..., others].max(-1) < 60)
        assert mask.sum() > 500
        centres.append(np.nonzero(mask)[1].mean())
    assert centres == sorted(centres)


def test_mixes_of_one_score_can_be_drawn(tmp_path: Path) -> None:
    """With two classes, the lowest C2 are all next to .5: a few steps of float32 apart."""
    scores = np.float32(0.5) + np.arange(5, dtype=np.float32) * np.float32(6e-8)
    lams = np.linspace(0.3, 0.7, 5, dtype=np.float32)
    plots.score_histograms(
        [(scores, lams), (np.full(5, np.nan, np.float32), lams)], tmp_path / "chosen.png"
    )
    assert (tmp_path / "chosen.png").stat().st_size > 5000
