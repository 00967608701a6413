"""Measures how fast a folder of photographs is decoded, compared with a plain Pillow loop.

It makes photographs of different sizes in a temporary folder, then times, in one run, several
methods to decode them into a uint8 array: Pillow's open, convert and resize one by one; this
package's decoder one by one and in processes; ``folder.load`` with an empty cache; and
``folder.load`` again.

    python benchmarks/decode.py --photos=10000 --size=64
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from amkd.data import folder, threads
from amkd.data.decoding import DecodeOptions, decode

LARGEST = 1600
SMALLEST = 320


def make(place: Path, photos: int) -> None:
    """Writes photographs: coarse and fine noise over a gradient, with sides of 320 to 1600 pixels,
    JPEG quality 90.
    """
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (60, 60, 3), np.uint8)).resize(
        (2 * LARGEST,) * 2, Image.BICUBIC
    )
    fine = rng.normal(0, 6, (2 * LARGEST, 2 * LARGEST, 1))
    ramp = np.linspace(-40, 40, 2 * LARGEST)[:, None, None]
    world = np.clip(np.asarray(coarse) + fine + ramp, 0, 255).astype(np.uint8)

    def write(number: int) -> None:
        draw = np.random.default_rng(number)
        width, height = draw.integers(SMALLEST, LARGEST + 1, 2)
        left, top = draw.integers(0, LARGEST, 2)
        photo = world[top : top + height, left : left + width]
        Image.fromarray(photo).save(place / f"{number % 100:02d}" / f"{number:06d}.jpg", quality=90)

    for number in range(100):
        (place / f"{number:02d}").mkdir()
    for _ in threads.map_in_order(write, range(photos), "make photos"):
        pass


def plain(paths: list[Path], size: int) -> np.ndarray:
    """Decodes with a plain Pillow loop: ``uint8[M, size, size, 3]``."""
    return np.stack(
        [np.asarray(Image.open(path).convert("RGB").resize((size, size))) for path in paths]
    )


def one_by_one(paths: list[Path], options: DecodeOptions) -> np.ndarray:
    """Decodes with this package in one thread: ``uint8[M, size, size, 3]``."""
    return np.stack([decode(path, options) for path in paths])


def in_processes(paths: list[Path], options: DecodeOptions) -> np.ndarray:
    """Decodes with this package in one process for each core: ``uint8[M, size, size, 3]``."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(partial(decode, options=options), paths, chunksize=16)))


def timed(what: str, work: Callable[[], object], against: float | None = None) -> float:
    """Returns the seconds that ``work`` takes; prints them, its CPU seconds, and how many times
    faster than ``against`` it is.
    """
    start, busy = time.perf_counter(), sum(os.times()[:4])
    work()
    seconds, busy = time.perf_counter() - start, sum(os.times()[:4]) - busy
    ratio = "" if against is None else f"{against / seconds:10.1f} x"
    print(f"{what:<34}{seconds:10.2f} s{busy:10.2f} s of CPU{ratio}", flush=True)
    return seconds


def main() -> None:
    """Makes the photographs, times every method, and cleans up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=64)
    flags = parser.parse_args()
    options = DecodeOptions(flags.size, "stretch", "rgb", "refuse")
    with tempfile.TemporaryDirectory() as scratch:
        place, cache = Path(scratch) / "photos", Path(scratch) / "cache"
        place.mkdir()
        make(place, flags.photos)
        paths = sorted(place.rglob("*.jpg"))
        volume = sum(path.stat().st_size for path in paths) / 2**20
        print(
            f"{len(paths):,} photos, {volume:,.0f} MiB, to {flags.size} x {flags.size},"
            f" {os.cpu_count()} cores"
        )
        slow = timed("plain Pillow loop", lambda: plain(paths, flags.size))
        timed("decode, one by one", lambda: one_by_one(paths, options), slow)
        timed("decode, in processes", lambda: in_processes(paths, options), slow)
        timed("folder.load, cold (threads)", lambda: folder.load(place, options, cache), slow)
        timed("folder.load, warm", lambda: folder.load(place, options, cache), slow)


if __name__ == "__main__":
    main()
