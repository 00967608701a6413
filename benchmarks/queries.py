"""Images per second of the Open Inference Protocol teacher, compared with a bare httpx loop.

A real MLServer serves softmax regression on 8x8 digits from a separate process on loopback, so that
mainly the protocol is measured. Both sides send the same numbers and read the same answers; they
take turns, and each goes first in half of them. It prints the medians of the rates and of the
turns' ratios.

Run it from the repository's root: ``python -m benchmarks.queries``.
"""

import argparse
import concurrent.futures
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable

import httpx
import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import OipSettings
from amkd.teachers.http import oip
from amkd.teachers.http.connection import Connection
from amkd.teachers.image_spec import ImageSpec
from tests.support import model_server

Ask = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Measures every batch size and every number of simultaneous requests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=7, help="turns of each side")
    parser.add_argument("--seconds", type=float, default=1.0, help="approximate time of a turn")
    arguments = parser.parse_args()
    print(f"{'batch':>6} {'in flight':>10} {'teacher/s':>10} {'bare/s':>10} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        with model_server.serving(pathlib.Path(folder), *model_server.train()) as url:
            for in_flight in (1, 4):
                for batch in (1, 16, 64, 256):
                    teacher, plain, ratio = compare(
                        url,
                        batch,
                        in_flight,
                        turns=arguments.turns,
                        seconds=arguments.seconds,
                    )
                    print(
                        f"{batch:>6} {in_flight:>10} {teacher:>10.0f} {plain:>10.0f} {ratio:>6.2f}",
                        flush=True,
                    )


def compare(
    url: str, batch: int, in_flight: int, *, turns: int, seconds: float
) -> tuple[float, float, float]:
    """Returns the median images per second of the teacher and of the bare loop, and the median of
    their ratio.
    """
    teacher = oip.load(
        OipSettings(model="digits", version="", input="", output="scores", binary="auto"),
        connection=Connection(url, in_flight=in_flight),
        pixels=Pixels("auto", "auto"),
        images=ImageSpec((8, 8, 1), 10),
        batch=batch,
    )
    images = np.resize(model_server.digits()[0], (batch, 8, 8, 1))
    with httpx.Client(trust_env=False) as client:
        sides: list[Ask] = [teacher.ask, lambda images: bare(client, url, images)]
        np.testing.assert_allclose(sides[0](images), sides[1](images))
        first = rate(sides[1], images, count=4 * in_flight, in_flight=in_flight)
        count = max(in_flight, round(seconds * first / batch))
        pairs = [
            turn(sides, images, count=count, in_flight=in_flight, swapped=bool(number % 2))
            for number in range(turns)
        ]
    teacher.ask.close()  # type: ignore[attr-defined]
    rates = np.median(pairs, 0)
    return (
        float(rates[0]),
        float(rates[1]),
        statistics.median(ours / plain for ours, plain in pairs),
    )


def turn(
    sides: list[Ask], images: np.ndarray, *, count: int, in_flight: int, swapped: bool
) -> list[float]:
    """Returns images per second of each side; the second is measured first if ``swapped``."""
    order = sides[::-1] if swapped else sides
    found = [rate(side, images, count=count, in_flight=in_flight) for side in order]
    return found[::-1] if swapped else found


def rate(ask: Ask, images: np.ndarray, *, count: int, in_flight: int) -> float:
    """Returns images per second over ``count`` requests."""
    with concurrent.futures.ThreadPoolExecutor(in_flight) as pool:
        began = time.perf_counter()
        for _ in pool.map(ask, [images] * count):
            pass
        return count * len(images) / (time.perf_counter() - began)


def bare(client: httpx.Client, url: str, images: np.ndarray) -> np.ndarray:
    """Sends one request as in a plain loop, without any of the teacher's safety measures."""
    tensor = {
        "name": "images",
        "shape": images.shape,
        "datatype": "UINT8",
        "data": images.ravel().tolist(),
    }
    reply = client.post(
        f"{url}/v2/models/digits/infer", json={"inputs": [tensor], "outputs": [{"name": "scores"}]}
    ).json()
    output = reply["outputs"][0]
    return np.asarray(output["data"]).reshape(output["shape"])


if __name__ == "__main__":
    main()
