"""A served student with a paid teacher behind it: nothing is asked twice, and the money is a hard
stop.
"""

import contextlib
import json
import socket
import threading
import time
import types
from concurrent import futures

import httpx
import numpy as np

from amkd import ledger
from amkd.cli import ledger as ledger_command
from amkd.config.teacher_answers import Form
from amkd.querying import client
from amkd.querying.request_policy import RequestPolicy
from amkd.serving import answering
from amkd.serving.answering import Cascade, Patience
from amkd.serving.server import Model, Server
from tests.support import http_services
from tests.support.http_services import SHAPE, connection, oip_teacher, random_images

PRICE = 0.5
AT_ONCE = Patience(pause=0)  # after a failure the teacher is tried again at once


def student(images):
    """Is the surer, the brighter the first pixel: confidence from .5 to 1, always class 0."""
    sure = 0.5 + images[:, 0, 0, 0] / np.float32(510)
    return np.stack([sure, 1 - sure, 0 * sure], -1).astype(np.float32)


def is_unsure(images, threshold=0.75):
    return student(images).max(-1) < threshold


@contextlib.contextmanager
def served(folder, service, threshold=0.75, patience=AT_ONCE, **policy):
    """A served student, and its ledger."""
    teacher = oip_teacher(connection(service.url), batch=2)
    rules = {"price": PRICE, "first_wait": 0.01, "attempts": 2, **policy}
    with contextlib.closing(ledger.Ledger(folder / "ledger.sqlite")) as book:
        book.begin_run("served", "", "")
        query_client = client.QueryClient(
            teacher=teacher,
            ledger=book,
            run="served",
            budget=1,  # of distilling: what is served is apart from it
            classes=3,
            batch=2,
            form=Form(),
            policy=RequestPolicy(**rules),
        )
        cascade = Cascade(
            student, threshold=threshold, query_client=query_client, patience=patience
        )
        with Server(Model(cascade, "v1", SHAPE, 3, 8), "127.0.0.1", 0) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.005,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}", book
            finally:
                server.shutdown()
                thread.join()
                server.drain()
                teacher.ask.close()


def infer(url, images):
    """Asks the served student; returns probabilities, and what the reply says beside them."""
    given = {"name": "images", "datatype": "UINT8", "shape": list(images.shape)}
    given["data"] = images.ravel().tolist()
    reply = httpx.post(f"{url}/v2/models/student/infer", json={"inputs": [given]}, timeout=30)
    assert reply.status_code == 200, reply.text
    told = reply.json()
    return np.reshape(told["outputs"][0]["data"], told["outputs"][0]["shape"]), told["parameters"]


def test_the_ledger_counts_what_the_service_counts(tmp_path):
    """Many clients ask about the same images at once."""
    images = random_images(40)
    unsure = is_unsure(images)
    assert 10 < unsure.sum() < 30
    orders = [np.random.default_rng(seed).permutation(40)[:8] for seed in range(24)]
    with http_services.serve() as service, served(tmp_path, service) as (url, book):
        with futures.ThreadPoolExecutor(6) as threads:
            found = list(threads.map(lambda order: infer(url, images[order]), orders))
        wanted = {
            http_services.faulty_server.digest(images[place])
            for order in orders
            for place in order
            if unsure[place]
        }
        assert set(service.received) == wanted and set(service.received.values()) == {1}
        assert book.count("served", client.SERVE, paid_only=True) == len(wanted)
        assert book.count("served", client.DISTILL) == 0
        assert book.spent("served") == PRICE * sum(service.received.values())
        for order, (rows, told) in zip(orders, found, strict=True):
            asked = unsure[order]
            expected = student(images[order])
            expected[asked] = http_services.answer(images[order][asked])
            assert np.allclose(rows, expected, atol=1e-6)
            assert told["teacher"] == asked.sum() and told["student"] == 8 - asked.sum()
            assert told["teacher_images"] == ",".join(map(str, np.flatnonzero(asked)))
            assert "notice" not in told
        metrics = httpx.get(f"{url}/metrics").text
        assert "amkd_served_requests_total 24\n" in metrics
        assert "amkd_served_unsure_total 0\n" in metrics
    assert ledger_command.main(["verify", str(tmp_path / "ledger.sqlite")]) in (0, None)


def test_when_the_money_is_over_the_student_answers_and_says_so(tmp_path):
    images = random_images(40)
    images = images[is_unsure(images)][:8]
    with http_services.serve() as service:
        with served(tmp_path, service, max_cost=3 * PRICE) as (url, book):
            rows, told = infer(url, images)
            assert sum(service.received.values()) == 3 and book.spent("served") == 3 * PRICE
            assert (told["teacher"], told["student"]) == (3, 5)
            assert "config.teacher.max_cost=1.5" in told["notice"]
            assert np.allclose(rows[:3], http_services.answer(images[:3]), atol=1e-6)
            assert np.allclose(rows[3:], student(images[3:]), atol=1e-6)
        # A later process has the same account, and finds what was paid for.
        with served(tmp_path, service, max_cost=3 * PRICE) as (url, book):
            assert infer(url, images[:3])[1] == {
                "student": 0,
                "teacher": 3,
                "teacher_images": "0,1,2",
            }
            assert infer(url, images[3:4])[1]["teacher"] == 0
        assert sum(service.received.values()) == 3


def test_the_students_answer_stands_where_the_teacher_names_no_class(tmp_path, monkeypatch):
    images = random_images(40)
    images = images[is_unsure(images)][:3]
    nothing = http_services.faulty_server.digest(images[1])
    answer = http_services.answer

    def answered(of):
        found = answer(of).copy()
        for place, image in enumerate(of):
            if http_services.faulty_server.digest(image) == nothing:
                found[place] = 1 / 3
        return found

    monkeypatch.setattr(http_services, "answer", answered)
    with http_services.serve() as service, served(tmp_path, service) as (url, book):
        for _ in range(2):  # the second time from the ledger
            rows, told = infer(url, images)
            assert (told["teacher"], told["teacher_images"]) == (2, "0,2")
            assert told["notice"] == "the teacher names none of the classes for 1 of the images"
            assert np.allclose(rows[1], student(images[1:2])[0], atol=1e-6)
            assert np.allclose(rows[[0, 2]], answer(images[[0, 2]]), atol=1e-6)
        assert book.spent("served") == 3 * PRICE  # it was answered, and paid for
        assert "amkd_served_unsure_total 2\n" in httpx.get(f"{url}/metrics").text


def test_the_longest_request_fits_whatever_its_numbers_look_like(tmp_path):
    for channels in (1, 3):
        shape = (4, 4, channels)
        images = np.full((8, *shape), 255, np.uint8)
        longest = Model(Cascade(student), "v1", shape, 3, 8).longest
        assert len(json.dumps(images.tolist())) + 1000 < longest


def test_a_service_that_is_down_does_not_stop_the_student(tmp_path):
    images = random_images(40)
    images = images[is_unsure(images)][:2]
    with http_services.serve("500*2") as service, served(tmp_path, service) as (url, _):
        rows, told = infer(url, images)
        assert "did not answer in 2 attempts" in told["notice"] and told["student"] == 2
        assert np.allclose(rows, student(images), atol=1e-6)
        assert infer(url, images)[1]["teacher"] == 2  # it works again
        assert "amkd_served_unsure_total 2\n" in httpx.get(f"{url}/metrics").text


def test_after_a_failure_nothing_is_sent_for_a_while(tmp_path, monkeypatch):
    images = random_images(40)
    images = images[is_unsure(images)][:2]
    now = [100.0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep)
    monkeypatch.setattr(answering, "time", clock)
    with (
        http_services.serve("ok", "500*2") as service,
        served(tmp_path, service, patience=Patience(pause=20)) as (url, _),
    ):
        assert infer(url, images[:1])[1]["teacher"] == 1
        assert "did not answer in 2 attempts" in infer(url, images[1:])[1]["notice"]
        sent = sum(service.received.values())
        now[0] += 19.5
        told = infer(url, images)[1]  # the first answer is in the ledger
        assert (told["teacher_images"], told["student"]) == ("0", 1)
        assert told["notice"].endswith("; no image is sent for the next 1 s")
        assert sum(service.received.values()) == sent
        now[0] += 0.5
        assert infer(url, images)[1]["teacher"] == 2
        assert sum(service.received.values()) == sent + 1


def test_an_image_that_the_teacher_refuses_holds_up_no_other(tmp_path):
    images = random_images(40)
    images = images[is_unsure(images)][:2]
    with (
        http_services.serve("400") as service,
        served(tmp_path, service, patience=Patience(pause=3600)) as (url, _),
    ):
        assert "status 400" in infer(url, images[:1])[1]["notice"]
        assert infer(url, images[1:])[1]["teacher"] == 1


def test_a_request_does_not_wait_long_for_those_before_it(tmp_path):
    """An image with an answer in the ledger does not wait at all."""
    images = random_images(40)
    images = images[is_unsure(images)][:3]
    with (
        http_services.serve("ok", "hang") as service,
        served(tmp_path, service, patience=Patience(wait=0.1)) as (url, _),
        futures.ThreadPoolExecutor(1) as threads,
    ):
        known, others = images[:1], images[1:]
        assert infer(url, known)[1]["teacher"] == 1
        slow = threads.submit(infer, url, others[:1])
        while len(service.received) < 2:
            time.sleep(0.01)
        rows, told = infer(url, images[[2, 0]])
        assert told["notice"] == "the teacher has not answered earlier requests yet"
        assert (told["student"], told["teacher_images"]) == (1, "1")
        assert np.allclose(rows[0], student(others[1:])[0], atol=1e-6)
        assert np.allclose(rows[1], http_services.answer(known)[0], atol=1e-6)
        told = infer(url, known)[1]
        assert told["teacher"] == 1 and "notice" not in told
        assert not slow.done()
        assert slow.result()[1]["teacher"] == 1


def test_the_student_alone_asks_nobody(tmp_path):
    with http_services.serve() as service, served(tmp_path, service, 0.0) as (url, _):
        assert infer(url, random_images(8))[1] == {"student": 8, "teacher": 0, "teacher_images": ""}
        assert not service.received


def test_paths_and_refusals(tmp_path):
    with http_services.serve() as service, served(tmp_path, service) as (url, _):
        for path in ("v2/health/live", "v2/health/ready", "v2/models/student/ready", "v2"):
            assert httpx.get(f"{url}/{path}").status_code == 200
        told = httpx.get(f"{url}/v2/models/student/versions/v1").json()
        assert told["inputs"][0]["shape"] == [-1, *SHAPE] and told["versions"] == ["v1"]
        ask = f"{url}/v2/models/student/infer"
        assert httpx.get(f"{url}/v2/models/other").status_code == 404
        assert httpx.post(f"{url}/v2/models/other/infer", content=b"{}").status_code == 404
        assert httpx.post(ask, content=b"{").status_code == 400
        assert httpx.post(ask, content=b"{}", headers={"Origin": "http://a.b"}).status_code == 403
        assert httpx.post(ask, content=b"x" * 70_000).status_code == 413
        assert httpx.post(ask, content=iter([b"{}"])).status_code == 411
        assert not service.received


def test_the_projects_own_client_can_ask_it(tmp_path):
    """A served student may be the teacher of another run; here with binary tensors."""
    images = random_images(8)
    with http_services.serve() as service, served(tmp_path, service, 0.0) as (url, _):
        found = http_services.oip_teacher(connection(url), model="student", batch=4)
        with http_services.closing(found):
            assert found.identity.endswith("/student:v1")
            assert np.allclose(found.ask(images), student(images), atol=1e-6)


@contextlib.contextmanager
def serving(answer):
    """A server whose cascade is a function."""
    model = Model(types.SimpleNamespace(answer=answer), "v1", SHAPE, 3, 8)
    with Server(model, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_slow_client_does_not_keep_the_server_from_ending():
    with serving(None) as server, socket.create_connection(server.server_address) as client_:
        head = "POST /v2/models/student/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
        client_.sendall(head.encode())
        time.sleep(0.2)  # it is read now, and the rest does not come
        ending = threading.Thread(target=server.drain, daemon=True)
        ending.start()
        ending.join(60)
        assert not ending.is_alive()
        client_.sendall(b"}       ")  # too late: the ledger may be closed by now
        assert client_.recv(2**16).startswith(b"HTTP/1.1 503 ")


def test_an_error_in_the_student_is_said_and_answered(capsys):
    def fails(images):
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")

    image = np.zeros((1, *SHAPE), int)
    tensor = {"name": "images", "datatype": "UINT8", "shape": image.shape, "data": image.tolist()}
    with serving(fails) as server:
        url = f"http://127.0.0.1:{server.server_port}/v2/models/student/infer"
        reply = httpx.post(url, json={"inputs": [tensor]})
    assert reply.status_code == 500
    assert reply.json() == {"error": "the server failed (RuntimeError): see its output"}
    assert "a request failed: RuntimeError: RESOURCE_EXHAUSTED" in capsys.readouterr().err
