"""Writers of curves: what each is given, and that no service can end a run.

The packages of the services need not be installed: stand-ins record the calls of their documented
interfaces. Where a package is there, it is used itself.
"""

import dataclasses
import importlib.util
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.reporting import scalars, writers
from amkd.reporting.run_log import RunLog
from amkd.reporting.writers.base import Guarded, WriterFacts
from tests.support.small import configured
from tests.support.summaries import epoch, row


class Recorder:
    """Records every call of it, and of what it returns."""

    def __init__(self, calls, name, **known):
        self._calls, self._name = calls, name
        self.__dict__.update(known)

    def __getattr__(self, name):
        return Recorder(self._calls, f"{self._name}.{name}")

    def __call__(self, *args, **named):
        self._calls.append((self._name, args, named))
        return Recorder(self._calls, f"{self._name}()")


def stand_in(monkeypatch, name, calls, **known):
    module = ModuleType(name)
    module.__dict__.update(known)
    module.__getattr__ = lambda part: Recorder(calls, part)
    monkeypatch.setitem(sys.modules, name, module)


FACTS = ("abc", {"seed": 3, "train.epochs": 8})


def write_a_run(folder, settings, finished=True):
    facts = WriterFacts(FACTS[0], folder, FACTS[1])
    out = RunLog(folder, writers=writers.open_all(settings, facts))
    out.epoch(epoch(0, 1))
    out.round(row(0, 200, agreement=None))
    out.close(finished=finished)


def test_wandb(tmp_path, monkeypatch):
    calls = []
    stand_in(monkeypatch, "wandb", calls)
    settings = configured(**{"report.tensorboard": False, "report.wandb": "photos"})
    write_a_run(tmp_path, settings)
    (quiet, _, hidden), (begin, _, given), *rest = calls
    assert quiet == "Settings" and hidden["console"] == "off" and hidden["disable_git"]
    assert begin == "init" and given["resume"] == "allow" and given["config"] == FACTS[1]
    assert (given["project"], given["id"], given["dir"]) == ("photos", "abc", str(tmp_path))
    assert rest == [
        *(
            ("init().define_metric", (f"{group}/*",), {"step_metric": axis})
            for axis, groups in scalars.GROUPS.items()
            for group in groups
        ),
        ("init().log", ({"loss/round_0": epoch(0, 1)["loss"], "epoch": 1},), {}),
        (
            "init().log",
            ({**scalars.of_round(row(0, 200, agreement=None)), "queries": 200},),
            {},
        ),
        ("init().finish", (), {"exit_code": 0}),
    ]


class Client(Recorder):
    """MLflow's client, of a server that knows a run or none."""

    runs = ()

    def get_experiment_by_name(self, name):
        self._calls.append(("get_experiment_by_name", (name,), {}))

    def create_experiment(self, name):
        return "7"

    def search_runs(self, places, wanted):
        assert (places, wanted) == (["7"], "tags.`amkd.run` = 'abc'")
        return self.runs

    def create_run(self, place, **named):
        self._calls.append(("create_run", (place,), named))
        return SimpleNamespace(info=SimpleNamespace(run_id="r1"))


def test_mlflow(tmp_path, monkeypatch):
    calls = []
    stand_in(monkeypatch, "mlflow", calls, MlflowClient=lambda: Client(calls, "client"))
    entities = {"Metric": lambda n, v, t, step: (n, v, step), "Param": lambda n, v: (n, v)}
    stand_in(monkeypatch, "mlflow.entities", calls, **entities)
    settings = configured(**{"report.tensorboard": False, "report.mlflow": "photos"})
    write_a_run(tmp_path, settings, finished=False)
    loss = epoch(0, 1)["loss"]
    assert calls == [
        ("get_experiment_by_name", ("photos",), {}),
        ("create_run", ("7",), {"run_name": tmp_path.name, "tags": {"amkd.run": "abc"}}),
        ("client.log_batch", ("r1",), {"params": [("seed", "3"), ("train.epochs", "8")]}),
        ("client.log_batch", ("r1",), {"metrics": [("loss/round_0", loss, 1)]}),
        (
            "client.log_batch",
            ("r1",),
            {
                "metrics": [
                    (name, value, 200)
                    for name, value in scalars.of_round(row(0, 200, agreement=None)).items()
                ]
            },
        ),
        ("client.set_terminated", ("r1", "KILLED"), {}),
    ]
    calls.clear()
    monkeypatch.setattr(Client, "runs", [SimpleNamespace(info=SimpleNamespace(run_id="r0"))])
    write_a_run(tmp_path, settings)  # it goes on
    assert calls[1] == ("client.update_run", ("r0",), {"status": "RUNNING"})
    assert calls[-1] == ("client.set_terminated", ("r0", "FINISHED"), {})


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_is_told_of(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    settings = configured(**{f"report.{name}": "photos"})
    told = rf"config\.report\.{name}='photos' needs {name} .*pip install 'amkd\[{name}\]'"
    with pytest.raises(UserError, match=told):
        writers.check(settings)
    writers.check(configured())


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_service_that_cannot_begin_is_told_of(name, tmp_path, monkeypatch):
    def fails(*args, **named):
        raise RuntimeError("no network")

    stand_in(monkeypatch, name, [], init=fails, MlflowClient=fails)
    stand_in(monkeypatch, "mlflow.entities", [])
    settings = configured(**{"report.tensorboard": False, f"report.{name}": "photos"})
    with pytest.raises(UserError, match=rf"{name}='photos': .*cannot start \(no network\)"):
        writers.open_all(settings, WriterFacts("abc", tmp_path, {}))


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("wandb", "WANDB_API_KEY", "geheim12"),
        ("mlflow", "MLFLOW_TRACKING_TOKEN", "geheim12"),
        ("mlflow", "MLFLOW_TRACKING_URI", "https://me:geheim12@example.com"),
    ],
)
def test_a_service_that_cannot_begin_tells_no_secret(name, variable, value, tmp_path, monkeypatch):
    def fails(*args, **named):
        raise RuntimeError(f"{value} was refused")

    monkeypatch.setenv(variable, value)
    stand_in(monkeypatch, name, [], init=fails, MlflowClient=fails)
    stand_in(monkeypatch, "mlflow.entities", [])
    settings = configured(**{"report.tensorboard": False, f"report.{name}": "photos"})
    with pytest.raises(UserError, match=r"cannot start \(.*\*\*\*.* was refused\)") as caught:
        writers.open_all(settings, WriterFacts("abc", tmp_path, {}))
    assert "geheim" not in str(caught.value)


def test_a_service_that_fails_ends_no_run(capsys):
    class Broken:
        asked = 0

        def scalars(self, values, *, axis, step):
            self.asked += 1
            raise ConnectionError("gone")

        def close(self, *, finished):
            raise ConnectionError("still gone")

    broken = Broken()
    guarded = Guarded("config.report.wandb", broken)
    for step in range(3):
        guarded.scalars({"loss/round_0": 1.0}, axis="epoch", step=step)
    guarded.close(finished=True)
    assert broken.asked == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "config.report.wandb: failed" in told and "gone" in told


FULL = """
import resource, sys
from pathlib import Path
from amkd.reporting.writers.tensorboard import EventFiles

writer = EventFiles(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # as if the disk were full
try:
    for step in range(200):
        writer.scalars({"loss": 1.0, "lr": 2.0}, axis="epoch", step=step)
except OSError as error:
    print(error)
    writer.close(finished=False)
"""


def test_a_full_disk_ends_tensorboard_without_a_stack_trace(tmp_path):
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-c", FULL, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    named = f"File too large: '{tmp_path}/events.out."
    assert ran.returncode == 0 and named in ran.stdout
    assert ran.stderr.count("\n") == 1 and "TensorBoard are not complete" in ran.stderr
    assert named in ran.stderr


def test_what_a_service_learns_of_the_configuration(tmp_path):
    fields = Settings()
    http = dataclasses.replace(fields.teacher.http, url="https://me:secret@example.com")
    teacher = dataclasses.replace(fields.teacher, http=http)
    data = dataclasses.replace(fields.data, folder="/home/me", classes="/home/me/names.txt")
    settings = dataclasses.replace(
        fields, teacher=teacher, data=data, student_weights="/home/me/start.safetensors"
    )
    known = writers.facts_of(settings, "abc", tmp_path).config
    assert known["train.epochs"] and known["seed"] == 0
    assert (known["student_weights"], known["data.classes"]) == ("start.safetensors", "names.txt")
    assert not any("secret" in str(value) or "/home" in str(value) for value in known.values())


@pytest.mark.skipif(not importlib.util.find_spec("wandb"), reason="wandb is not installed")
def test_wandb_itself_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    write_a_run(tmp_path, configured(**{"report.tensorboard": False, "report.wandb": "photos"}))
    (kept,) = (tmp_path / "wandb").glob("offline-run-*/run-abc.wandb")
    assert b"round/student_accuracy" in kept.read_bytes()


@pytest.mark.skipif(not importlib.util.find_spec("mlflow"), reason="mlflow is not installed")
def test_mlflow_itself_in_files(tmp_path, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    settings = configured(**{"report.tensorboard": False, "report.mlflow": "photos"})
    for _ in range(2):  # the second goes on with the first
        write_a_run(tmp_path, settings)
    client = mlflow.MlflowClient()
    place = client.get_experiment_by_name("photos").experiment_id
    (run,) = client.search_runs([place])
    assert run.data.params == {"seed": "3", "train.epochs": "8"}
    assert run.data.metrics["round/student_accuracy"] == 0.5 and run.info.status == "FINISHED"
