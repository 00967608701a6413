"""One whole run in a workdir: check everything, put it together, drive the rounds, write
results.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from amkd import ledger, teachers
from amkd.config import run_record
from amkd.config.origin import NOWHERE, Origin
from amkd.config.settings import Settings
from amkd.core import checkpoint, compilation, console, devices, files, json_lines
from amkd.core.errors import TeacherFailed
from amkd.core.stopping import StopSignal
from amkd.data import class_names
from amkd.data.dataset import DataSet
from amkd.ledger import file_system, limits
from amkd.querying import client
from amkd.querying.request_policy import policy_of
from amkd.reporting import peak_memory, progress_file, prometheus, run_log, writers
from amkd.reporting.progress import Counts, RunProgress
from amkd.run import (
    corrected,
    early_end,
    evaluation_queries,
    image_paths,
    importing,
    inputs,
    leading,
    output_folders,
    results,
    resumed_line,
    round_state,
    rounds,
    workdir,
)
from amkd.run.context import RunContext, frozen_backbone, weights_identity
from amkd.run.facts import RunFacts
from amkd.search import pairs
from amkd.teachers.answers import ANY
from amkd.training import teacher_features


def run(
    settings: Settings,
    folder: Path,
    stop: StopSignal,
    data: DataSet | None = None,
    teacher: teachers.Teacher | None = None,
    *,
    origin: Origin = NOWHERE,
) -> dict[str, Any]:
    """Runs or resumes a configuration in ``folder``; only reads a run that is finished.

    Args:
      settings: the configuration.
      folder: the workdir.
      stop: whether to stop.
      data: a data set in place of the configured one.
      teacher: a teacher in place of the configured one.
      origin: where the configuration came from, for the report.

    Returns:
      The summary, as in ``summary.json``.

    Raises:
      UserError: something that the user can fix.
      Stopped: the process was asked to stop; the state is saved.
    """
    compilation.repeat_bits(settings.deterministic)
    with files.private(settings.report.private), workdir.locked(folder):
        run_id = workdir.owner(settings, folder)
        summary = workdir.finished(folder)
        if summary is not None and not early_end.goes_on(summary, settings):
            if data and teacher:  # given by a caller, who may have changed them since
                sha256 = weights_identity(settings, data)
                workdir.claim(settings, folder, run_id, teacher.identity, data.key, sha256)
            return _shown_again(folder, summary)
        output_folders.check(settings, folder)
        writers.check(settings)
        try:
            with (
                _watched(settings, folder) as progress,
                assembled(
                    settings,
                    folder,
                    run_id,
                    stop,
                    data=data,
                    teacher=teacher,
                    progress=progress,
                    origin=origin,
                ) as (context, state),
            ):
                return _finish(context, state, folder)
        except TeacherFailed as error:
            if (named := image_paths.naming_files(settings, error)) is error:
                raise
            raise named from error


def _shown_again(folder: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary of a finished run; repairs its record and its log, and says that it is
    finished.
    """
    run_record.write(folder, run_record.read(folder))  # a damaged copy is read from the other one
    run_log.RunLog(folder).rewind(summary["rounds"], len(summary["rounds"]), 0)
    state, advice = "is finished", "use another --workdir for a new run"
    if early := summary.get("ended_early"):
        state = f"has ended early ({early['why']})"
        advice = "raise this limit and run the same command to resume"
    console.say(f"{folder} {state}; this is its result ({advice})", last=True)
    return summary


@contextlib.contextmanager
def _watched(settings: Settings, folder: Path) -> Iterator[RunProgress]:
    """Yields the progress of the run, which people and programs can watch from outside."""
    shown = settings.report
    progress = RunProgress(
        budget=settings.budget,
        currency=settings.teacher.currency,
        shows_bars=shown.progress,
    )
    json_lines.describe(progress.facts)
    try:
        with (
            prometheus.served(progress, shown.prometheus_port),
            progress_file.kept(progress, folder, shown.beat_seconds),
        ):
            yield progress
    finally:
        json_lines.describe(None)


def _finish(context: RunContext, state: round_state.RoundState, folder: Path) -> dict[str, Any]:
    """Runs the remaining rounds, or as many as can be paid for; returns the summary."""
    try:
        state = rounds.run(context, state)
    except ledger.OutOfMoney as problem:
        state = early_end.train_on_paid_answers(context, folder, problem)
    context, state = evaluation_queries.ask_last(context, state, folder)
    context.report.phase("report")
    return results.write(context, state, folder, early_end.summary_entry(context, state))


@contextlib.contextmanager
def assembled(
    settings: Settings,
    folder: Path,
    run_id: str,
    stop: StopSignal,
    *,
    data: DataSet | None = None,
    teacher: teachers.Teacher | None = None,
    progress: RunProgress | None = None,
    origin: Origin = NOWHERE,
) -> Iterator[tuple[RunContext, round_state.RoundState]]:
    """Yields the context, which stays the same in all rounds, and the state of the run.

    Args:
      settings: the configuration.
      folder: the workdir.
      run_id: identity of the run.
      stop: whether to stop.
      data: a data set in place of the configured one.
      teacher: a teacher in place of the configured one.
      progress: records the progress of the run.
      origin: where the configuration came from, for the report.

    Raises:
      UserError: something that the user can fix.
    """
    progress = progress or RunProgress()
    with contextlib.ExitStack() as stack:
        peak_memory.reset()
        leading.begin(settings, from_caller=data is not None or teacher is not None)
        counted, data, teacher, facts = inputs.load_inputs(
            settings, stop, data, teacher, progress.bar
        )
        loaded = _Inputs(
            configured=settings,
            settings=counted,
            data=data,
            teacher=teacher,
            facts=facts,
            weights=weights_identity(settings, data),
            features=teacher_features.of_teacher(counted.train, teacher.network, counted.seed),
        )
        # The workdir keeps the configuration as the user gave it, so that the same command resumes.
        workdir.claim(
            settings, folder, run_id, teacher.identity, data.key, loaded.weights, origin=origin
        )
        workdir.check_ledger(settings, folder, run_id)
        book = workdir.ledger_path(counted, folder)
        importing.check_classes(data, teacher, book)
        importing.take_from_manifest(counted, data, teacher, book)
        answers = stack.enter_context(contextlib.closing(ledger.Ledger(book)))
        _begin(answers, run_id, counted, folder, data)
        workdir.begun(settings, folder)
        progress.follow(
            lambda: _counts(answers, run_id), rounds=len(facts.rounds) - 1, budget=counted.budget
        )
        outputs = stack.enter_context(_opened(counted, folder, run_id, progress))
        context = _context(loaded, folder, run_id, answers=answers, outputs=outputs, stop=stop)
        yield _restored(context, folder)


class _Inputs(NamedTuple):
    """What a run starts from.

    Attributes:
      configured: the configuration as the user gave it.
      settings: the same, where ``n_real`` is a number.
      data: the data set.
      teacher: the teacher.
      facts: the facts of the run.
      weights: identity of the initial weights; empty if they are random.
      features: what is needed of the teacher in addition to its answers; None for nothing.
    """

    configured: Settings
    settings: Settings
    data: DataSet
    teacher: teachers.Teacher
    facts: RunFacts
    weights: str
    features: teacher_features.TeacherFeatures | None


def _context(
    loaded: _Inputs,
    folder: Path,
    run_id: str,
    *,
    answers: ledger.Ledger,
    outputs: run_log.RunLog,
    stop: StopSignal,
) -> RunContext:
    """Returns the context of the run, with the images of round 0."""
    settings, data, teacher, facts = loaded.settings, loaded.data, loaded.teacher, loaded.facts
    first = inputs.first_images(
        settings, data, teacher=teacher, facts=facts, folder=folder, bar=outputs.bar, stop=stop
    )
    images = facts.method.selector.images(data, first.images, settings, bar=outputs.bar)
    leading.check_same_inputs(images, loaded.weights)
    corrections = corrected.of_run(settings, folder, class_names.of(data))
    if corrections:
        console.say(corrected.line(corrections, first.images))
    return RunContext(
        configured=loaded.configured,
        settings=settings,
        facts=facts,
        data=data,
        images=images,
        first_metrics=first.metrics,
        pool=pairs.make_pair_pool(len(images), settings.search.max_pairs, settings.seed),
        client=open_client(
            settings, data, teacher=teacher, facts=facts, answers=answers, run_id=run_id
        ),
        teacher_features=loaded.features,
        test_answers=None,
        checkpoints=checkpoint.Checkpoints(folder / "checkpoints"),
        report=outputs,
        stop=stop,
        backbone=frozen_backbone(settings, data, stop.check),
        corrections=corrections,
    )


def _restored(context: RunContext, folder: Path) -> tuple[RunContext, round_state.RoundState]:
    """Returns the context with the teacher's answers on the evaluation images, and the state;
    prints the progress of a resumed run.
    """
    state = round_state.restore(context.checkpoints)
    rounds.recall(context, state)  # refuses a ledger with missing answers before any query is sent
    console.say(_headline(context))
    if told := resumed_line.of_run(context, state):
        console.say(told)
    return evaluation_queries.ask_first(context, folder), state


@contextlib.contextmanager
def _opened(
    settings: Settings, folder: Path, run_id: str, progress: RunProgress
) -> Iterator[run_log.RunLog]:
    """Yields the log of the run; closes it, and reports to the writers whether the run is
    finished.
    """
    found = writers.open_all(settings, writers.facts_of(settings, run_id, folder))
    outputs, finished = run_log.RunLog(folder, progress=progress, writers=found), False
    try:
        yield outputs
        finished = True
    finally:
        outputs.close(finished=finished)


def _counts(answers: ledger.Ledger, run_id: str) -> Counts:
    queries, evaluation = (answers.count(run_id, one) for one in (client.DISTILL, client.EVALUATE))
    return Counts(queries, evaluation, answers.spent(run_id))


def open_client(
    settings: Settings,
    data: DataSet,
    *,
    teacher: teachers.Teacher,
    facts: RunFacts,
    answers: ledger.Ledger,
    run_id: str,
) -> client.QueryClient:
    """Returns the client that sends the queries of the run to its teacher."""
    plan = settings.teacher
    # Ground-truth labels are probabilities, and cost nothing.
    policy = policy_of(plan)._replace(max_lost=limits.most_in_vain(plan, settings.budget))
    how: dict[str, Any] = {} if facts.from_labels else {"form": plan.answers, "policy": policy}
    if data.task.groups > 1:  # of a local teacher, or ground-truth labels: their form is correct
        how["form"] = ANY
    return client.QueryClient(
        teacher=teacher,
        ledger=answers,
        run=run_id,
        budget=settings.budget,
        classes=data.classes,
        batch=plan.batch,
        **how,
    )


def _begin(
    answers: ledger.Ledger, run_id: str, settings: Settings, folder: Path, data: DataSet
) -> None:
    """Records the run in the ledger, and reports the images in flight when it last ended."""
    if warning := file_system.warning(answers.path):
        console.say(warning, error=True)
    about = f"{settings.method} on {settings.dataset}, seed {settings.seed}"
    about = importing.description_with_classes(about, settings, data)
    lost = answers.begin_run(run_id, console.storable(about), console.storable(folder.absolute()))
    if lost:
        console.say(
            f"{lost} images were in flight to the teacher when this run last ended; they may have"
            " been billed without an answer, and are sent again"
        )


def _headline(context: RunContext) -> str:
    """Returns one line about the configuration of the run."""
    settings, selector = context.settings, context.facts.method.selector
    searched = selector.table_images(len(context.images)) > 0
    size = f"{context.pool.size} pairs" if searched else f"{len(context.images)} images"
    return f"{settings.method} on {settings.dataset}: {size}, {devices.describe()}"
