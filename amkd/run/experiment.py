"""One whole run in a workdir: check everything, assemble it, drive the rounds, write the
results.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from amkd import ledger, teachers, validation
from amkd.config.settings import Settings
from amkd.core import checkpoint, devices
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import domain, holdout, own_images, sources, variants
from amkd.data.dataset import DataSet, draw_real, not_drawn
from amkd.methods import base
from amkd.querying import client
from amkd.reporting import peak, report
from amkd.run import results, round_state, rounds, workdir
from amkd.run.context import RunContext
from amkd.search import pairs
from amkd.teachers import kinds
from amkd.training import teacher_features


def run(
    config: Settings,
    folder: Path,
    stop: StopSignal,
    data: DataSet | None = None,
    teacher: teachers.Teacher | None = None,
) -> dict[str, Any]:
    """Runs or resumes the configuration in ``folder``; a finished run is only read.

    Args:
      config: the settings.
      folder: the workdir.
      stop: whether to stop.
      data: in place of the configured data set.
      teacher: in place of the configured teacher.

    Returns:
      The summary, as in ``summary.json``.

    Raises:
      UserError: something that the user can mend.
      Stopped: the process was asked to stop; the state is saved.
    """
    with workdir.locked(folder):
        run_id = workdir.owner(config, folder)
        if (summary := workdir.finished(folder)) is not None:
            if data and teacher:  # given by a caller, who may have changed them since
                workdir.claim(config, folder, run_id, teacher.identity, data.key)
            print(f"{folder} is finished; this is its result (another --workdir starts a new run)")
            return summary
        with assembled(config, folder, run_id, stop, data, teacher) as (bench, state):
            return results.write(bench, rounds.run(bench, state), folder)


@contextlib.contextmanager
def assembled(
    config: Settings,
    folder: Path,
    run_id: str,
    stop: StopSignal,
    data: DataSet | None = None,
    teacher: teachers.Teacher | None = None,
) -> Iterator[tuple[RunContext, round_state.RoundState]]:
    """Checks everything and puts it together: what stays the same in all rounds, and where the run
    stands.

    Args:
      config: the settings.
      folder: the workdir.
      run_id: identity of the run.
      stop: whether to stop.
      data: in place of the configured data set.
      teacher: in place of the configured teacher.

    Raises:
      UserError: something that the user can mend.
    """
    with contextlib.ExitStack() as stack:
        peak.forget()
        data, teacher = checked(config, stop, data, teacher)
        shown = teacher_features.of_teacher(config.train, teacher.network, config.seed)
        workdir.claim(config, folder, run_id, teacher.identity, data.key)
        answers = stack.enter_context(
            contextlib.closing(ledger.Ledger(workdir.ledger_path(config, folder)))
        )
        _begin(answers, run_id, config, folder)
        outputs = report.Report(folder, config.report.progress, config.report.tensorboard)
        stack.enter_context(contextlib.closing(outputs))
        real, told = real_images(config, data, teacher, folder, outputs, stop)
        seen = shown_images(config, data, real)
        bench = RunContext(
            settings=config,
            data=data,
            real=seen,
            first=len(real),
            told=told,
            pool=pairs.make_pool(len(seen), config.search.max_pairs, config.seed),
            desk=open_desk(config, data, teacher, answers, run_id),
            insight=shown,
            test_answers=None,
            checkpoints=checkpoint.Checkpoints(folder / "checkpoints"),
            report=outputs,
            stop=stop,
        )
        state = round_state.restore(bench.checkpoints)
        rounds.recall(bench, state)  # refuses a ledger that lacks answers before anything is sent
        bench = bench._replace(test_answers=_test_answers(bench))
        there = (
            f"{bench.pool.size} pairs"
            if config.way.choose and config.way.mixes
            else f"{len(seen)} images"
        )
        print(f"{config.method} on {config.dataset}: {there}, {devices.describe()}", flush=True)
        yield bench, state


def checked(
    config: Settings,
    stop: StopSignal,
    data: DataSet | None = None,
    teacher: teachers.Teacher | None = None,
) -> tuple[DataSet, teachers.Teacher]:
    """The data set and the teacher, those given or those configured, once all fits together.

    Raises:
      UserError: it does not.
    """
    validation.check_devices(config, devices.count())
    data = data or load_data(config)
    validation.check_data(config, data)
    validation.check_student(config, data)
    return data, teacher or kinds.load(config, data, stop)


def real_images(
    config: Settings,
    data: DataSet,
    teacher: teachers.Teacher,
    folder: Path,
    outputs: report.Report,
    stop: StopSignal,
) -> tuple[np.ndarray, dict[str, Any]]:
    """The images that round 0 asks about, drawn or made, and what there is to report of them."""
    drawn = draw_real(data, config.real_images(data.pool_size), config.seed)
    if config.way.maker is None:
        return config.way.first_images(drawn, config.budget), {}
    if teacher.network is None:  # a teacher of the caller's
        raise UserError(
            f"config.method={config.method!r} needs the teacher's network, and this one is a"
            " black box"
        )
    with outputs.bar(config.budget, "making images", "img") as advance:
        network, variables = teacher.network
        made = config.way.maker.make(
            base.Making(
                network=network,
                variables=variables,
                shape=data.shape,
                classes=data.classes,
                real=drawn,
                settings=config,
                folder=folder / "made",
                stop=stop,
                progress=advance,
            )
        )
    return made.images, made.told


def shown_images(config: Settings, data: DataSet, real: np.ndarray) -> np.ndarray:
    """The real images, and after them what else the method may choose from: their variants, or all
    others.
    """
    plan = config.search
    if config.way.choose is None:
        return real
    if not config.way.mixes:
        return np.concatenate([real, not_drawn(data, len(real), config.seed)])
    return variants.beside(real, plan.variants, plan.views, config.seed)


def load_data(config: Settings) -> DataSet:
    """The configured data set."""
    cache = Path(config.cache_dir).expanduser()
    if config.dataset == "folder":
        data = own_images.from_folder(config.data, config.seed, cache)
    else:
        data = sources.load(
            config.dataset, config.data.dir, config.data.size, config.data.test_images, cache
        )
    if config.data.judge == "train":
        data = holdout.from_training(data, config.seed)
    if not config.data.real:
        return data
    return domain.drawn_from(
        data, sources.load(config.data.real, config.data.dir, domain.side(data), 0, cache)
    )


def open_desk(
    config: Settings, data: DataSet, teacher: teachers.Teacher, answers: ledger.Ledger, run_id: str
) -> client.Desk:
    """Where the run asks its questions."""
    plan = config.teacher
    if config.uses_labels:  # which are probabilities, and cost nothing
        return client.Desk(teacher, answers, run_id, config.budget, data.classes, plan.batch)
    return client.Desk(
        teacher,
        answers,
        run_id,
        config.budget,
        data.classes,
        plan.batch,
        plan.answers,
        plan.terms(),
    )


def _begin(answers: ledger.Ledger, run_id: str, config: Settings, folder: Path) -> None:
    """Notes the run in the ledger, and tells of what was in flight when it was killed."""
    about = f"{config.method} on {config.dataset}, seed {config.seed}"
    lost = answers.begin(run_id, about, str(folder.absolute()))
    if lost:
        print(
            f"{lost} images were on their way to the teacher when this run was last ended; they"
            " may have been billed"
            " without an answer, and are asked again",
            flush=True,
        )


def _test_answers(bench: RunContext) -> np.ndarray | None:
    """The teacher's answers on the images that judge the student, if it may be asked for them;
    counted apart.
    """
    data = bench.data
    if not bench.settings.asks_for_evaluation(data.test_labels is not None) or not len(
        data.test_images
    ):
        return None
    with bench.report.bar(len(data.test_images), "teacher on judging images", "img") as advance:

        def progress(answered: int) -> None:
            bench.stop.check()
            advance(answered)

        return client.ask(bench.desk, data.test_images, client.EVALUATE, 0, progress)
