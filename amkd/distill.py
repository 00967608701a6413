"""One whole run in a workdir: check everything, assemble it, drive the rounds, write the results."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from amkd import (
    checkpoint,
    devices,
    feasibility,
    images,
    ledger,
    models,
    pairs,
    querying,
    report,
    results,
    round_state,
    rounds,
    teachers,
    workdir,
)
from amkd.settings import Settings
from amkd.stopping import StopSignal
from amkd.teachers import local, python


def run(config: Settings, folder: Path, stop: StopSignal) -> dict[str, Any]:
    """Runs or resumes the configuration in ``folder``; a finished run is only read.

    Returns:
      The summary, as in ``summary.json``.

    Raises:
      UserError: something that the user can mend.
      Stopped: the process was asked to stop; the state is saved.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(workdir.locked(folder))
        run_id = workdir.owner(config, folder)
        if (summary := workdir.finished(folder)) is not None:
            print(f"{folder} is finished; this is its result (another --workdir starts a new run)")
            return summary
        feasibility.check_devices(config, devices.count())
        data = load_data(config)
        models.build(config.student, data.classes, data.shape)
        teacher = load_teacher(config, data, stop)
        workdir.claim(config, folder, run_id, teacher.identity)
        answers = stack.enter_context(contextlib.closing(ledger.Ledger(workdir.ledger_path(config, folder))))
        checkpoints = checkpoint.Checkpoints(folder / "checkpoints")
        outputs = report.Report(folder, config.report.progress, config.report.tensorboard)
        stack.enter_context(contextlib.closing(outputs))
        desk = querying.Desk(teacher, answers, run_id, config.budget, data.classes, config.teacher.batch)
        real = images.draw_real(data, config.n_real, config.seed)
        state = round_state.restore(checkpoints)
        rounds.recall(desk, real, state)  # refuses a ledger that lacks answers before anything is sent
        bench = rounds.Bench(
            settings=config,
            data=data,
            real=real,
            pool=pairs.make_pool(config.n_real, config.search.max_pairs, config.seed),
            desk=desk,
            test_answers=_test_answers(config, data, desk, outputs, stop),
            checkpoints=checkpoints,
            report=outputs,
            stop=stop,
        )
        print(f"{config.method} on {config.dataset}: {bench.pool.size} pairs, {devices.describe()}", flush=True)
        return results.write(bench, rounds.run(bench, state), folder)


def load_data(config: Settings) -> images.DataSet:
    """The data set, checked against the configuration."""
    data = images.load(
        config.dataset,
        config.data.dir,
        config.data.size,
        config.data.test_images,
        Path(config.cache_dir).expanduser(),
    )
    feasibility.check_data(config, len(data.pool_images), len(data.teacher_images))
    return data


def load_teacher(config: Settings, data: images.DataSet, stop: StopSignal) -> teachers.Teacher:
    """The configured teacher; a local one is trained first if it is not there."""
    if config.teacher.kind == "python":
        return python.load(config.teacher.function, config.teacher.identity)
    bar = report.bars(config.report.progress)
    return local.load(config.teacher, data, Path(config.cache_dir).expanduser(), bar, stop, config.checkpoint.seconds)


def _test_answers(
    config: Settings, data: images.DataSet, desk: querying.Desk, outputs: report.Report, stop: StopSignal
) -> np.ndarray | None:
    """The teacher's answers on the test images, if it may be asked for them; counted apart."""
    if not config.asks_for_evaluation():
        return None
    with outputs.bar(len(data.test_images), "teacher on test images", "img") as advance:

        def progress(answered: int) -> None:
            stop.check()
            advance(answered)

        return querying.ask(desk, data.test_images, querying.EVALUATE, 0, progress)
