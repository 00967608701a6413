"""Measures the memory that a run with many photographs needs: 20,000 of them at 384 pixels.

It makes JPEGs of 400 x 400 to 640 x 640 pixels, starts a run that queries a teacher with some of
them and chooses others with a pretrained student, and measures the memory of the run. The machine
must have the run's own memory (``RssAnon``); the system may drop pages of files (``RssFile``), such
as the decoded images.

It needs the student's weights, such as those of ``benchmarks.photo_set``, and disk space for the
image files and for the decoded images (9 GB for 20,000). From the repository's root:

    python -m benchmarks.many_photos --folder=/tmp/many --weights=photos/student.safetensors
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from amkd.data import threads

WORLD = 4096  # side, in pixels, of the large image from which photographs are cut
SIDES = (400, 640)
_EVERY = 0.2  # seconds between two readings of the process's memory
_MARKS = ("RssAnon", "RssFile", "VmHWM")


def answer(images: np.ndarray) -> np.ndarray:
    """Answers which quarter of an image is the brightest: a teacher that costs nothing.

    Args:
      images: ``uint8[B, H, W, 3]``.

    Returns:
      ``float32[B, 4]``.
    """
    height, width = images.shape[1] // 2, images.shape[2] // 2
    pixels = images[:, : 2 * height, : 2 * width]
    quarters = pixels.reshape(len(pixels), 2, height, 2, width, 3).mean((2, 4, 5)).reshape(-1, 4)
    scores = np.exp((quarters - quarters.max(1, keepdims=True)) / 16)
    return (scores / scores.sum(1, keepdims=True)).astype(np.float32)


def main() -> None:
    """Makes the missing photographs, runs once, and prints the peaks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="folder to work in")
    parser.add_argument("--weights", type=Path, required=True, help="of tf_efficientnet_lite0")
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("fields", nargs="*", help="further fields, as --config.NAME=VALUE after --")
    flags = parser.parse_args()
    make(flags.folder / "pictures", flags.photos)
    began = time.monotonic()
    peaks = watch(command(flags))
    found = {"photos": flags.photos, "size": flags.size, "minutes": (time.monotonic() - began) / 60}
    print(json.dumps({**found, **peaks}, indent=2))


def make(place: Path, photos: int) -> None:
    """Writes the missing photographs: coarse and fine noise, JPEG quality 85."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
    world = np.asarray(coarse.resize((WORLD, WORLD), Image.Resampling.BICUBIC), np.int16)
    fine = rng.normal(0, 6, (WORLD, WORLD, 1)).astype(np.int16)
    world = np.clip(world + fine, 0, 255).astype(np.uint8)

    def write(number: int) -> None:
        path = place / f"{number % 100:02d}" / f"{number:06d}.jpg"
        if path.exists():
            return
        draw = np.random.default_rng(number)
        width, height = draw.integers(*SIDES, 2)
        left, top = draw.integers(0, WORLD - SIDES[1], 2)
        photo = world[top : top + height, left : left + width]
        Image.fromarray(photo).save(path, quality=85)

    for number in range(100):
        (place / f"{number:02d}").mkdir(parents=True, exist_ok=True)
    for _ in threads.map_in_order(write, range(photos), "make photos"):
        pass


def command(flags: argparse.Namespace) -> list[str]:
    """Returns the command line of the run."""
    own = {
        "data.folder": flags.folder / "pictures",
        "data.classes": 4,
        "data.size": flags.size,
        "cache_dir": flags.folder / "cache",
        "n_real": 2000,
        "budget": 3000,
        "search.acquisition": "margin",
        "search.scored_images": 4000,
        "student": "tf_efficientnet_lite0",
        "student_weights": flags.weights,
        "teacher.function": "benchmarks.many_photos:answer",
    }
    fields = [f"--config.{name}={value}" for name, value in own.items()]
    start = [sys.executable, "launch.py", "--config=configs/photos.py"]
    return [*start, f"--workdir={flags.folder / 'run'}", *fields, *flags.fields]


def watch(line: list[str]) -> dict[str, float]:
    """Runs a command; returns the peaks of its process's memory, in MiB.

    Raises:
      SystemExit: the command failed.
    """
    peaks = dict.fromkeys(_MARKS, 0.0)
    with subprocess.Popen(line) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            for row in status.read_text().splitlines():
                name, _, value = row.partition(":")
                if name in peaks:
                    peaks[name] = max(peaks[name], int(value.split()[0]) / 1024)
            time.sleep(_EVERY)
    if process.returncode:
        raise SystemExit(process.returncode)
    return {f"peak {name}, MiB": round(value) for name, value in peaks.items()}


if __name__ == "__main__":
    main()
