"""Road images with up to four lanes, made here: nothing to download.

Each image is a flat road in perspective, with curvature, solid and dashed lines, shadows, other
cars that hide lines, and night. All images are made from one fixed seed, so the data set is the
same in every run. A line is labelled where it would be visible without dashes, shadows and cars, as
in the lane benchmarks.
"""

import functools
from typing import NamedTuple

import numpy as np

from amkd.core import keys
from amkd.data.dataset import DataSet
from amkd.tasks import LaneTask

HEIGHT, WIDTH = 48, 80
# Few pixels per image: a point counts as near within 2.5 of 80 pixels (TuSimple: 20 of 1,280),
# and lanes are compared at a width of 4 (CULane: 30 of 1,640).
TASK = LaneTask(
    slots=4,
    anchors=tuple(range(14, HEIGHT, 3)),
    columns=20,
    height=HEIGHT,
    width=WIDTH,
    near=2.5,
    drawn=4.0,
)

_TRAIN, _TEST = 2000, 500
_BLOCK = 25  # images made at once: few, so that they stay in a processor's cache
_VERSION = 1  # increase it when the images change
_ROWS = np.arange(HEIGHT) + 0.5
_COLUMNS = np.arange(WIDTH) + 0.5


class Road(NamedTuple):
    """The shape of B roads.

    Attributes:
      depth: ``float64[B, H]``, 0 at the horizon and 1 at the lower edge; below 0 in the sky.
      x: ``float64[B, 4, H]``, columns of the four lines in each row.
      there: ``bool[B, 4]``, whether each line exists.
    """

    depth: np.ndarray
    x: np.ndarray
    there: np.ndarray


@functools.cache
def load() -> DataSet:
    """Makes the data set: 2,000 images to draw from, and 500 test images."""
    return data_set(*make(_TRAIN + _TEST, keys.rng(0, 0, keys.Purpose.ROADS)), _TRAIN)


def data_set(images: np.ndarray, labels: np.ndarray, train: int) -> DataSet:
    """Returns a data set of such images; the first ``train`` are those to draw from."""
    return DataSet(
        name="roads",
        classes=TASK.length,
        teacher_images=images[:train],
        teacher_labels=labels[:train],
        pool_images=images[:train],
        pool_labels=labels[:train],
        test_images=images[train:],
        test_labels=labels[train:],
        key=f"roads-{_VERSION}",
        task=TASK,
    )


def make(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Makes images and their lanes: ``uint8[M, 48, 80, 3]`` and ``float32[M, 4, 12]``."""
    parts = [_block(min(_BLOCK, count - start), rng) for start in range(0, count, _BLOCK)]
    images, labels = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _block(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    road = _road(count, rng)
    pixels = _ground(road, rng)
    pixels = _lines(pixels, road, rng)
    pixels = _cars(pixels, road, rng)
    pixels = _shadows(pixels, road, rng)
    pixels = _night(pixels, road, rng)
    pixels += 6 * rng.standard_normal(pixels.shape, np.float32)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8), _labels(road)


def _road(count: int, rng: np.random.Generator) -> Road:
    """Draws horizon, vanishing point, curvature, width, and the car's place in its lane.

    The camera is fixed in the car, as in the lane benchmarks: the horizon hardly moves.
    """
    horizon, vanishing = rng.uniform(10, 12, count), rng.normal(40, 4, count)
    depth = (_ROWS - horizon[:, None]) / (HEIGHT - horizon[:, None])
    width, place = rng.uniform(32, 38, count), rng.normal(0, 0.12, count)
    bend = rng.normal(0, 12, count)
    far = np.clip(1 - depth, 0, 1)
    middle = vanishing[:, None] * far + WIDTH / 2 * (1 - far) + bend[:, None] * far**2 * depth
    numbers = np.arange(4) - 1.5
    across = (numbers + place[:, None]) * width[:, None]
    x = middle[:, None] + across[..., None] * depth[:, None]
    there = rng.random((count, 4)) < (0.55, 0.95, 0.95, 0.55)
    there[:, 1] |= ~there.any(1)
    return Road(depth, x, there)


def _labels(road: Road) -> np.ndarray:
    """Returns the lines' columns at the anchors, NaN above the horizon and outside the image."""
    at = list(TASK.anchors)
    x, depth = road.x[..., at], road.depth[:, None, at]
    seen = road.there[..., None] & (depth > 0.05) & (x >= 0) & (x < WIDTH)
    seen &= seen.sum(-1, keepdims=True) >= 2
    return np.where(seen, x, np.nan).astype(np.float32)


def _ground(road: Road, rng: np.random.Generator) -> np.ndarray:
    """Paints sky, ground, and the road between its outer edges: ``float32[B, H, W, 3]``."""
    count = len(road.depth)
    shade = rng.uniform(70, 130, (count, 1, 1, 1))
    tint = rng.uniform((70, 90, 40), (150, 150, 110), (count, 3))[:, None, None]
    sky = rng.uniform((120, 150, 180), (210, 220, 250), (count, 3))[:, None, None]
    left, right = (road.x[:, line][..., None] for line in (0, 3))
    margin = 6 * road.depth[..., None]
    on_road = (left - margin < _COLUMNS) & (right + margin > _COLUMNS)
    pixels = np.where(on_road[..., None], shade, tint)
    texture = 8 * rng.standard_normal((count, HEIGHT, WIDTH, 1), np.float32)
    ground = pixels.astype(np.float32) + texture
    return np.where((road.depth > 0)[:, :, None, None], ground, sky.astype(np.float32))


def _lines(pixels: np.ndarray, road: Road, rng: np.random.Generator) -> np.ndarray:
    """Paints the lines: solid or dashed, white or yellow, fresh or worn."""
    count = len(pixels)
    ahead = 1 / np.clip(road.depth, 0.05, None)  # distance, up to a factor
    period = rng.uniform(0.5, 1.5, (count, 4, 1))
    on = (ahead[:, None] / period + rng.random((count, 4, 1))) % 1 < 0.55
    on |= rng.random((count, 4, 1)) < 0.45  # solid
    fresh = rng.uniform(0.25, 1, (count, 4, 1))
    half = np.clip(rng.uniform(0.8, 1.5, (count, 4, 1)) * road.depth[:, None], 0.4, None)
    yellow = rng.random((count, 4)) < 0.25
    for line in range(4):
        distance = np.abs(_COLUMNS - road.x[:, line][..., None])
        cover = np.clip(half[:, line][..., None] + 0.5 - distance, 0, 1)
        visible = road.there[:, line, None] & on[:, line] & (road.depth > 0.03)
        weight = (cover * (visible * fresh[:, line])[..., None])[..., None].astype(np.float32)
        colour = np.where(yellow[:, line, None], (225, 190, 70), (235, 235, 235))[:, None, None]
        pixels = pixels + (colour.astype(np.float32) - pixels) * weight
    return pixels


def _cars(pixels: np.ndarray, road: Road, rng: np.random.Generator) -> np.ndarray:
    """Paints up to three cars, the farthest first; each hides what is behind it."""
    count, rows = len(pixels), np.arange(HEIGHT)
    depths = np.sort(rng.uniform(0.12, 0.75, (count, 3)), 1)
    for car in range(3):
        here = rng.random(count) < 0.4
        row = np.abs(road.depth - depths[:, car, None]).argmin(1)
        across = rng.uniform(0.3, 2.7, count)
        line, share = across.astype(int), across % 1
        every = np.arange(count)
        left, right = road.x[every, line, row], road.x[every, line + 1, row]
        middle, width = left + share * (right - left), 0.65 * (right - left)
        inside = np.abs(_COLUMNS - middle[:, None]) < width[:, None] / 2
        tall = (rows <= row[:, None]) & (rows > (row - 0.8 * width)[:, None])
        body = (here[:, None, None] & tall[..., None] & inside[:, None])[..., None]
        colour = rng.uniform(20, 230, (count, 1, 1, 3)).astype(np.float32)
        pixels = np.where(body, colour, pixels)
    return pixels


def _shadows(pixels: np.ndarray, road: Road, rng: np.random.Generator) -> np.ndarray:
    """Darkens an oblique band of the ground in 35% of the images, drawn at random."""
    count = len(pixels)
    here, lean = rng.random(count) < 0.35, rng.uniform(-0.6, 0.6, count)
    middle, width = rng.uniform(15, HEIGHT, count), rng.uniform(6, 18, count)
    along = _ROWS[:, None] + lean[:, None, None] * (_COLUMNS - WIDTH / 2)
    dark = np.abs(along - middle[:, None, None]) < width[:, None, None] / 2
    dark &= here[:, None, None] & (road.depth > 0)[..., None]
    return np.where(dark[..., None], np.float32(0.45) * pixels, pixels)


def _night(pixels: np.ndarray, road: Road, rng: np.random.Generator) -> np.ndarray:
    """Darkens 20% of the images, drawn at random, except in the light of the car's own lamps."""
    count = len(pixels)
    here = rng.random(count) < 0.2
    level = rng.uniform(0.12, 0.3, (count, 1, 1))
    near = np.clip(road.depth, 0, 1)[..., None] - ((_COLUMNS - WIDTH / 2) / WIDTH) ** 2
    light = (level + 0.35 * np.clip(near, 0, 1)).astype(np.float32)
    return np.where(here[:, None, None, None], pixels * light[..., None], pixels)
