"""``--mode=serve`` on a finished run: which student answers, and who is asked behind it."""

import json
import queue
import shutil
import threading

import httpx
import numpy as np
import pytest

from amkd.cli import modes
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import sources
from amkd.ledger import Ledger
from amkd.models.saved_network import load_network
from amkd.querying import client
from amkd.serving import serve
from tests.support import command, counting_teacher
from tests.support.small import configured


@pytest.fixture
def run(tmp_path, tiny_run, monkeypatch):
    """A copy of a finished run, whose teacher writes down what it is asked from now on."""
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    return shutil.copytree(tiny_run / "run", tmp_path / "run")


def opened(folder, **fields):
    settings = configured(**{**command.PRICED, **fields})
    return serve.opened(settings, folder, load_network(folder / "student"), StopSignal())


def new_images(count):
    return np.random.default_rng(5).integers(0, 256, (count, 8, 8, 1), np.uint8)


def test_the_runs_teacher_is_asked_on_an_account_that_stays(run, tmp_path):
    log, images = tmp_path / "asked.txt", new_images(6)
    known = sources.load("digits", cache_dir=tmp_path, test_images=60).test_images[:4]
    fields = {"serve.threshold": 1.0, "teacher.max_cost": 1.0, "serve.student": "jax"}
    with opened(run, **fields) as (model, told):
        assert "below 1, python:tests.support.counting_teacher:answer" in told
        assert (model.shape, model.classes, model.max_batch) == ((8, 8, 1), 10, 64)
        # The run has sent the evaluation images: they are free.
        assert model.cascade.answer(known).by_teacher.all() and not log.exists()
        # 1 USD at .25 an image reaches four of six, whatever the run itself has spent.
        answered = model.cascade.answer(images)
        assert answered.by_teacher.tolist() == [True] * 4 + [False] * 2
        assert "max_cost=1" in answered.notice
    with opened(run, **fields) as (model, _):
        assert model.cascade.answer(images).by_teacher.sum() == 4
    assert len(counting_teacher.asked(log)) == 4
    book = Ledger(run / "ledger.sqlite")
    own = serve.serving_run(json.loads((run / "config.json").read_text())["run"])
    assert (book.spent(own), book.count(own, client.SERVE)) == (1.0, 8)
    book.close()


def test_the_student_alone_needs_no_teacher(run, tmp_path):
    saved, images = load_network(run / "student"), new_images(5)
    with opened(run, **{"serve.threshold": 0.0}) as (model, told):
        assert told == "the saved student" and model.version == saved.card["sha256"][:12]
        answered = model.cascade.answer(images)
    assert np.allclose(answered.probabilities, saved.predict(images), atol=1e-6)
    assert not answered.by_teacher.any() and not (tmp_path / "asked.txt").exists()


def test_an_export_answers_if_it_is_of_this_student(run, tmp_path):
    pytest.importorskip("jax2onnx", reason="pip install -e '.[onnx]'")
    fields = {**command.PRICED, "export.formats": "onnx,onnx_int8"}
    given = {"network": None, "images": None, "output": None, "stop": StopSignal()}
    modes.export(modes.Command(config=configured(**fields), workdir=run, **given))
    facts = json.loads((run / "export" / "card.json").read_text())["formats"]["onnx_int8"]
    assert (facts["calibration_images"], facts["compared"]["images"]) == (30, 60)
    assert None not in facts["compared"]["accuracy"] + facts["compared"]["ece"]
    images, saved = new_images(5), load_network(run / "student")
    with opened(run) as (model, told):
        assert told == str(run / "export" / "student.onnx")
        found = model.cascade.answer(images).probabilities
        assert np.allclose(found, saved.predict(images), atol=1e-4)
    with opened(run, **{"serve.student": "onnx_int8"}) as (_, told):
        assert told.endswith("student.int8.onnx")
    with (run / "export" / "student.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match="of another student, or has changed"):
        with opened(run, **{"serve.student": "onnx"}):
            pass
    with opened(run) as (_, told):
        assert told == "the saved student"


def test_what_cannot_be_served(run):
    with pytest.raises(UserError, match=r"no export of this student .* --mode=export"):
        with opened(run, **{"serve.student": "onnx"}):
            pass
    with pytest.raises(UserError, match=r"was distilled from .* is now other"):
        with opened(run, **{"serve.threshold": 0.5, "teacher.identity": "other"}):
            pass
    given = {"network": None, "images": None, "output": None, "stop": StopSignal()}
    with pytest.raises(UserError, match="--workdir is missing"):
        modes.serve(modes.Command(config=configured(**command.PRICED), workdir=None, **given))


def test_it_serves_until_it_is_stopped(run, monkeypatch):
    stop, said = StopSignal(), queue.SimpleQueue()
    settings, saved = configured(**command.PRICED), load_network(run / "student")
    # Not capsys: what a thread prints while another empties it can be lost.
    monkeypatch.setattr(serve.console, "say", lambda message, **_: said.put(message))

    def serving():
        serve.serve(settings, run, saved, host="127.0.0.1", port=0, stop=stop)

    thread = threading.Thread(target=serving)
    thread.start()
    try:
        url, _, told = said.get(timeout=60).partition(": ")
        assert told == "the saved student; Ctrl-C ends it"
        assert httpx.get(url).json()["outputs"][0]["shape"] == [-1, 10]
    finally:
        stop.requested = True
        thread.join(10)
    assert not thread.is_alive()
    assert said.get(timeout=10).startswith("answered 0 requests")
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
