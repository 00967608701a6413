"""Attempts at a service: what may have been billed, what may be tried again, and what is final."""

import concurrent.futures
import contextlib
import gzip
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.teachers import Refused, Unanswered
from amkd.teachers.http import client as clients
from tests.support import faulty_server
from tests.support.http_services import (
    Canned,
    answer,
    closing,
    connection,
    dumps,
    json_teacher,
    load_json,
    load_oip,
    oip_teacher,
    random_images,
    serve,
)


def test_json_answers_are_the_service_s_own():
    with serve("ok", "shuffled", "duplicate", top=3) as server, load_json(server) as teacher:
        images = random_images(4)
        for _ in range(3):
            np.testing.assert_allclose(teacher.ask(images), answer(images), rtol=1e-6)
        assert set(server.answered.values()) == {3}
        assert teacher.identity == f"json:127.0.0.1:{server.url.rpartition(':')[2]}/classify"


def test_a_top_list_leaves_the_other_scores_untold():
    with serve(top=1) as server, load_json(server) as teacher:
        images = random_images(4)
        found, whole = teacher.ask(images), answer(images)
        best = whole.argmax(-1)
        np.testing.assert_allclose(found[np.arange(4), best], whole.max(-1), rtol=1e-6)
        assert np.isnan(found).sum() == 8


def test_hard_labels_are_class_numbers():
    with serve(names=("zero", "one", "two")) as server:
        labels = {"zero": 2, "one": 0, "two": 1}
        with load_json(server, hard_labels=True, labels=labels) as teacher:
            images = random_images(4)
            found = teacher.ask(images)
            assert found.dtype == np.int64
            np.testing.assert_array_equal(found, np.array([2, 0, 1])[answer(images).argmax(-1)])


BILLED = ["reset", "500", "502", "503", "truncated", "garbled", "stranger", "rows"]


@pytest.mark.parametrize("fault", [*BILLED, "hang", "drip:0.1"])
@pytest.mark.parametrize("load", [load_oip, load_json])
def test_an_attempt_that_may_be_billed_says_so(load, fault):
    images, endless = random_images(3), fault in ("hang", "drip:0.1")
    limits = {"connect_timeout": 0.5, "read_timeout": 1.0 if endless else 60.0}
    with serve(fault) as server, load(server, **limits) as teacher:
        began = time.monotonic()
        with pytest.raises(Unanswered) as failed:
            teacher.ask(images)
        assert time.monotonic() - began < 30
        assert failed.value.billed
        assert failed.value.after is None
        answered = fault in ("truncated", "garbled", "stranger", "rows", "drip:0.1")
        assert sum(server.received.values()) == 3
        assert sum(server.answered.values()) == 3 * answered
        with load(server) as patient:
            np.testing.assert_allclose(patient.ask(images), answer(images), rtol=1e-6)


@pytest.mark.parametrize(
    ("fault", "after"),
    [("429:1.5", 1.5), ("429", None), ("503:0.25", 0.25), ("425", None), ("409", None)],
)
def test_a_refusal_to_be_repeated_is_not_billed(fault, after):
    with serve(fault) as server, load_oip(server) as teacher:
        with pytest.raises(Unanswered) as failed:
            teacher.ask(random_images(1))
        assert (failed.value.billed, failed.value.after) == (False, after)
        assert not server.answered


def test_a_contradiction_within_a_reply_is_no_answer():
    with serve("contradiction") as server, load_json(server) as teacher:
        with pytest.raises(Unanswered, match=r"contradict") as failed:
            teacher.ask(random_images(2))
        assert failed.value.billed


def test_a_service_that_is_gone_has_billed_nothing():
    with serve() as server:
        found = oip_teacher(connection(server.url), binary="no", batch=2)
        reaches_json = json_teacher(connection(server.json_url), Template(**faulty_server.JSON))
    for teacher in (found, reaches_json):
        with closing(teacher), pytest.raises(Unanswered, match=r"ConnectError") as failed:
            teacher.ask(random_images(1))
        assert not failed.value.billed


def test_a_name_without_a_host_has_billed_nothing():
    where = connection("http://no-such-host.invalid/classify")
    teacher = json_teacher(where)
    with closing(teacher), pytest.raises(Unanswered) as failed:
        teacher.ask(random_images(1))
    assert not failed.value.billed


def test_odd_values_are_left_to_the_caller():
    with serve("nan", "sum") as server, load_oip(server, binary="no") as teacher:
        images = random_images(2)
        assert np.isnan(teacher.ask(images)).tolist() == [[True, False, False], [False] * 3]
        np.testing.assert_allclose(teacher.ask(images).sum(-1), 2, rtol=1e-6)


@pytest.mark.parametrize("load", [load_oip, load_json])
def test_another_number_of_classes_is_final(load):
    with serve("classes") as server, load(server) as teacher:
        with pytest.raises(UserError, match=r"4 scores per image|not a class of the data set"):
            teacher.ask(random_images(2))


def test_headers_that_drip_end_with_the_deadline():
    """A server that sends a byte of its headers now and then never lets a read time out."""
    listener, over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def drip():
        with listener.accept()[0] as peer, contextlib.suppress(OSError):
            peer.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not over.wait(0.05):
                peer.sendall(b"a")

    thread = threading.Thread(target=drip)
    thread.start()
    where = connection(
        f"http://127.0.0.1:{listener.getsockname()[1]}/x", connect_timeout=0.3, read_timeout=1.5
    )
    teacher = json_teacher(where)
    with (
        closing(teacher),
        pytest.raises(
            Unanswered,
            match=r"ReadTimeout: timed out"
            r" \(config.teacher.http.connect_timeout=0.3, .read_timeout=1.5\)",
        ) as failed,
    ):
        began = time.monotonic()
        teacher.ask(random_images(1))
    assert 1.6 < time.monotonic() - began < 60  # that server drips without end
    assert failed.value.billed
    over.set()
    thread.join()
    listener.close()


def test_many_threads_ask_at_once_and_each_gets_its_own_answer():
    with serve(*["slow:0.02"] * 10) as server, load_oip(server) as teacher:
        batches = [random_images(3, seed) for seed in range(24)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = list(pool.map(teacher.ask, batches))
        np.testing.assert_allclose(found, [answer(batch) for batch in batches], rtol=1e-6)
        assert set(server.answered.values()) == {1}
        assert len(server.answered) == 72


def test_compressed_replies():
    whole = gzip.compress(b'{"scores": [0.5, 0.25, 0.25]}')
    for body, fine in ((whole, True), (b"\x00" + whole[1:], False)):
        with Canned({"POST /x": (200, {"Content-Encoding": "gzip"}, body)}) as server:
            teacher = json_teacher(connection(server.url + "/x"))
            with (
                closing(teacher),
                contextlib.nullcontext() if fine else pytest.raises(Unanswered, match=r"not gzip"),
            ):
                assert teacher.ask(random_images(1)).tolist() == [[0.5, 0.25, 0.25]]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "check the form of the request"),
        (400, "if it answers other requests, it does not accept an image of this one"),
        (401, "no credentials"),
        (403, "do not allow"),
        (404, "no such model"),
        (413, "decrease config.teacher.batch"),
        (422, "check the form of the request"),
        (451, "another attempt will not help"),
    ],
)
def test_final_statuses_say_what_to_do(status, words):
    with serve(str(status)) as server, load_oip(server) as teacher:
        with pytest.raises(Refused, match=rf"status {status} .*not now.*{words}"):
            teacher.ask(random_images(1))


def test_metadata_is_asked_for_again_where_that_may_help(monkeypatch):
    waited = []
    monkeypatch.setattr(clients._METADATA_TRIES, "sleep", waited.append)
    replies = iter(
        [(503, {"Retry-After": "4"}, b""), (500, {}, b""), (200, {}, dumps({"fine": 1}))]
    )

    class Changing(dict):
        def get(self, *_):
            return next(replies)

    with Canned(Changing()) as server:
        client = clients.Client(connection(server.url))
        assert client.get("v2") == {"fine": 1}
        assert waited == [4.0, 1.0]
        client.close()


def test_a_service_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(clients._METADATA_TRIES, "sleep", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(
        UserError, match=rf"config.teacher.http.url: 127.0.0.1:{port} does not describe its model"
    ):
        oip_teacher(connection(f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize("ending", ["", "teacher.ask.close()", "del teacher"])
def test_connections_are_closed_with_the_interpreter(ending):
    code = (
        "import numpy as np, sys\n"
        "from tests.support.http_services import Connection, oip_teacher\n"
        "teacher = oip_teacher(Connection(sys.argv[1]), binary='no')\n"
        "print(teacher.ask(np.zeros((1, 2, 4, 1), np.uint8)).shape)\n" + ending
    )
    with serve() as server:
        ran = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", code, server.url],
            cwd=Path(__file__).parents[2],
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (ran.returncode, ran.stdout) == (0, "(1, 3)\n"), ran.stderr
    assert "ResourceWarning" not in ran.stderr
    assert "Task was destroyed" not in ran.stderr
