"""One whole run in a workdir: check everything, assemble it, drive the rounds, write the results."""

import itertools
import json
import resource
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from amkd import (
    checkpoint,
    devices,
    images,
    ledger,
    metrics,
    mixing,
    models,
    pairs,
    plots,
    querying,
    report,
    rounds,
    settings,
    teachers,
    training_set,
)
from amkd.errors import UserError
from amkd.round_state import RoundState
from amkd.settings import Settings
from amkd.stopping import StopSignal
from amkd.teachers import local, python

_SHEET = 18  # mixes on a contact sheet


def run(config: Settings, workdir: Path, stop: StopSignal) -> dict[str, Any]:
    """Runs or resumes the configuration in ``workdir``; a finished run is only read.

    Returns:
      The summary, as in ``summary.json``.

    Raises:
      UserError: something that the user can mend.
      Stopped: the process was asked to stop; the state is saved.
    """
    run_id = claim(config, workdir)
    finished = workdir / "summary.json"
    if finished.exists():
        print(f"{workdir} is finished; this is its result (another --workdir starts a new run)")
        return json.loads(finished.read_text())
    settings.check_devices(config, devices.count())
    data = load_data(config)
    models.build(config.student, data.classes, data.shape)
    desk_ledger = ledger.Ledger(ledger_path(config, workdir))
    outputs = report.Report(workdir, config.report.progress, config.report.tensorboard)
    checkpoints = checkpoint.Checkpoints(workdir / "checkpoints")
    try:
        teacher = load_teacher(config, data, outputs, stop)
        desk = querying.Desk(teacher, desk_ledger, run_id, config.budget, data.classes, config.teacher.batch)
        bench = rounds.Bench(
            settings=config,
            data=data,
            real=images.draw_real(data, config.n_real, config.seed),
            pool=pairs.make_pool(config.n_real, config.search.max_pairs, config.seed),
            desk=desk,
            test_answers=_test_answers(config, data, desk, outputs, stop),
            checkpoints=checkpoints,
            report=outputs,
            stop=stop,
        )
        print(f"{config.method} on {config.dataset}: {bench.pool.size} pairs, {devices.describe()}", flush=True)
        return _write_results(bench, rounds.run(bench), workdir)
    finally:
        checkpoints.close()
        outputs.close()
        desk_ledger.close()


def claim(config: Settings, workdir: Path) -> str:
    """Makes the workdir this configuration's, or checks that it is; returns the run's identity.

    Raises:
      UserError: it belongs to another configuration.
    """
    path = workdir / "config.json"
    flat = json.loads(json.dumps(settings.flatten(config)))
    if path.exists():
        try:
            found = json.loads(path.read_text())
        except json.JSONDecodeError as error:
            raise UserError(f"{path} is damaged; choose another --workdir") from error
        different = settings.differences(found["config"], flat)
        if different:
            raise UserError(
                f"{workdir} belongs to a run of another configuration; choose another --workdir, or go back to:\n"
                + "\n".join(f"  {line}" for line in different)
            )
        return found["run"]
    if workdir.exists() and any(workdir.iterdir()):
        raise UserError(f"{workdir} is not empty and holds no run; choose another --workdir")
    workdir.mkdir(parents=True, exist_ok=True)
    run_id = uuid.uuid4().hex
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps({"run": run_id, "config": flat}, indent=2) + "\n")
    scratch.replace(path)
    return run_id


def ledger_path(config: Settings, workdir: Path) -> Path:
    """The ledger's file: the configured one, or the workdir's own."""
    return Path(config.ledger.path).expanduser() if config.ledger.path else workdir / "ledger.sqlite"


def load_data(config: Settings) -> images.DataSet:
    """The data set, checked against the configuration."""
    data = images.load(
        config.dataset,
        config.data.dir,
        config.data.size,
        config.data.test_images,
        Path(config.cache_dir).expanduser(),
    )
    settings.check_data(config, len(data.pool_images), len(data.teacher_images))
    return data


def load_teacher(config: Settings, data: images.DataSet, outputs: report.Report, stop: StopSignal) -> teachers.Teacher:
    """The configured teacher; a local one is trained first if it is not there."""
    if config.teacher.kind == "python":
        return python.load(config.teacher.function, config.teacher.identity)
    return local.load(config.teacher, data, Path(config.cache_dir).expanduser(), outputs.bar, stop.check)


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


def _write_results(bench: rounds.Bench, state: RoundState, workdir: Path) -> dict[str, Any]:
    """The student, the plots and ``summary.json``, which marks the run as finished."""
    config, data, desk = bench.settings, bench.data, bench.desk
    last = state.rows[-1]
    assert state.variables is not None
    card = {
        "role": "student",
        "model": config.student,
        "classes": data.classes,
        "shape": list(data.shape),
        "dataset": config.dataset,
        "teacher": desk.teacher.identity,
        "queries": last["queries"],
    }
    checkpoint.save_network(workdir / "student", state.variables, card)
    known = bench.test_answers
    teacher_accuracy = None if known is None else metrics.accuracy(known, data.test_labels)
    student_accuracy = last["student_accuracy"]
    if config.report.plots:
        _draw(bench, state, teacher_accuracy, workdir / "plots")
    phases = {name: round(sum(row["seconds"][name] for row in state.rows), 3) for name in last["seconds"]}
    summary = {
        "method": config.method,
        "dataset": config.dataset,
        "seed": config.seed,
        "n_real": config.n_real,
        "budget": config.budget,
        "queries": desk.ledger.count(desk.run, querying.DISTILL),
        "queries_paid": desk.ledger.count(desk.run, querying.DISTILL, paid_only=True),
        "evaluation_queries": desk.ledger.count(desk.run, querying.EVALUATE),
        "teacher": desk.teacher.identity,
        "student": config.student,
        "teacher_accuracy": teacher_accuracy,
        "student_accuracy": student_accuracy,
        "success_rate": (metrics.success_rate(student_accuracy, teacher_accuracy) if teacher_accuracy else None),
        "agreement": last["agreement"],
        "student_sha256": checkpoint.sha256(state.variables),
        "seconds": phases,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "devices": devices.describe(),
        "rounds": list(state.rows),
        "paths": {
            "student": str(workdir / "student"),
            "summary": str(workdir / "summary.json"),
            "metrics": str(workdir / "metrics.jsonl"),
            "plots": str(workdir / "plots") if config.report.plots else None,
            "tensorboard": str(workdir / "tensorboard") if config.report.tensorboard else None,
            "ledger": str(desk.ledger.path),
        },
    }
    scratch = workdir / "summary.part"
    scratch.write_text(json.dumps(summary, indent=2) + "\n")
    scratch.replace(workdir / "summary.json")
    return summary


def _draw(bench: rounds.Bench, state: RoundState, teacher_accuracy: float | None, folder: Path) -> None:
    config = bench.settings
    title = f"{config.method} on {config.dataset}, N = {config.n_real}"
    plots.accuracy(list(state.rows), teacher_accuracy, title, folder / "accuracy.png")
    ends = [row["queries"] for row in state.rows]
    for round_, (start, end) in enumerate(itertools.pairwise(ends), 1):
        # Evenly spread over the round, from its lowest C2 to its highest.
        shown = np.unique(np.linspace(start, end - 1, _SHEET).astype(int))
        records = training_set.Records(*(column[shown] for column in state.records))
        mixes = devices.mixes(bench.real, records)
        triples = [(bench.real[i], mix, bench.real[j]) for i, j, mix in zip(records.i, records.j, mixes, strict=True)]
        plots.contact_sheet(
            triples,
            mixing.lam_of(records.w),
            state.score[shown],
            querying.recall(bench.desk, mixes),
            f"{title}: round {round_}, mixes evenly from lowest to highest C2",
            folder / f"round_{round_:02d}.png",
        )
