"""Records what runs of the command line end with, and compares it with an earlier record.

A record holds, of every case, the SHA-256 of each round's student and of all queries in the ledger.
It shows that a change of the code changes no result::

    python -m tests.support.recorded_bits --record=before.json
    python -m tests.support.recorded_bits --compare=before.json --match=method-,acquisition-

Bits depend on the kind of processor, on the versions of JAX, and in training on the number of
threads. So every case runs on one core, and a record of another machine tells nothing.
"""

import argparse
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

SMALL = (
    *("n_real=40", "budget=100", "rounds=2", "train.epochs=4", "train.min_steps=60"),
    *("data.test_images=100", "teacher.train.epochs=10", "teacher.train.min_steps=150"),
    *("report.tensorboard=False", "report.plots=False", "report.progress=False"),
)
# What configs/digits.py had in version 0.1.0 and has otherwise since; later fields win.
_AS_0_1 = ("n_real=200", "budget=1000", "train.temperature=1.0", "train.min_steps=1000")
_METHODS: dict[str, tuple[str, ...]] = {
    "active_mixup": (),
    "random_mixup": (),
    "pooled_mixup": ("search.candidates=2.0",),
    "vanilla_al": (),
    "random_crops": (),
    "pastes": ("search.candidates=2.0",),
    "flips": ("budget=80",),
    "real_only": (),
    "active_labelling": (),
    "zskd": ("zskd.steps=20",),
    "fskd": ("fskd.epochs=4",),
    "sskd": (),
    "supervised_real": (),
    "full_kd": ("budget=2000", "train.epochs=2", "train.min_steps=10"),
    "supervised_full": ("budget=2000", "train.epochs=2", "train.min_steps=10"),
}
_ACQUISITIONS = (
    *("lowest", "capped", "balanced", "k_center", "margin", "entropy", "ensemble", "badge"),
    *("learning_loss", "distillation_gap", "random"),
    *("transductive_variance", "epig", "excess_doubt", "uncertainty_herding"),
)
_BIG_STUDENT = ("train.min_steps=10", "train.epochs=1", "budget=60", "rounds=1", "data.size=32")
_FIELDS: dict[str, tuple[str, ...]] = {
    "standardised": ("train.loss=standardised",),
    "pad_kl": ("train.loss=pad_kl",),
    "pad_l2": ("train.loss=pad_l2",),
    "discard": ("train.weighting=discard_hard",),
    "softmax": ("train.weighting=softmax",),
    "poly": ("train.weighting=polynomial",),
    "fidelity": ("train.weighting=fidelity",),
    "remix": ("train.mix_share=0.5",),
    "remix_released": ("train.mix_share=0.1", "train.mix_as_released=True"),
    "average": ("train.average=0.99",),
    "turned": ("train.rotate=10.0", "train.zoom=0.1", "train.crop=1"),
    "sgd": ("train.optimizer=sgd", "train.schedule=steps", "train.learning_rate=0.01"),
    "bf16": ("train.dtype=bfloat16",),
    "warm": ("warm_start=True",),
    "topk": ("teacher.answers.form=top_k", "teacher.answers.top_k=3"),
    "label": ("teacher.answers.form=label",),
    "released": ("search.as_released=True",),
    "variants": ("search.variants=2",),
    "refined": ("search.minimiser=refined",),
    "screened": ("search.minimiser=screened",),
    "maxpairs": ("search.max_pairs=300",),
    "share": ("search.random_share=0.3", "search.random_lam=grid"),
    "doubling": ("search.schedule=doubling",),
    "last": ("last_epochs=8",),
    "judge": ("data.evaluate_on=train",),
    "images": ("search.table_bytes=1",),
    "steps8": ("train.steps_per_dispatch=4",),
    "alexnet": ("student=alexnet_half", *_BIG_STUDENT),
    "bald": (
        *("student=alexnet_half", *_BIG_STUDENT),
        *("search.acquisition=bald", "search.candidates=2.0"),
    ),
    "resnet": ("student=resnet18", *_BIG_STUDENT, "data.size=16"),
    "vgg": ("student=vgg16", *_BIG_STUDENT, "train.min_steps=6", "budget=50"),
}
_TABLES = (
    *("table1", "table2", "ablations", "figure4", "best", "acquisitions", "losses", "labelling"),
)
_QUIET = ("report.progress=False", "report.tensorboard=False")


def cases() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yields every case: its name, configuration and fields."""
    digits = "configs/digits.py"
    yield "digits", digits, (*_AS_0_1, *_QUIET)
    for name, fields in _METHODS.items():
        yield f"method-{name}", digits, (*_AS_0_1, *SMALL, f"method={name}", *fields)
    for name in _ACQUISITIONS:
        choice = (f"search.acquisition={name}", "search.candidates=2.0", "search.committee=2")
        yield f"acq-{name}", digits, (*_AS_0_1, *SMALL, *choice)
    for name in ("lowest", "k_center", "badge"):
        by_labels = ("method=active_labelling", "teacher.kind=labels", f"search.acquisition={name}")
        yield f"label-{name}", digits, (*_AS_0_1, *SMALL, *by_labels)
    for name, fields in _FIELDS.items():
        yield f"var-{name}", digits, (*_AS_0_1, *SMALL, *fields)
    for name in ("digits", "default", "mnist", "fashion_mnist", "best/mnist", "best/fashion_mnist"):
        yield f"smoke-{name}", f"configs/{name}.py:smoke", ("report.progress=False",)
    for name in _TABLES:
        yield f"table-{name}", f"configs/tables/{name}.py:smoke", ()
    yield "devices4", digits, (*_AS_0_1, *SMALL)
    yield "resumed", digits, (*_AS_0_1, *SMALL, "train.min_steps=600", "checkpoint.seconds=0.0")


def result(name: str, config: str, fields: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Runs one case in a folder and returns its record."""
    workdir = folder / "run"
    line = [sys.executable, "launch.py", f"--config={config}", f"--workdir={workdir}"]
    line += [f"--config.{field}" for field in fields]
    if not name.startswith("table-"):
        line.append(f"--config.cache_dir={folder.parent / 'cache'}")
    count = 4 if name == "devices4" else 1
    flags = f"--xla_force_host_platform_device_count={count}"
    env = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    for _ in range(3 if name == "resumed" else 0):
        stopped = subprocess.Popen(
            line, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(14)
        stopped.send_signal(signal.SIGTERM)
        stopped.wait()
    done = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stdout[-400:]}{done.stderr[-800:]}")
    return {"students": _students(folder), "queries": _queries(folder)}


def _students(folder: Path) -> dict[str, list[str]]:
    """The hash of every round's student, by run."""
    found = {}
    for path in sorted(folder.rglob("metrics.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        run = str(path.parent.relative_to(folder))
        found[run] = [row["student_sha256"] for row in rows if row["kind"] == "round"]
    return found


def _queries(folder: Path) -> dict[str, Any]:
    """How many answers the runs used, and the hash of teacher, purpose, round and image of each."""
    digest, count = hashlib.sha256(), 0
    question = "SELECT identity, purpose, round, image FROM use JOIN teacher ON teacher = id"
    for path in sorted(folder.rglob("ledger.sqlite")):
        db = sqlite3.connect(path)
        used = sorted(
            (who, why, when, bytes(image)) for who, why, when, image in db.execute(question)
        )
        db.close()
        count += len(used)
        digest.update(repr(used).encode())
    return {"count": count, "sha256": digest.hexdigest()}


def main() -> None:
    """Records or compares, as the command line says; exits with 1 if something differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=Path, help="file to write")
    parser.add_argument("--compare", type=Path, help="record to compare with")
    parser.add_argument("--match", default="", help="cases with one of these parts in their names")
    given = parser.parse_args()
    before = json.loads(given.compare.read_text()) if given.compare else {}
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found, differing = {}, []
    with tempfile.TemporaryDirectory() as scratch:
        for name, config, fields in cases():
            if not any(part in name for part in given.match.split(",")):
                continue
            folder = Path(scratch) / name.replace("/", "_")
            folder.mkdir()
            found[name] = result(name, config, fields, folder)
            same = before.get(name, found[name]) == found[name]
            differing += [] if same else [name]
            print(f"{name:<28} {'same' if same else 'DIFFERENT'}", flush=True)
    if given.record:
        given.record.write_text(json.dumps(found, indent=1) + "\n")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
