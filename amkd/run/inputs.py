"""Loads the inputs of a run: its data set, its teacher, and the images of round 0."""

import dataclasses
from pathlib import Path

from amkd import teachers
from amkd.config.data import is_of_files
from amkd.config.settings import Settings
from amkd.core import devices, processes
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import file_sources, holdout, out_of_domain, sources
from amkd.data.dataset import DataSet, draw_real
from amkd.methods.first_images import FirstImageInputs, Provided
from amkd.reporting.bars import SILENT, Bar
from amkd.run import checks
from amkd.run.facts import RunFacts, facts_of_run
from amkd.teachers import loading
from amkd.validation import with_data


def load_data(settings: Settings) -> DataSet:
    """Returns the configured data set.

    Raises:
      UserError: it does not exist, or cannot be read.
    """
    return _drawn_as_configured(settings, _load(settings))


def _drawn_as_configured(settings: Settings, data: DataSet) -> DataSet:
    """Returns the data set, with nested draws if ``n_real`` is 0.

    With ``n_real=0`` the budget decides how many images are drawn. A run with a larger budget then
    begins with the images of a run with a smaller budget, whose answers are already paid for.

    Args:
      settings: the configuration as it was given.
      data: the data set.
    """
    return data if settings.n_real else dataclasses.replace(data, nested_draw=True)


def _load(settings: Settings) -> DataSet:
    cache = Path(settings.cache_dir).expanduser()
    plan = settings.data
    if settings.dataset == "memory":
        raise UserError(
            "config.dataset='memory': the images of this run were passed from Python, and are not"
            " available here; call amkd.distill with them again to resume"
        )
    if is_of_files(settings.dataset):
        data = file_sources.load(settings.dataset, plan, seed=settings.seed, cache_dir=cache)
    else:
        data = sources.load(
            settings.dataset,
            cache_dir=cache,
            directory=plan.dir,
            size=plan.size,
            test_images=plan.test_images,
        )
    if plan.evaluate_on == "train":
        data = holdout.from_training(data, settings.seed)
    if not plan.real:
        return data
    side = out_of_domain.image_side(data)
    other = sources.load(plan.real, cache_dir=cache, directory=plan.dir, size=side)
    return out_of_domain.with_pool_from(data, other)


def facts_of(settings: Settings, data: DataSet) -> RunFacts:
    """Returns the facts of a run on a data set."""
    return facts_of_run(
        settings, drawable=data.drawable_count, labelled=data.test_labels is not None
    )


def with_real_count(settings: Settings, data: DataSet) -> Settings:
    """Returns the settings of a run on a data set, in which a number replaces ``n_real=0``.

    Raises:
      UserError: the settings are not valid with this number.
    """
    return with_data.check(settings, data.drawable_count)


def load_inputs(
    settings: Settings,
    stop: StopSignal,
    data: DataSet | None = None,
    teacher: teachers.Teacher | None = None,
    bar: Bar | None = None,
) -> tuple[Settings, DataSet, teachers.Teacher, RunFacts]:
    """Returns settings, data set, teacher and facts, after checking that they fit together.

    In the settings, the number of real images replaces ``n_real=0``.

    Args:
      settings: the configuration.
      stop: whether to stop.
      data: a data set in place of the configured one.
      teacher: a teacher in place of the configured one.
      bar: opens the bar of a local teacher's training; None for the configured one.

    Raises:
      UserError: they do not fit together.
    """
    checks.check_devices(settings, devices.count() * processes.count())
    data = load_data(settings) if data is None else _drawn_as_configured(settings, data)
    settings = with_real_count(settings, data)
    checks.check_data(settings, data)
    checks.check_student(settings, data)
    checks.check_assistant(settings, data)
    facts = facts_of(settings, data)
    teacher = teacher or loading.load(settings, data, stop, labels=facts.from_labels, bar=bar)
    return settings, data, teacher, facts


def first_images(
    settings: Settings,
    data: DataSet,
    *,
    teacher: teachers.Teacher | None,
    facts: RunFacts,
    folder: Path,
    stop: StopSignal,
    bar: Bar = SILENT,
) -> Provided:
    """Returns the images that round 0 queries.

    Args:
      settings: the configuration.
      data: the data set.
      teacher: the teacher, whose network a white-box method needs; None for other methods.
      facts: the facts of the run.
      folder: the workdir, in which images that the method makes are kept.
      stop: whether to stop.
      bar: opens a progress bar; none by default.

    Raises:
      UserError: the method needs the teacher's network, and the teacher is a black box.
    """
    network, variables = (teacher and teacher.network) or (None, None)
    source = FirstImageInputs(
        settings=settings,
        shape=data.shape,
        classes=data.classes,
        real=draw_real(data, facts.real_count, settings.seed),
        network=network,
        variables=variables,
        folder=folder / "made",
        stop=stop,
        bar=bar,
    )
    return facts.method.first.provide(source)
