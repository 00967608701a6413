"""What a run will ask, cost and need, before anything is asked: ``--mode=plan``."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from amkd import (
    compilation,
    devices,
    distill,
    feasibility,
    images,
    keys,
    ledger,
    models,
    pairs,
    querying,
    recipe,
    screening,
    search,
    training,
    training_set,
    workdir,
)
from amkd.errors import UserError
from amkd.ledger import accounts, reader
from amkd.settings import Settings
from amkd.stopping import StopSignal
from amkd.teachers import Teacher, kinds, local

_Found = TypeVar("_Found")
_SAMPLE = 512  # real images on which speed is measured
_TIMED = 1.0  # seconds, at least, over which scoring is timed


class Held(NamedTuple):
    """What the ledger holds already.

    Attributes:
      images: real and judging images whose answers are there.
      mixes: mixes whose answers this run has had.
      spent: what this run has spent.
    """

    images: int = 0
    mixes: int = 0
    spent: float = 0.0

    @property
    def answers(self) -> int:
        """Answers that will not be asked for again."""
        return self.images + self.mixes


class Bill(NamedTuple):
    """What will be sent.

    Attributes:
      total: images whose answers the run uses.
      judging: images that judge the student; 0 if the teacher is not asked about them.
      both: real images that judge, too: they are sent once.
      held: what is there already.
      price: of one image.
      currency: what the price is counted in.
    """

    total: int
    judging: int
    both: int
    held: Held
    price: float
    currency: str

    @property
    def to_send(self) -> int:
        """Images to be sent, at most: mixes that another run happened to ask for are found, too."""
        return self.total + self.judging - self.both - self.held.answers

    @property
    def cost(self) -> float:
        """Of what is to be sent."""
        return self.to_send * self.price


class Speed(NamedTuple):
    """Measured on this machine with the configured student, compilation left out.

    Attributes:
      evaluations: images scored in a second.
      trained: images trained on in a second.
      activation_bytes: of one image after the student's stem.
    """

    evaluations: float
    trained: float
    activation_bytes: int


def report(config: Settings, folder: Path | None, stop: StopSignal) -> str:
    """The plan as text; asks the teacher nothing.

    Raises:
      UserError: everything that is wrong, at once.
    """
    problems: list[str] = []

    def attempt(step: Callable[[], _Found]) -> _Found | None:
        try:
            return step()
        except UserError as error:
            problems.append(str(error))
            return None

    attempt(lambda: feasibility.check_devices(config, devices.count()))
    data = attempt(lambda: distill.load_data(config))
    if data is not None:
        attempt(lambda: feasibility.check_data(config, data))
        attempt(lambda: models.build(config.student, data.classes, data.shape))
        teacher = attempt(lambda: _teacher(config, data, stop))
        wanted = config.way.real_images(config.n_real, data.pool_size)
        # With too few to draw from, they are counted all the same: the bill may be a problem of its own.
        real = images.draw_real(data, wanted if wanted <= data.pool_size else 0, config.seed)
        held = attempt(lambda: _held(config, data, real, folder, teacher))
        bill = make_bill(config, data, real, held or Held())
        attempt(lambda: _check_cost(config, bill))
    if data is None or problems:
        raise UserError("the plan cannot work:\n" + "\n".join(f"  {line}" for line in problems))
    speed = measure(config, data, real)
    return "\n".join([*_queries(config, data, teacher, bill), "", *_work(config, data, real, speed)])


def _teacher(config: Settings, data: images.DataSet, stop: StopSignal) -> Teacher | None:
    """The teacher, where there is one without training it first."""
    if config.teacher.kind == "flax":
        place = local.place(config.teacher, data, Path(config.cache_dir).expanduser())
        if not place.exists():
            return None
    return kinds.load(config, data, stop)


def _held(
    config: Settings, data: images.DataSet, real: np.ndarray, folder: Path | None, teacher: Teacher | None
) -> Held:
    """What the ledger holds; a workdir of this run adds what it has used.

    Raises:
      UserError: the workdir is of another run, or the ledger is damaged.
    """
    run = workdir.owner(config, folder) if folder else ""
    if teacher is None:
        return Held()
    if folder and (folder / "config.json").exists():
        workdir.claim(config, folder, run, teacher.identity, data.key)  # which then only checks
    if folder is None and not config.ledger.path:
        return Held()
    path = workdir.ledger_path(config, folder or Path())
    if not path.exists():
        return Held()
    with reader.opened(path) as book:
        named = _digests(real) | _digests(_judging(config, data))
        mixes = accounts.used(book, run, querying.DISTILL, teacher.identity) - named
        return Held(accounts.held(book, teacher.identity, named), len(mixes), accounts.spent(book, run))


def _digests(pictures: np.ndarray) -> set[bytes]:
    """Addresses of images: copies of one image have one."""
    return {ledger.digest(image) for image in pictures}


def _judging(config: Settings, data: images.DataSet) -> np.ndarray:
    return data.test_images if config.asks_for_evaluation(data.test_labels is not None) else data.test_images[:0]


def make_bill(config: Settings, data: images.DataSet, real: np.ndarray, held: Held) -> Bill:
    """What will be sent: images that occur twice are sent once.

    Args:
      config: the settings.
      data: the data set.
      real: ``uint8[N, H, W, C]``, the real images; none where there are too few to draw them from.
      held: what is there already.
    """
    addresses, judging = _digests(real), _digests(_judging(config, data))
    copies = len(real) - len(addresses)
    total = config.way.real_images(config.n_real, data.pool_size) - copies + sum(config.queries_per_round())
    both = len(addresses & judging)
    return Bill(total, len(judging), both, held, config.teacher.price, config.teacher.currency)


def _check_cost(config: Settings, bill: Bill) -> None:
    limit, spent = config.teacher.max_cost, bill.held.spent
    if limit and spent + bill.cost > limit * (1 + 1e-9):
        before = f", and {spent:,.2f} are spent already" if spent else ""
        raise UserError(
            f"config.teacher.max_cost={limit:g}: {bill.to_send:,} images at {bill.price:g} cost {bill.cost:,.2f}"
            f" {bill.currency}{before}; raise it, or lower budget"
        )


def _queries(config: Settings, data: images.DataSet, teacher: Teacher | None, bill: Bill) -> Iterator[str]:
    yield f"teacher              {teacher.identity if teacher else 'a local one, to be trained first'}"
    yield f"images to draw from  {data.pool_size} of {data.shape[0]}x{data.shape[1]}x{data.shape[2]} pixels"
    ks = config.queries_per_round()
    yield f"real images          {config.way.real_images(config.n_real, data.pool_size)}"
    yield f"pairs                {_pool(config) if ks else 0:,}"
    yield f"rounds               {len(ks)} after round 0" + (f", of k = {', '.join(map(str, ks))}" if ks else "")
    yield f"queries              {bill.total:,} (round 0: {bill.total - sum(ks):,})"
    judged = "held-out pictures" if data.test_labels is None else "test images"
    yield f"evaluation queries   {bill.judging:,} ({judged}; not in the budget)"
    yield f"in the ledger        {bill.held.answers:,} of these, which will not be asked again"
    yield f"to be sent           {bill.to_send:,}"
    if bill.price:
        yield f"cost                 {bill.cost:,.2f} {bill.currency} ({bill.price:g} an image)"
    else:
        yield "cost                 not known: set --config.teacher.price"


def _pool(config: Settings) -> int:
    count = pairs.count(config.n_real)
    return min(count, config.search.max_pairs or count)


class Round(NamedTuple):
    """The work of one round.

    Attributes:
      queries: records in its training set.
      evaluations: of the last round's student, by the search.
      trained: images trained on.
    """

    queries: int
    evaluations: int
    trained: int


def make_rounds(config: Settings, n: int) -> list[Round]:
    """The work of every round with so many real images, round 0 first."""
    chosen = [0, *itertools.accumulate(config.queries_per_round())]
    ks, pool = config.queries_per_round(), _pool(config)
    evaluations = [0, *(_evaluations(config, pool - gone, k) for gone, k in zip(chosen, ks, strict=False))]
    sizes = [n + before for before in chosen]
    trained = [recipe.epochs(config.train, size) * size for size in sizes]
    return [Round(*row) for row in zip(sizes, evaluations, trained, strict=True)]


def _evaluations(config: Settings, left: int, k: int) -> int:
    """Of the student, to choose k of so many pairs; a screened search may turn out to need more."""
    if config.method == "random_mixup":
        return 0
    if config.method == "active_mixup" and config.search.minimiser == "screened":
        return screening.plan(config.search, left, k).evaluations
    return search.minimiser(config.search).evaluations * left


def _work(config: Settings, data: images.DataSet, real: np.ndarray, speed: Speed) -> Iterator[str]:
    rounds = make_rounds(config, len(real))
    evaluations, trained = sum(one.evaluations for one in rounds), sum(one.trained for one in rounds)
    memory = _memory(config, data, real, speed.activation_bytes)
    yield f"search evaluations   {evaluations:,} ({_lasts(evaluations, speed.evaluations)})"
    yield f"training             {trained:,} images ({_lasts(trained, speed.trained)})"
    yield f"memory               about {memory / 2**20:,.0f} MiB for the data, beside the program's own"
    yield f"measured on          {devices.describe()}"
    yield ""
    yield f"{'round':<8}{'queries':>9}{'search':>16}{'training':>16}"
    for number, one in enumerate(rounds):
        scored, fitted = _span(one.evaluations / speed.evaluations), _span(one.trained / speed.trained)
        yield f"{number:<8}{one.queries:>9,}{scored:>16}{fitted:>16}"


def _memory(config: Settings, data: images.DataSet, real: np.ndarray, activation: int) -> int:
    """Bytes that grow with the configuration, on host and device: images, their table, the training set."""
    table = activation * len(real)
    scored = table if table <= config.search.table_bytes else 4 * real.size
    answers = config.budget * (4 * data.classes + 12)
    return 2 * real.nbytes + 2 * scored + 3 * answers + data.test_images.nbytes


def _lasts(work: int, speed: float) -> str:
    return f"about {_span(work / speed)} at {speed:,.0f} a second"


def _span(seconds: float) -> str:
    units = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
    size, name = next((unit for unit in units if seconds >= 2 * unit[0]), units[-1])
    return f"{seconds / size:.0f} {name}"


def measure(config: Settings, data: images.DataSet, real: np.ndarray) -> Speed:
    """Scores and trains a little with a fresh student, to learn how fast this machine is."""
    some = real[:_SAMPLE]
    network = models.build(config.student, data.classes, data.shape)
    variables = devices.init(network, data.shape, keys.key(config.seed, 0, keys.Purpose.INIT))
    return Speed(
        _scored_per_second(config, network, variables, some),
        _trained_per_second(config, data, some),
        devices.stem_bytes(network, variables, data.shape),
    )


def _scored_per_second(config: Settings, network: models.Network, variables: Any, some: np.ndarray) -> float:
    # The shortest dispatch, as often as it takes to be timed: large students score few pairs a second.
    minimiser, plan = search.minimiser(config.search), config.search
    k = max(config.queries_per_round(), default=1)
    scorer = devices.Search(network, variables, some, minimiser, k, 1, plan.tile, plan.table_bytes)
    i, j = pairs.pair_of(np.arange(scorer.length) % pairs.count(len(some)), len(some))
    scorer.add(i, j)()  # compiles
    scored, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < _TIMED:
        scored += scorer.add(i, j)() * minimiser.evaluations
    return scored / passed


def _trained_per_second(config: Settings, data: images.DataSet, some: np.ndarray) -> float:
    count = min(len(some), 4 * config.train.batch_size)
    answers = np.full((count, data.classes), 1 / data.classes, np.float32)
    whole = training_set.make(some, training_set.real(count), answers, count)
    network = models.build(config.student, data.classes, data.shape, config.train.dtype, compilation.AXIS)
    key = keys.key(config.seed, 0, keys.Purpose.INIT)
    variables = jax.device_get(devices.init(network, data.shape, key))  # training uses up what is on a device

    def seconds(epochs: int) -> float:
        """Of so many epochs after a first one, which may compile."""
        ends: list[float] = []
        plan = dataclasses.replace(config.train, epochs=epochs + 1, min_steps=0)
        state = training.start(plan, variables)
        note = lambda *_: ends.append(time.perf_counter())  # noqa: E731
        training.fit(network, plan, state, whole, count, (config.seed, 0), 0, note)
        return ends[-1] - ends[0]

    epochs = max(round(_TIMED / seconds(1)), 1)
    return count * epochs / seconds(epochs)
