"""The plan of a run, before any query: ``--mode=plan``."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from amkd.config.settings import Settings
from amkd.config.teacher import TeacherSettings
from amkd.core import devices
from amkd.core.stopping import StopSignal
from amkd.core.text import money, plain
from amkd.data.dataset import DataSet, draw_real
from amkd.ledger import file_system
from amkd.models.pretrained.initial_weights import Weights
from amkd.planning import cost as costs
from amkd.planning import without_data, workload
from amkd.planning.cost import Cost, Held
from amkd.planning.first_images import known_images
from amkd.planning.problems import Problems
from amkd.planning.profile_lines import profile_lines
from amkd.reporting import writers
from amkd.run import checks, inputs, output_folders, workdir
from amkd.run.context import assistant_weights, first_weights
from amkd.run.facts import Round, RunFacts
from amkd.teachers import Teacher, loading, local
from amkd.training import teacher_features
from amkd.validation import real_images


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A run that can be done.

    Attributes:
      given: the configuration.
      settings: the same with the number of real images instead of ``n_real=0``.
      facts: what follows from it.
      data: the data set.
      teacher: the teacher; None for a local one that is not trained yet.
      known: ``uint8[M, H, W, C]``, the images of round 0 that are known before any is made.
      cost: what is sent to the teacher.
      warning: a warning about the ledger's place; empty if there is none.
    """

    given: Settings
    settings: Settings
    facts: RunFacts
    data: DataSet
    teacher: Teacher | None
    known: np.ndarray
    cost: Cost
    warning: str = ""


def report(
    settings: Settings, folder: Path | None, stop: StopSignal, told: Iterable[str] = ()
) -> str:
    """Returns the plan as text; sends nothing to the teacher.

    Args:
      settings: the configuration; a field with a problem has its default there.
      folder: the workdir, or None.
      stop: whether to stop.
      told: what is wrong with the configuration.

    Raises:
      UserError: everything that is wrong, at once.
    """
    plan = make_plan(settings, folder, stop, told)
    settings, facts, data, sample = plan.settings, plan.facts, plan.data, plan.known
    if len(sample) < facts.first_count:  # instead of images that are not made yet
        sample = draw_real(data, min(facts.first_count, data.drawable_count), settings.seed)
    speed = workload.measure(settings, facts, data, sample)
    return "\n".join([*_queries(plan), "", *_work(plan, speed), "", *_rounds(plan, speed)])


def make_plan(
    settings: Settings, folder: Path | None, stop: StopSignal, told: Iterable[str] = ()
) -> Plan:
    """Returns the plan of a run; takes the same as :func:`report`.

    Raises:
      UserError: everything that is wrong, at once.
    """
    problems = Problems(told)
    problems.add(output_folders.problems(settings, folder))
    problems.attempt(lambda: writers.check(settings))
    problems.attempt(lambda: checks.check_devices(settings, devices.count()))
    data = problems.attempt(lambda: inputs.load_data(settings))
    plan = None
    if data is None:
        without_data.add_problems(settings, problems, stop)
    else:
        plan = problems.attempt(lambda: _plan(settings, data, folder, problems, stop))
    problems.refuse()
    assert plan is not None
    return plan


def _plan(
    given: Settings, data: DataSet, folder: Path | None, problems: Problems, stop: StopSignal
) -> Plan:
    """Returns the plan of a run on a data set; adds what is wrong to the problems."""
    problems.attempt(lambda: inputs.with_real_count(given, data))
    settings = real_images.with_real_count(given, data.drawable_count)
    facts = inputs.facts_of(settings, data)
    problems.add(checks.problems_of_data(settings, data))
    problems.attempt(lambda: checks.check_student(settings, data))
    problems.attempt(lambda: checks.check_assistant(settings, data))
    teacher = problems.attempt(lambda: _teacher(settings, facts, data, stop))
    known = known_images(settings, facts, data, sound=not problems.found)
    held = problems.attempt(
        lambda: costs.held(given, data, facts=facts, known=known, folder=folder, teacher=teacher)
    )
    cost = costs.cost_of(settings, data, facts=facts, known=known, held=held or Held())
    return Plan(
        given=given,
        settings=settings,
        facts=facts,
        data=data,
        teacher=teacher,
        known=known,
        cost=cost,
        warning=file_system.warning(workdir.ledger_path(settings, folder or Path())),
    )


def _teacher(
    settings: Settings, facts: RunFacts, data: DataSet, stop: StopSignal
) -> Teacher | None:
    """Returns the teacher; None for a local one that is not trained yet."""
    if settings.teacher.kind == "flax" and not facts.from_labels:
        place = local.place(settings.teacher, data, Path(settings.cache_dir).expanduser())
        if not place.exists():
            return None
    return loading.load(settings, data, stop, labels=facts.from_labels)


def _queries(plan: Plan) -> Iterator[str]:
    yield from _images(plan)
    yield from _counts(plan)
    yield from _costs(plan)
    if short := costs.shortage(plan.settings, plan.cost):
        yield f"warning: {short}"
    if plan.warning:
        yield plan.warning


def _images(plan: Plan) -> Iterator[str]:
    """Yields the teacher, the images, and how the method uses them."""
    facts, data = plan.facts, plan.data
    height, width, channels = data.shape
    teacher = plan.teacher.identity if plan.teacher else "a local one, to be trained first"
    yield f"teacher              {teacher}"
    yield from profile_lines(plan.settings.teacher)
    yield from _weights("initial weights", first_weights(plan.settings, data))
    yield f"images to draw from  {data.drawable_count} of {height}x{width}x{channels} pixels"
    told = ""
    if plan.settings != plan.given:
        in_rounds = facts.method.selector.takes_images
        share = (
            "about as many as in each later round" if in_rounds else "as many as the budget allows"
        )
        told = f" (n_real=0: {share})"
    yield f"real images          {facts.real_count}{told}"
    if plan.settings.method != plan.given.method:
        yield f"method               {plan.settings.method}: the real images use the whole budget"
    yield from _weights("assistant's weights", assistant_weights(plan.settings, data))
    if to_make := facts.first_count - len(plan.known):
        yield f"images to make       {to_make:,}"
    yield f"{facts.method.selector.pool_title:<21}{facts.pool_size:,}"
    yield from _images_left(plan)


def _counts(plan: Plan) -> Iterator[str]:
    """Yields the rounds, and how many images are sent for which purpose."""
    facts, cost = plan.facts, plan.cost
    ks = f", of k = {', '.join(map(str, facts.ks))}" if facts.ks else ""
    yield f"rounds               {len(facts.ks)} after round 0{ks}"
    yield f"queries              {cost.total:,} (round 0: {cost.total - sum(facts.ks):,})"
    evaluated = "held-out images" if plan.data.test_labels is None else "test images"
    yield f"evaluation queries   {cost.evaluation_queries:,} ({evaluated}; not in the budget)"
    if cost.again:
        every = plan.settings.teacher.sentinel
        yield (
            f"sentinel queries     {cost.again:,} at most (one after every {every} batches, and one"
            " at the end of a round; not in the budget)"
        )
    yield f"in the ledger        {cost.held.answers:,} of these, which are not sent again"
    yield f"to be sent           {cost.to_send:,}"


def _costs(plan: Plan) -> Iterator[str]:
    """Yields what the queries need: gradients, replies and money."""
    cost = plan.cost
    if gradients := plan.facts.method.first.gradient_queries(plan.settings):
        passes = "forward and backward passes through the teacher's network"
        yield f"gradient queries     {gradients:,} ({passes})"
    yield from _replies(plan.settings.teacher)
    if cost.price:
        each = f"({plain(cost.price)} an image)"
        yield f"cost                 {money(cost.amount)} {cost.currency} {each}"
    else:
        yield "cost                 not known: set --config.teacher.price"


def _images_left(plan: Plan) -> Iterator[str]:
    """Yields advice if a run makes images although there are unused real images.

    Images of another domain than the teacher's were not measured.
    """
    settings, facts = plan.settings, plan.facts
    left = plan.data.drawable_count - facts.real_count
    if left <= 0 or not facts.ks or facts.method.selector.takes_images or settings.data.real:
        return
    yield f"unused real images   {left:,}; in our measurements, agreement was higher with more real"
    yield f"{'':<21}images than with mixes (results/README.md). To query as many as the budget"
    yield f"{'':<21}allows, set --config.n_real=0"


def _weights(title: str, weights: Weights | None) -> Iterator[str]:
    if weights:
        stated = f"licence {weights.license}" if weights.license else "licence not stated"
        yield f"{title:<21}{weights.source} ({weights.sha256[:12]}, {stated})"


def _replies(teacher: TeacherSettings) -> Iterator[str]:
    """Yields advice for a service whose replies have no id that would distinguish them."""
    http = "teacher.http.fresh_connections=True"
    remedy = {
        "json": (
            'If the service can return an id, put "$id" into teacher.json.request, and the path',
            f"of the id in the reply into teacher.json.id. Otherwise set {http}",
        ),
        "tfserving": (f"If there is a proxy, set {http}",),
    }.get(teacher.kind)
    if remedy is None or teacher.http.fresh_connections:
        return
    if teacher.kind == "json" and teacher.json.id:
        return
    yield "replies              have no ids, so replies that a proxy mixes up cannot be detected."
    yield from (f"{'':<21}{line}" for line in remedy)


def _work(plan: Plan, speed: workload.Speed) -> Iterator[str]:
    settings, facts, first = plan.settings, plan.facts, plan.facts.method.first
    if gradients := first.gradient_queries(settings):
        yield f"gradients            {_lasts(gradients, speed.gradients)}"
    if made := first.images_trained_on(settings):
        lasts = _lasts(made, speed.trained)
        yield f"extra training       {made:,} images, in order to make images ({lasts})"
    if computed := workload.features_computed(settings, facts, plan.data):
        once = _lasts(computed, speed.features)
        yield f"features             {computed:,} images once ({once}), kept in the cache_dir"
    scored, trained = facts.evaluations, facts.trained
    yield f"search evaluations   {scored:,} ({_lasts(scored, speed.evaluations)})"
    yield f"training             {trained:,} images ({_lasts(trained, speed.trained)})"
    yield from _assistant(plan, speed)
    memory = workload.memory(
        settings,
        facts,
        plan.data,
        speed=speed,
        shown=teacher_features.width(settings, plan.data),
    )
    yield (
        f"memory               about {memory / 2**20:,.0f} MiB for the data, in addition to the"
        " program's own"
    )
    yield f"measured on          {devices.describe()}"


def _assistant(plan: Plan, speed: workload.Speed) -> Iterator[str]:
    """Yields what an assistant does without queries; nothing without an assistant."""
    helped, own = [one for one in plan.facts.rounds if one.share], plan.settings.assistant
    if not helped:
        return
    trained = sum(one.assistant_trained for one in helped)
    answered = sum(one.assisted for one in helped) * own.views
    when = "each round" if own.rounds == "all" else "the last round"
    parts = [f"{own.mixes:,} fresh mixes"] * bool(own.mixes)
    parts += [f"{own.real_images:,} images that were not queried"] * bool(own.real_images)
    yield f"assistant            {own.model}, in {when}; it answers {' and '.join(parts)},"
    yield f"{'':<21}which make up {own.share:.0%} of each of the student's batches, without a query"
    yield f"assistant training   {trained:,} images ({_lasts(trained, speed.assistant_trained)})"
    yield f"assistant answers    {answered:,} images ({_lasts(answered, speed.assistant_answers)})"


def _assistant_seconds(plan: Plan, one: Round, speed: workload.Speed) -> float:
    if not one.share:
        return 0.0
    answered = one.assisted * plan.settings.assistant.views
    return one.assistant_trained / speed.assistant_trained + answered / speed.assistant_answers


def _rounds(plan: Plan, speed: workload.Speed) -> Iterator[str]:
    facts = plan.facts
    yield f"{'round':<8}{'queries':>9}{'search':>16}{'training':>16}"
    for number, one in enumerate(facts.rounds):
        scored, fitted = one.evaluations / speed.evaluations, one.trained / speed.trained
        fitted += _assistant_seconds(plan, one, speed)
        yield f"{number:<8}{one.queries:>9,}{_span(scored):>16}{_span(fitted):>16}"


def _lasts(work: int, speed: float) -> str:
    return f"about {_span(work / speed)} at {speed:,.0f} a second"


def _span(seconds: float) -> str:
    units = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
    size, name = next((unit for unit in units if seconds >= 2 * unit[0]), units[-1])
    return f"{seconds / size:.0f} {name}"
