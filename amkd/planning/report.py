"""What a run will ask, cost and need, before anything is asked: ``--mode=plan``."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from amkd import validation
from amkd.config.settings import Settings
from amkd.core import devices
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet, draw_real
from amkd.planning import cost as bills
from amkd.planning import workload
from amkd.planning.cost import Bill, Held
from amkd.planning.workload import Speed
from amkd.run import experiment
from amkd.teachers import Teacher, kinds, local

_Found = TypeVar("_Found")


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

    attempt(lambda: validation.check_devices(config, devices.count()))
    data = attempt(lambda: experiment.load_data(config))
    if data is not None:
        attempt(lambda: validation.check_data(config, data))
        attempt(lambda: validation.check_student(config, data))
        teacher = attempt(lambda: _teacher(config, data, stop))
        wanted = config.real_images(data.pool_size)
        # With too few to draw from, they are counted all the same: the bill may be a problem of its
        # own.
        drawn = draw_real(data, wanted if wanted <= data.pool_size else 0, config.seed)
        asked = drawn if problems else config.way.first_images(drawn, config.budget)
        some = min(
            config.first_queries(data.pool_size), data.pool_size
        )  # in place of what is not made yet
        real = draw_real(data, some, config.seed) if config.way.maker else asked
        held = attempt(lambda: bills.held(config, data, asked, folder, teacher))
        bill = bills.make_bill(config, data, asked, held or Held())
        attempt(lambda: bills.check_cost(config, bill))
    if data is None or problems:
        raise UserError("the plan cannot work:\n" + "\n".join(f"  {line}" for line in problems))
    speed = workload.measure(config, data, real)
    return "\n".join(
        [*_queries(config, data, teacher, bill), "", *_work(config, data, real, speed)]
    )


def _teacher(config: Settings, data: DataSet, stop: StopSignal) -> Teacher | None:
    """The teacher, where there is one without training it first."""
    if config.teacher.kind == "flax" and not config.uses_labels:
        place = local.place(config.teacher, data, Path(config.cache_dir).expanduser())
        if not place.exists():
            return None
    return kinds.load(config, data, stop)


def _queries(config: Settings, data: DataSet, teacher: Teacher | None, bill: Bill) -> Iterator[str]:
    yield (
        "teacher             "
        f" {teacher.identity if teacher else 'a local one, to be trained first'}"
    )
    yield (
        f"images to draw from  {data.pool_size} of"
        f" {data.shape[0]}x{data.shape[1]}x{data.shape[2]} pixels"
    )
    ks = config.queries_per_round()
    yield f"real images          {(real := config.real_images(data.pool_size))}"
    if config.way.maker:
        yield f"images to make       {config.budget - real:,}"
    pool = workload.pool_size(config, data.pool_size) if ks else 0
    yield f"{'pairs' if config.way.mixes else 'other images':<21}{pool:,}"
    yield f"rounds               {len(ks)} after round 0" + (
        f", of k = {', '.join(map(str, ks))}" if ks else ""
    )
    yield f"queries              {bill.total:,} (round 0: {bill.total - sum(ks):,})"
    judged = "held-out pictures" if data.test_labels is None else "test images"
    yield f"evaluation queries   {bill.judging:,} ({judged}; not in the budget)"
    yield f"in the ledger        {bill.held.answers:,} of these, which will not be asked again"
    yield f"to be sent           {bill.to_send:,}"
    if config.way.maker:
        gradients = config.way.maker.gradients(config)
        yield (
            f"gradient queries     {gradients:,} (passes forward and back through the teacher's"
            " network)"
        )
    if bill.price:
        yield f"cost                 {bill.cost:,.2f} {bill.currency} ({bill.price:g} an image)"
    else:
        yield "cost                 not known: set --config.teacher.price"


def _work(config: Settings, data: DataSet, real: np.ndarray, speed: Speed) -> Iterator[str]:
    rounds = workload.make_rounds(config, config.first_queries(data.pool_size), data.pool_size)
    evaluations, trained = (
        sum(one.evaluations for one in rounds),
        sum(one.trained for one in rounds),
    )
    if maker := config.way.maker:
        yield f"gradients            {_lasts(maker.gradients(config), speed.gradients)}"
        if maker.trained:
            made = maker.trained(config)
            yield f"training in making   {made:,} images ({_lasts(made, speed.trained)})"
    memory = workload.memory(config, data, real, speed.activation_bytes)
    yield f"search evaluations   {evaluations:,} ({_lasts(evaluations, speed.evaluations)})"
    yield f"training             {trained:,} images ({_lasts(trained, speed.trained)})"
    yield (
        f"memory               about {memory / 2**20:,.0f} MiB for the data, beside the"
        " program's own"
    )
    yield f"measured on          {devices.describe()}"
    yield ""
    yield f"{'round':<8}{'queries':>9}{'search':>16}{'training':>16}"
    for number, one in enumerate(rounds):
        scored, fitted = (
            _span(one.evaluations / speed.evaluations),
            _span(one.trained / speed.trained),
        )
        yield f"{number:<8}{one.queries:>9,}{scored:>16}{fitted:>16}"


def _lasts(work: int, speed: float) -> str:
    return f"about {_span(work / speed)} at {speed:,.0f} a second"


def _span(seconds: float) -> str:
    units = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
    size, name = next((unit for unit in units if seconds >= 2 * unit[0]), units[-1])
    return f"{seconds / size:.0f} {name}"
