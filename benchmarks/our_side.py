"""amkd's own paths, as a run drives them: the only place of the benchmarks that touches their arguments."""

import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from amkd import mixing, models, pairs, search, settings, student
from configs import default
from tests import plain

SHAPES = {"lenet5": (28, 28, 1), "lenet5_half": (28, 28, 1), "resnet18_224": (224, 224, 3)}
CLASSES = 10


class Enough(Exception):
    """The scan has run for long enough."""


@dataclasses.dataclass
class Setup:
    """A student and its images.

    Attributes:
      model: name of the network.
      images: ``uint8[N, H, W, C]``.
      variables: of the network, on the host; no weight and no running statistic at its initial value.
    """

    model: str
    images: np.ndarray
    variables: Any

    @property
    def network(self) -> models.Network:
        """The network, in float32."""
        return models.build(self.model, CLASSES, self.images.shape[1:])


def setup(model: str, n: int, seed: int = 0) -> Setup:
    """A student with random weights and ``n`` images of noise, of the size that the model is used with."""
    shape = SHAPES.get(model, (32, 32, 3))
    network = models.build(model, CLASSES, shape)
    shapes = jax.eval_shape(lambda: student.init(network, shape, jax.random.key(0)))
    images = np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)
    return Setup(model, images, plain.random_variables(shapes, seed))


def grid(lams: int) -> np.ndarray:
    """The lambda grid, in units of 1/65536: ``int32[L]``."""
    group = search_settings()
    return mixing.lambda_grid(group.lam_low, group.lam_high, lams or group.lam_count)


def search_settings() -> Any:
    """The ``search.*`` group as shipped."""
    return settings.from_config(default.get_config().to_dict()).search


def choose(setup: Setup, k: int, lams: int, progress: Any, pool: pairs.Pool | None = None) -> search.Choice:
    """A round's real search: the k pairs of lowest C2 over the grid, of all pairs unless a pool is given."""
    return search.active_mixup(
        search.Task(
            images=setup.images,
            pool=pool or pairs.make_pool(len(setup.images), 0, 0),
            chosen=np.empty(0, np.int64),
            k=k,
            stream=(0, 1),
            network=setup.network,
            variables=setup.variables,
            settings=dataclasses.replace(search_settings(), lam_count=lams),
            progress=progress,
        )
    )


def scan(setup: Setup, k: int, lams: int, seconds: float) -> tuple[int, float]:
    """Searches the whole pool for about so long; pairs scored, and seconds that they took.

    The clock starts when the first chunk is done, with the others already under way: what is counted is the steady
    rate of a search of any length, without its start.
    """
    done, began, ended = 0, 0.0, 0.0

    def progress(count: int) -> None:
        nonlocal done, began, ended
        ended = time.perf_counter()
        if began == 0:
            began = ended
            return
        done += count
        if ended - began >= seconds:
            raise Enough

    try:
        choose(setup, k, lams, progress)
    except Enough:
        settle()
    return done, ended - began


def settle(longest: float = 60.0) -> None:
    """Waits until this process no longer computes: chunks under way cannot be called back."""
    until = time.perf_counter() + longest
    while time.perf_counter() < until:
        busy, began = time.process_time(), time.perf_counter()
        time.sleep(0.05)
        if time.process_time() - busy < 0.2 * (time.perf_counter() - began):
            return


def matrix_rate(size: int) -> float:
    """FLOP/s of the fastest of several float32 products of square matrices."""
    a = jnp.asarray(np.random.default_rng(0).random((size, size), np.float32))
    product = jax.jit(lambda a: jnp.matmul(a, a, precision="highest"))
    times = []
    for _ in range(6):
        began = time.perf_counter()
        product(a).block_until_ready()
        times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times[1:])
