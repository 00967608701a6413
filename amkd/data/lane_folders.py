"""Road images with lanes in folders, as the benchmarks TuSimple and CULane are published.

Images are stretched to ``data.size`` and ``data.width``, and the lanes with them. Figures are
measured at that size, at the rows of the task: they differ from those of the official programs.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.config.data import DataSettings
from amkd.core.digest import array_digest
from amkd.core.errors import UserError
from amkd.core.redaction import bare_url
from amkd.data import decoding, folder, image_files, lane_files, own_images, remote, threads
from amkd.data.dataset import DataSet
from amkd.data.lane_files import Annotated
from amkd.data.lazy_images import LazyImages
from amkd.tasks import LaneTask
from amkd.tasks.lanes import FEWEST

_SLOTS = 4
# Rows of the anchors as shares of the height: every second row of TuSimple's own; the lower part
# of CULane.
_ANCHORS = {
    "tusimple": np.arange(160, 711, 20) / 720,
    "culane": np.arange(250, 590, 20) / 590,
}
_NEAR, _DRAWN = 20 / 1280, 30 / 1640  # shares of the width: TuSimple's and CULane's


class _Part(NamedTuple):
    """Images with their lanes: ``uint8[M, H, W, 3]``, ``float32[M, L, R]``, and an identity."""

    images: np.ndarray
    labels: np.ndarray
    key: str


def load(dataset: str, settings: DataSettings, *, seed: int, cache_dir: Path) -> DataSet:
    """Loads a folder; if it lists no test images, ``data.held_out`` of the others are test images.

    Args:
      dataset: ``tusimple`` or ``culane``.
      settings: the ``data.*`` group.
      seed: the run's seed; decides which images are held out.
      cache_dir: where decoded images are kept.

    Raises:
      UserError: an annotation or an image file cannot be used, or there are too few images.
    """
    if remote.is_remote(settings.folder):
        raise UserError(
            f"config.data.folder={bare_url(settings.folder)!r}: images with lanes must be on this"
            " machine; copy them into a folder and name it"
        )
    root = Path(settings.folder).expanduser()
    train, test = lane_files.listed(dataset, root)
    task = task_of(dataset, settings)
    own = _part(root, train, task, settings, cache_dir)
    data = DataSet(
        name=dataset,
        classes=task.length,
        teacher_images=own.images,
        teacher_labels=own.labels,
        pool_images=own.images,
        pool_labels=own.labels,
        test_images=own.images[:0],
        test_labels=own.labels[:0],
        key=own.key,
        task=task,
    )
    if not test:
        data = _held_out(data, settings.held_out, seed)
    else:
        part = _part(root, test, task, settings, cache_dir)
        key = f"{own.key}+{part.key}"
        data = dataclasses.replace(data, test_images=part.images, test_labels=part.labels, key=key)
    return own_images.exclude_copies(own_images.limit_test_images(data, settings.test_images))


def task_of(dataset: str, settings: DataSettings) -> LaneTask:
    """Returns the task of a benchmark at the configured size."""
    height, width, _ = own_images.decode_options(settings).shape
    rows = sorted({int(row) for row in _ANCHORS[dataset] * height})
    return LaneTask(
        slots=_SLOTS,
        anchors=tuple(rows),
        columns=max(min(100, width // 2), 2),
        height=height,
        width=width,
        near=_NEAR * width,
        drawn=_DRAWN * width,
    )


def _held_out(data: DataSet, count: int, seed: int) -> DataSet:
    total = len(data.pool_images)
    if count > total - 2:
        raise own_images.too_many_held_out(count, total)
    held_out, left = own_images.hold_out(total, count, seed)
    assert data.pool_labels is not None
    return dataclasses.replace(
        data,
        # Not a copy in memory: the images of CULane are larger than that.
        teacher_images=LazyImages(data.pool_images[:0], data.pool_images, left),
        teacher_labels=data.pool_labels[left],
        pool_indices=left,
        test_images=np.asarray(data.pool_images[held_out]),
        test_labels=data.pool_labels[held_out],
    )


def _part(
    root: Path,
    annotated: Sequence[Annotated],
    task: LaneTask,
    settings: DataSettings,
    cache_dir: Path,
) -> _Part:
    lanes = {one.path: one.lanes for one in annotated}
    found = image_files.identify(root, sorted(lanes), cache_dir)
    options = own_images.decode_options(settings)
    cached = folder.decoded(root, found, options, cache_dir, drop_duplicates=False)
    read = threads.map_in_order(
        lambda path: _labels(root / path, lanes[path], task), cached.paths, "read sizes"
    )
    labels = np.stack(list(read))
    return _Part(cached.images, labels, f"{cached.key}:{array_digest(labels)}")


def _labels(path: Path, lanes: Iterable[np.ndarray], task: LaneTask) -> np.ndarray:
    width, height = decoding.size_as_shown(path)
    scale = np.array([task.width / width, task.height / height])
    return in_slots([lane * scale for lane in lanes], task)


def in_slots(lanes: Sequence[np.ndarray], task: LaneTask) -> np.ndarray:
    """Returns the columns of lanes at the anchors, each in its slot: ``float32[L, R]``.

    Each lane is extended in a straight line to the lower edge. On each side of the middle, the two
    lanes that end nearest to the middle get a slot. Other lanes are left out (our own rule). So are
    lanes that are seen at only one anchor, or at none: no answer can contain them.

    Args:
      lanes: ``float64[P, 2]`` each: column and row of its points, in pixels of the run's images.
      task: the task.
    """
    found = np.full((task.slots, len(task.anchors)), np.nan, np.float32)
    half, middle = task.slots // 2, task.width / 2
    columns = [_at(lane, task) for lane in lanes]
    feet = sorted(
        (_foot(lane, task.height), number)
        for number, lane in enumerate(lanes)
        if (~np.isnan(columns[number])).sum() >= FEWEST
    )
    left = [number for x, number in feet if x < middle][-half:]
    right = [number for x, number in feet if x >= middle][:half]
    slots = [*range(half - len(left), half), *range(half, half + len(right))]
    for slot, number in zip(slots, [*left, *right], strict=True):
        found[slot] = columns[number]
    return found


def _foot(lane: np.ndarray, height: int) -> float:
    """Returns the column at which a lane meets the lower edge."""
    (x, y), (lower_x, lower_y) = lane[np.argsort(lane[:, 1], kind="stable")][-2:]
    slope = (lower_x - x) / (lower_y - y) if lower_y > y else 0.0
    return float(lower_x + slope * (height - lower_y))


def _at(lane: np.ndarray, task: LaneTask) -> np.ndarray:
    lane = lane[np.argsort(lane[:, 1], kind="stable")]
    x = np.interp(task.anchors, lane[:, 1], lane[:, 0], left=np.nan, right=np.nan)
    return np.where((x >= 0) & (x < task.width), x, np.nan)
