"""Teachers behind HTTP, against servers that answer literal bytes and one that misbehaves on
order.
"""

import base64
import concurrent.futures
import contextlib
import dataclasses
import email.utils
import gzip
import io
import json
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.teachers import PartlyAnswered, Refused, Unanswered, tensors
from amkd.teachers.http import client as clients
from amkd.teachers.http import encoding, json_service, oip, tfserving
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.labels import Labels
from amkd.teachers.http.outline import outline
from amkd.teachers.http.template import Request
from amkd.teachers.tensors import Tensor
from tests.support import faulty_server
from tests.support.faulty_server import FaultyServer

SECRET = 'hunter2/"very&secret'
AUTO = Pixels(layout="auto", dtype="auto")
NAMES = ("ant", "Bee", "cat")


class Canned:
    """A server of literal replies: ``{"POST /path": (status, headers, body)}``, a body being bytes
    or a function of the
    request's.

    ``asked`` lists what came: ``("POST /path", headers, body)``.
    """

    def __init__(self, replies, context=None):
        self.replies, self.asked = replies, []
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                name = f"{self.command} {self.path}"
                canned.asked.append((name, dict(self.headers), body))
                status, headers, reply = canned.replies.get(
                    name, (404, {}, b'{"error": "not here"}')
                )
                reply = reply(body) if callable(reply) else reply
                self.send_response(status)
                for key, value in {"Content-Length": len(reply), **headers}.items():
                    self.send_header(key, str(value))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.block_on_close = True, False
        self.server.handle_error = lambda *_: None
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@contextlib.contextmanager
def closing(teacher):
    try:
        yield teacher
    finally:
        teacher.ask.close()


def connection(url, **fields):
    return Connection(
        url, **{"connect_timeout": 0.5, "read_timeout": 5.0, "in_flight": 4, **fields}
    )


def dumps(value):
    return json.dumps(value).encode()


# --- A classifier for the faulty server: the mean of the pixels says how likely class 1 is.


def answer(images):
    share = images.mean((1, 2, 3)) / 255
    return np.stack([(1 - share) / 2, share, (1 - share) / 2], -1)


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 2, 4, 1), np.uint8)


def serve(*faults, **options):
    return FaultyServer(answer, (2, 4, 1), faults, **options)


def load_oip(server, batch=4, binary="auto", **fields):
    where = connection(server.url, **fields)
    return closing(
        oip.load(where, "digits", "", "", "", binary, AUTO, (2, 4, 1), 3, "", batch=batch)
    )


def load_json(
    server, template=None, hard=False, labels=None, names=("0", "1", "2"), batch=4, **fields
):
    where = connection(server.json_url, **fields)
    template = template or Template(**(faulty_server.HARD if hard else faulty_server.JSON))
    return closing(
        json_service.load(where, template, (2, 4, 1), names, labels or {}, "", hard, batch=batch)
    )


# --- The two protocols against the server of our own


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("datatype", ["UINT8", "FP16", "FP32", "FP64"])
def test_oip_answers_are_the_service_s_own(binary, datatype):
    with serve(binary=binary, datatype=datatype) as server, load_oip(server) as teacher:
        images = pictures(4)
        found = teacher.ask(images)
        np.testing.assert_array_equal(found, answer(images).astype(np.float32))
        assert teacher.identity == f"oip:127.0.0.1:{server.url.rpartition(':')[2]}/digits:1"
        assert (found.dtype, teacher.patience) == (np.float64, 36.0)
        assert sorted(server.received) == sorted(map(faulty_server.digest, images))
        assert server.answered == server.received
        sent = server.requests[0].headers
        assert ("Inference-Header-Content-Length" in sent) == binary


def test_json_answers_are_the_service_s_own():
    with serve("ok", "shuffled", "duplicate", top=3) as server, load_json(server) as teacher:
        images = pictures(4)
        for _ in range(3):
            np.testing.assert_allclose(teacher.ask(images), answer(images), rtol=1e-6)
        assert set(server.answered.values()) == {3}
        assert teacher.identity == f"json:127.0.0.1:{server.url.rpartition(':')[2]}/classify"


def test_a_top_list_leaves_the_other_scores_untold():
    with serve(top=1) as server, load_json(server) as teacher:
        images = pictures(4)
        found, whole = teacher.ask(images), answer(images)
        best = whole.argmax(-1)
        np.testing.assert_allclose(found[np.arange(4), best], whole.max(-1), rtol=1e-6)
        assert np.isnan(found).sum() == 8


def test_hard_labels_are_class_numbers():
    with serve(names=("zero", "one", "two")) as server:
        labels = {"zero": 2, "one": 0, "two": 1}
        with load_json(server, hard=True, labels=labels) as teacher:
            images = pictures(4)
            found = teacher.ask(images)
            assert found.dtype == np.int64
            np.testing.assert_array_equal(found, np.array([2, 0, 1])[answer(images).argmax(-1)])


# --- Failures: what may have cost money and what has not

BILLED = ["reset", "500", "502", "503", "truncated", "garbled", "stranger", "rows"]


@pytest.mark.parametrize("fault", [*BILLED, "hang", "drip:0.1"])
@pytest.mark.parametrize("load", [load_oip, load_json])
def test_an_attempt_that_may_be_billed_says_so(load, fault):
    quick = {"connect_timeout": 0.2, "read_timeout": 0.4} if fault in ("hang", "drip:0.1") else {}
    with serve(fault) as server, load(server, **quick) as teacher:
        began = time.monotonic()
        with pytest.raises(Unanswered) as failed:
            teacher.ask(pictures(3))
        assert time.monotonic() - began < 2
        assert failed.value.billed
        assert failed.value.after is None
        answered = fault in ("truncated", "garbled", "stranger", "rows", "drip:0.1")
        assert sum(server.received.values()) == 3
        assert sum(server.answered.values()) == 3 * answered
        np.testing.assert_allclose(teacher.ask(pictures(3)), answer(pictures(3)), rtol=1e-6)


@pytest.mark.parametrize(("fault", "after"), [("429:1.5", 1.5), ("429", None), ("503:0.25", 0.25)])
def test_a_refusal_to_be_repeated_is_not_billed(fault, after):
    with serve(fault) as server, load_oip(server) as teacher:
        with pytest.raises(Unanswered) as failed:
            teacher.ask(pictures(1))
        assert (failed.value.billed, failed.value.after) == (False, after)
        assert not server.answered


def test_a_contradiction_within_a_reply_is_no_answer():
    with serve("contradiction") as server, load_json(server) as teacher:
        with pytest.raises(Unanswered, match=r"contradict") as failed:
            teacher.ask(pictures(2))
        assert failed.value.billed


def test_a_service_that_is_gone_has_billed_nothing():
    with serve() as server:
        found = oip.load(
            connection(server.url), "digits", "", "", "", "no", AUTO, (2, 4, 1), 3, "", batch=2
        )
        reaches_json = json_service.load(
            connection(server.json_url),
            Template(**faulty_server.JSON),
            (2, 4, 1),
            NAMES,
            {},
            "",
            False,
        )
    for teacher in (found, reaches_json):
        with closing(teacher), pytest.raises(Unanswered, match=r"ConnectError") as failed:
            teacher.ask(pictures(1))
        assert not failed.value.billed


def test_a_name_without_a_host_has_billed_nothing():
    where = connection("http://no-such-host.invalid/classify")
    teacher = json_service.load(where, Template('{"x": "$image"}'), (2, 4, 1), NAMES, {}, "", False)
    with closing(teacher), pytest.raises(Unanswered) as failed:
        teacher.ask(pictures(1))
    assert not failed.value.billed


def test_odd_values_are_left_to_the_caller():
    with serve("nan", "sum") as server, load_oip(server, binary="no") as teacher:
        images = pictures(2)
        assert np.isnan(teacher.ask(images)).tolist() == [[True, False, False], [False] * 3]
        np.testing.assert_allclose(teacher.ask(images).sum(-1), 2, rtol=1e-6)


@pytest.mark.parametrize("load", [load_oip, load_json])
def test_another_number_of_classes_is_final(load):
    with serve("classes") as server, load(server) as teacher:
        with pytest.raises(UserError, match=r"4 scores per image|no class of the data set"):
            teacher.ask(pictures(2))


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
        f"http://127.0.0.1:{listener.getsockname()[1]}/x", connect_timeout=0.3, read_timeout=0.3
    )
    teacher = json_service.load(where, Template('{"x": "$image"}'), (2, 4, 1), NAMES, {}, "", False)
    with (
        closing(teacher),
        pytest.raises(
            Unanswered,
            match=r"ReadTimeout: timed out \(config.teacher.http.connect_timeout=0.3, .read_timeout=0.3\)",
        ) as failed,
    ):
        began = time.monotonic()
        teacher.ask(pictures(1))
    assert 0.5 < time.monotonic() - began < 1.5
    assert failed.value.billed
    over.set()
    thread.join()
    listener.close()


def test_many_threads_ask_at_once_and_each_gets_its_own_answer():
    with serve(*["slow:0.02"] * 10) as server, load_oip(server) as teacher:
        batches = [pictures(3, seed) for seed in range(24)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = list(pool.map(teacher.ask, batches))
        np.testing.assert_allclose(found, [answer(batch) for batch in batches], rtol=1e-6)
        assert set(server.answered.values()) == {1}
        assert len(server.answered) == 72


# --- Secrets


def chained(error):
    """An error's texts, and those of what it came from."""
    while error is not None:
        yield f"{error} {error!r} {error.args}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("source", ["env", "file"])
def test_the_secret_is_sent_and_shown_nowhere(source, monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SERVICE_KEY", f" {SECRET}\n")
    (tmp_path / "key").write_text(f"{SECRET}\n")
    fields = (
        {"auth_env": "SERVICE_KEY"} if source == "env" else {"auth_file": str(tmp_path / "key")}
    )
    with serve("500", token=SECRET) as server, load_json(server, **fields) as teacher:
        with pytest.raises(Unanswered) as failed:
            teacher.ask(pictures(1))
        teacher.ask(pictures(1))
        assert server.requests[1].headers["Authorization"] == f"Bearer {SECRET}"
        server.token = "another"  # so that it repeats the header in its refusal
        with pytest.raises(Refused, match=r"status 401") as refused:
            teacher.ask(pictures(1))
        assert r"bad credentials: Bearer ***" in str(refused.value)
        assert ("SERVICE_KEY" if source == "env" else str(tmp_path / "key")) in str(refused.value)
        shown = [
            repr(teacher),
            teacher.identity,
            *chained(failed.value),
            *chained(refused.value),
            caplog.text,
        ]
    assert not [text for text in shown if "hunter2" in text]
    assert "200" in caplog.text  # httpx's own lines are there


@pytest.mark.parametrize(
    ("fields", "header", "sent"),
    [
        (
            {"auth_scheme": "Basic"},
            "Authorization",
            "Basic " + base64.b64encode(b"me:pass").decode(),
        ),
        ({"auth_scheme": "", "auth_header": "X-Api-Key"}, "X-Api-Key", "me:pass"),
        ({"auth_scheme": "Token"}, "Authorization", "Token me:pass"),
    ],
)
def test_header_and_scheme(fields, header, sent, monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", "me:pass")
    with serve("418") as server, load_json(server, auth_env="SERVICE_KEY", **fields) as teacher:
        with pytest.raises(Refused, match=r"418"):
            teacher.ask(pictures(1))
        assert {name.lower(): value for name, value in server.requests[0].headers.items()}[
            header.lower()
        ] == sent


def test_the_password_of_basic_is_blotted_out_of_a_reply(monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", "me:pa/ss")
    fields = {"auth_scheme": "Basic", "auth_env": "SERVICE_KEY"}
    echo = base64.b64encode(b"me:pa/ss") + b" me:pa/ss pa%2Fss wrong"
    with Canned({"POST /": (403, {}, echo)}) as server:
        teacher = json_service.load(
            connection(server.url + "/", **fields),
            Template('{"x": "$image"}'),
            (2, 4, 1),
            NAMES,
            {},
            "",
            False,
        )
        with closing(teacher), pytest.raises(Refused, match=r"\(\*\*\* \*\*\* \*\*\* wrong\)"):
            teacher.ask(pictures(1))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"auth_env": "NOT_SET_HERE"}, "config.teacher.http.auth_env.*NOT_SET_HERE is not set"),
        ({"auth_env": "SERVICE_KEY", "auth_file": "x"}, "both set"),
        ({"auth_file": __file__}, "test_http_teacher.py .* no header can carry"),
        (
            {"auth_file": "/nowhere/key"},
            "config.teacher.http.auth_file='/nowhere/key' cannot be read",
        ),
        ({"auth_env": "SERVICE_KEY", "auth_header": "X Key"}, "auth_header"),
        ({"auth_env": "SERVICE_KEY", "auth_scheme": "Bear er"}, "auth_scheme"),
        ({"auth_env": "TWO_LINES"}, "TWO_LINES .* no header can carry"),
        ({"auth_env": "SERVICE_KEY", "url": "http://example.com/x"}, "unencrypted"),
        ({"url": "https://me:hunter2@example.com/x"}, "user or password"),
        ({"url": "https://example.com/x?api_key=hunter2"}, "'api_key', which looks like a secret"),
        ({"url": "https://example.com/x?sig=hunter2"}, "'sig', which looks like a secret"),
        ({"url": "example.com/x"}, "must be written as http"),
        ({"url": "ftp://example.com/x"}, "must be written as http"),
        ({"url": "https://exa mple:hunter2"}, "is no address"),
        ({"read_timeout": 0.0}, "read_timeout=0.0 must be a positive"),
        ({"connect_timeout": float("inf")}, "connect_timeout=inf must be a positive"),
        ({"in_flight": 0}, "in_flight=0 must be at least 1"),
        ({"ca_file": "/nowhere/ca.pem"}, "ca_file='/nowhere/ca.pem' cannot be read"),
    ],
)
def test_connections_that_are_refused_before_anything_is_sent(fields, message, monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", SECRET)
    monkeypatch.setenv("TWO_LINES", "hunter2\nX-Other: 1")
    with pytest.raises(UserError, match=message) as refused:
        clients.Client(connection(fields.pop("url", "http://127.0.0.1/x"), **fields))
    assert not [text for text in chained(refused.value) if "hunter2" in text]


def test_loopback_is_reached_directly_and_without_netrc(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody listens there
    with serve() as server, load_oip(server) as teacher:
        teacher.ask(pictures(1))
        assert "Authorization" not in server.requests[0].headers


def test_other_hosts_are_reached_by_the_environment_s_proxy(monkeypatch):
    with Canned({"POST http://service.invalid/x": (200, {}, b'{"scores": [1, 0, 0]}')}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:hunter2@"))
        monkeypatch.setenv("no_proxy", "other.invalid")
        for host, reached in (("service.invalid", True), ("other.invalid", False)):
            where = connection(f"http://{host}/x")
            teacher = json_service.load(
                where, Template('{"x": "$image"}'), (2, 4, 1), NAMES, {}, "", False
            )
            with (
                closing(teacher),
                contextlib.nullcontext() if reached else pytest.raises(Unanswered),
            ):
                assert teacher.ask(pictures(1)).tolist() == [[1, 0, 0]]
        assert len(proxy.asked) == 1
        assert (
            proxy.asked[0][1]["Proxy-Authorization"]
            == "Basic " + base64.b64encode(b"me:hunter2").decode()
        )
        monkeypatch.setenv("http_proxy", "socks5://me:hunter2@127.0.0.1:9")
        with pytest.raises(
            UserError, match=r"the environment's proxy for http .* is none of HTTP"
        ) as refused:
            clients.Client(connection("http://service.invalid/x"))
        assert "hunter2" not in str(refused.value)


def test_compressed_replies():
    whole = gzip.compress(b'{"scores": [0.5, 0.25, 0.25]}')
    for body, fine in ((whole, True), (b"\x00" + whole[1:], False)):
        with Canned({"POST /x": (200, {"Content-Encoding": "gzip"}, body)}) as server:
            teacher = json_service.load(
                connection(server.url + "/x"),
                Template('{"x": "$image"}'),
                (2, 4, 1),
                NAMES,
                {},
                "",
                False,
            )
            with (
                closing(teacher),
                contextlib.nullcontext() if fine else pytest.raises(Unanswered, match=r"Decoding"),
            ):
                assert teacher.ask(pictures(1)).tolist() == [[0.5, 0.25, 0.25]]


# --- Statuses


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "does not take the request"),
        (401, "no credentials"),
        (403, "do not allow"),
        (404, "no such model"),
        (413, "lower config.teacher.batch"),
        (422, "the request's form"),
        (451, "asking again will not help"),
    ],
)
def test_final_statuses_say_what_to_do(status, words):
    with serve(str(status)) as server, load_oip(server) as teacher:
        with pytest.raises(Refused, match=rf"status {status} .*not now.*{words}"):
            teacher.ask(pictures(1))


def test_redirects_are_not_followed(monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", SECRET)
    location = {"Location": "https://elsewhere.example/path?token=hunter2"}
    with Canned({"POST /x": (307, location, b"")}) as server:
        where = connection(f"{server.url}/x", auth_env="SERVICE_KEY")
        teacher = json_service.load(
            where, Template('{"x": "$image"}'), (2, 4, 1), NAMES, {}, "", False
        )
        with (
            closing(teacher),
            pytest.raises(Refused, match=r"redirects to 'elsewhere.example'") as refused,
        ):
            teacher.ask(pictures(1))
        assert "hunter2" not in str(refused.value)


def test_retry_after():
    soon = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert clients._retry_after("7") == 7
    assert 25 < clients._retry_after(soon) <= 30
    assert clients._retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert clients._retry_after("-3") == 0
    assert [clients._retry_after(text) for text in ("", "soon", "nan", "inf")] == [None] * 4


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl, which makes the certificate, is not installed")
    return folder


def test_only_a_known_certificate_is_trusted(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with Canned({"POST /x": (200, {}, b'{"scores": [0.5, 0.25, 0.25]}')}, context) as server:
        template = Template('{"x": "$image"}')

        def load(ca_file):
            where = connection(f"{server.url}/x", ca_file=ca_file)
            return closing(json_service.load(where, template, (2, 4, 1), NAMES, {}, "", False))

        with (
            load("") as teacher,
            pytest.raises(UserError, match=r"cannot be verified .*config.teacher.http.ca_file"),
        ):
            teacher.ask(pictures(1))
        with load(str(certificate / "cert.pem")) as teacher:
            np.testing.assert_array_equal(teacher.ask(pictures(1)), [[0.5, 0.25, 0.25]])


# --- The Open Inference Protocol, byte by byte

OIP_IMAGES = np.array([[[[0], [51]]], [[[102], [255]]]], np.uint8)  # two images of 1 x 2 x 1
OIP_METADATA = {
    "name": "m",
    "versions": ["3"],
    "inputs": [{"name": "in", "datatype": "FP32", "shape": [-1, 1, 2, 1]}],
    "outputs": [{"name": "out", "datatype": "FP32", "shape": [-1, 3]}],
}
OIP_SCORES = [[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]


def oip_reply(output, **fields):
    return lambda body: dumps(
        {
            "model_name": "m",
            "id": json.loads(body[: body.rindex(b"}") + 1])["id"],
            "outputs": [output],
            **fields,
        }
    )


def ask_oip(
    metadata, reply, binary="no", labels=False, server_extensions=(), images=OIP_IMAGES, **fields
):
    """The answer to images and the request; ``reply`` is a body or (headers, body)."""
    headers, body = reply if isinstance(reply, tuple) else ({}, reply)
    version = fields.get("version", "")
    base = f"/v2/models/m{version and f'/versions/{version}'}"
    replies = {
        "GET /v2": (200, {}, dumps({"extensions": list(server_extensions)})),
        f"GET {base}": (200, {}, dumps(metadata)),
        f"POST {base}/infer": (200, headers, body),
        "POST /v2/models/m/versions/3/infer": (200, headers, body),
    }
    given = {
        "model": "m",
        "version": "",
        "input": "",
        "output": "",
        "pixels": dataclasses.replace(AUTO, divide=255.0),
        **fields,
    }
    with Canned(replies) as server:
        teacher = oip.load(
            connection(server.url), binary=binary, shape=(1, 2, 1), classes=3, identity="", labels=labels, batch=2,
            **given,
        )  # fmt: skip
        with closing(teacher):
            return teacher.ask(images), server.asked[-1]


FLAT = oip_reply(
    {"name": "out", "datatype": "FP32", "shape": [2, 3], "data": [*OIP_SCORES[0], *OIP_SCORES[1]]}
)


def test_oip_json_request_and_reply():
    found, (_, headers, body) = ask_oip(OIP_METADATA, FLAT)
    np.testing.assert_array_equal(found, OIP_SCORES)
    assert headers["Content-Type"] == "application/json"
    message = json.loads(body)
    assert len(message.pop("id")) == 32
    data = [0.0, np.float32(0.2).item(), np.float32(0.4).item(), 1.0]
    tensor = {"name": "in", "shape": [2, 1, 2, 1], "datatype": "FP32", "data": data}
    assert message == {"inputs": [tensor], "outputs": [{"name": "out"}]}


def test_oip_nested_data_and_null():
    nested = {"name": "out", "datatype": "FP64", "shape": [2, 3], "data": [[1, None, 0], [0, 0, 1]]}
    np.testing.assert_array_equal(
        ask_oip(OIP_METADATA, oip_reply(nested))[0], [[1, np.nan, 0], [0, 0, 1]]
    )


def test_oip_binary_request_and_reply():
    raw = np.array(OIP_SCORES, "<f4").tobytes()
    extra = np.array([7], "<i8").tobytes()
    outputs = [
        {"name": "other", "datatype": "INT64", "shape": [1], "parameters": {"binary_data_size": 8}},
        {
            "name": "out",
            "datatype": "FP32",
            "shape": [2, 3],
            "parameters": {"binary_data_size": 24},
        },
    ]
    head = dumps({"model_name": "m", "outputs": outputs})
    reply = ({"Inference-Header-Content-Length": len(head)}, head + extra + raw)
    found, (_, headers, body) = ask_oip(
        OIP_METADATA, reply, "auto", server_extensions=["binary_tensor_data"]
    )
    np.testing.assert_array_equal(found, OIP_SCORES)
    length = int(headers["Inference-Header-Content-Length"])
    assert headers["Content-Type"] == "application/octet-stream"
    assert (
        body[length:]
        == np.array([0, 51, 102, 255], "<f4").__truediv__(np.float32(255)).astype("<f4").tobytes()
    )
    message = json.loads(body[:length])
    assert message["inputs"] == [
        {
            "name": "in",
            "shape": [2, 1, 2, 1],
            "datatype": "FP32",
            "parameters": {"binary_data_size": 16},
        }
    ]
    assert message["outputs"] == [{"name": "out", "parameters": {"binary_data": True}}]


@pytest.mark.parametrize(
    ("datatype", "raw"),
    [
        ("FP16", np.array(OIP_SCORES, "<f2").tobytes()),
        ("FP64", np.array(OIP_SCORES, "<f8").tobytes()),
        # bfloat16 is the upper half of float32.
        ("BF16", (np.array(OIP_SCORES, "<f4").view("<u4") >> 16).astype("<u2").tobytes()),
    ],
)
def test_oip_number_formats(datatype, raw):
    output = {
        "name": "out",
        "datatype": datatype,
        "shape": [2, 3],
        "parameters": {"binary_data_size": len(raw)},
    }
    head = dumps({"outputs": [output]})
    reply = ({"Inference-Header-Content-Length": len(head)}, head + raw)
    np.testing.assert_array_equal(ask_oip(OIP_METADATA, reply, "yes")[0], OIP_SCORES)


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_oip_labels(shape):
    metadata = {
        **OIP_METADATA,
        "outputs": [{"name": "out", "datatype": "INT64", "shape": [-1, *shape[1:]]}],
    }
    output = {"name": "out", "datatype": "INT64", "shape": shape, "data": [2, 0]}
    found, _ = ask_oip(metadata, oip_reply(output), labels=True)
    assert (found.tolist(), found.dtype) == ([2, 0], np.int64)
    # What is no class is left to the caller, who keeps the rest of the batch.
    assert ask_oip(metadata, oip_reply({**output, "data": [2, 3]}), labels=True)[0].tolist() == [
        2,
        -1,
    ]
    with pytest.raises(
        UserError, match=r"holds int64, and scores are floating point.*answers.form=label"
    ):
        ask_oip(metadata, oip_reply(output))


def test_scores_will_do_where_labels_are_wanted():
    found, _ = ask_oip(OIP_METADATA, FLAT, labels=True)
    np.testing.assert_array_equal(found, OIP_SCORES)


def test_oip_without_metadata_needs_settings():
    silent = {"name": "m", "versions": [], "inputs": [], "outputs": []}
    pixels = Pixels("nchw", "uint8")
    found, (_, _, body) = ask_oip(silent, FLAT, input="x", pixels=pixels)
    np.testing.assert_array_equal(found, OIP_SCORES)
    message = json.loads(body)
    assert message["inputs"] == [
        {"name": "x", "shape": [2, 1, 1, 2], "datatype": "UINT8", "data": [0, 51, 102, 255]}
    ]
    assert "outputs" not in message
    for fields in (
        {},
        {"input": "x"},
        {"pixels": pixels},
        {"input": "x", "pixels": dataclasses.replace(pixels, dtype="auto")},
    ):
        with pytest.raises(
            UserError, match=r"tells nothing of the model's inputs: set config.teacher.oip.input"
        ):
            ask_oip(silent, FLAT, **fields)
    two = {"name": "a", "datatype": "FP32", "shape": [2, 3], "data": [0] * 6}
    both = dumps({"outputs": [two, {**two, "name": "b"}]})
    with pytest.raises(
        UserError, match=r"config.teacher.oip.output='' *: the reply has the outputs \['a', 'b'\]"
    ):
        ask_oip(silent, both, input="x", pixels=pixels)


def with_input(**fields):
    return {**OIP_METADATA, "inputs": [{**OIP_METADATA["inputs"][0], **fields}]}


def test_a_model_of_a_fixed_batch_gets_no_smaller_one():
    found, (_, _, body) = ask_oip(with_input(shape=[2, 1, 2, 1]), FLAT, images=OIP_IMAGES[:1])
    (tensor,) = json.loads(body)["inputs"]
    once = [0.0, np.float32(0.2).item()]
    assert (tensor["shape"], tensor["data"]) == ([2, 1, 2, 1], [*once, *once])
    np.testing.assert_array_equal(found, OIP_SCORES[:1])


@pytest.mark.parametrize(
    ("metadata", "fields", "message"),
    [
        (with_input(datatype="BYTES"), {}, "takes BYTES, not pixels.*config.teacher.kind=json"),
        (with_input(datatype="INT32"), {}, "takes int32, not pixels"),
        (
            with_input(shape=[-1, 3, 3, 1]),
            {},
            r"has the shape \[-1, 3, 3, 1\], which does not take images of \(1, 2, 1\)",
        ),
        (with_input(shape=[-1, 2]), {}, "which does not take images"),
        (
            with_input(shape=[-1, -1, -1, -1]),
            {},
            "both nhwc and nchw: set config.teacher.pixels.layout",
        ),
        (
            with_input(shape=[1, 1, 2, 1]),
            {},
            "config.teacher.batch=2, and the model's input 'in' takes 1 image",
        ),
        (OIP_METADATA, {"pixels": Pixels("nchw", "auto")}, "layout='nchw'"),
        (
            OIP_METADATA,
            {"pixels": Pixels("auto", "uint8")},
            "dtype='uint8', and the model's input 'in' takes float32",
        ),
        (with_input(datatype="UINT8"), {}, "config.teacher.pixels.divide"),
        (
            OIP_METADATA,
            {"input": "no"},
            "config.teacher.oip.input='no' is no tensor of the model: set it to one of 'in'",
        ),
        (
            {
                **OIP_METADATA,
                "outputs": [
                    *OIP_METADATA["outputs"],
                    {"name": "b", "datatype": "FP32", "shape": [-1, 3]},
                ],
            },
            {},
            "config.teacher.oip.output is empty and the model has several: set it to one of"
            " 'out', 'b'",
        ),
        (
            {**OIP_METADATA, "outputs": [{"name": "out", "datatype": "FP32", "shape": [-1, 10]}]},
            {},
            r"shape \[-1, 10\], and 3 classes",
        ),
        (
            {**OIP_METADATA, "versions": ["1", "2"]},
            {},
            "config.teacher.oip.version is empty .* versions 1, 2",
        ),
        ({**OIP_METADATA, "inputs": [{"name": "in"}]}, {}, "whose 'inputs' are no tensors"),
        (["what"], {}, r"metadata is \[1 x str\]"),
        (OIP_METADATA, {"binary": "maybe"}, "binary='maybe' must be auto, yes or no"),
        (OIP_METADATA, {"model": ""}, "config.teacher.oip.model is empty"),
        (OIP_METADATA, {"model": "a b/c"}, r"does not tell|status 404"),
    ],
)
def test_oip_models_that_are_refused_before_any_image(metadata, fields, message):
    with pytest.raises(UserError, match=message):
        ask_oip(metadata, FLAT, **fields)


def test_oip_layouts_follow_the_metadata():
    _, (_, _, body) = ask_oip(with_input(shape=[-1, 1, 1, 2]), FLAT)
    assert json.loads(body)["inputs"][0]["shape"] == [2, 1, 1, 2]
    free = with_input(shape=[-1, -1, -1, -1])
    _, (_, _, body) = ask_oip(free, FLAT, pixels=Pixels("nchw", "auto"))
    assert json.loads(body)["inputs"][0]["shape"] == [2, 1, 1, 2]


def test_oip_keeps_to_one_version():
    ask_oip(
        OIP_METADATA, oip_reply(json.loads(FLAT(b'{"id": 1}'))["outputs"][0], model_version="3")
    )
    with pytest.raises(UserError, match=r"version 4 of the model answered instead of version 3"):
        ask_oip(
            OIP_METADATA, oip_reply(json.loads(FLAT(b'{"id": 1}'))["outputs"][0], model_version="4")
        )
    found, (name, _, _) = ask_oip(OIP_METADATA, FLAT, version="3")
    assert name == "POST /v2/models/m/versions/3/infer"
    np.testing.assert_array_equal(found, OIP_SCORES)


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (dumps({"error": "x"}), UserError, r'no list \'outputs\' but is \{"error": str\}'),
        (dumps([1]), UserError, r"\[1 x int\]"),
        (dumps({"outputs": []}), UserError, r"the reply has the outputs \[\]"),
        (
            oip_reply({"name": "no", "datatype": "FP32", "shape": [2, 3]}),
            UserError,
            r"the outputs \['no'\]",
        ),
        (
            oip_reply({"name": "out", "datatype": "BYTES", "shape": [2, 3], "data": ["a"]}),
            UserError,
            "holds BYTES",
        ),
        (
            oip_reply({"name": "out", "datatype": "FP32", "shape": [2, 3], "data": [1]}),
            Unanswered,
            "do not fill",
        ),
        (
            oip_reply({"name": "out", "datatype": "FP32", "shape": [2, 3]}),
            Unanswered,
            "do not fill",
        ),
        (
            oip_reply({"name": "out", "datatype": "FP32", "shape": [1, 1], "data": ["a"]}),
            Unanswered,
            "do not fill",
        ),
        (({"Inference-Header-Content-Length": "999"}, b"{}"), Unanswered, "cut short"),
        (b"", Unanswered, "no JSON"),
        (b"[" * 100_000, Unanswered, "no JSON"),
        (b"\xff\xfe", Unanswered, "no JSON"),
        (dumps({"id": "other", "outputs": []}), Unanswered, "someone else's answer"),
    ],
)
def test_oip_replies_that_are_no_answer(reply, error, message):
    with pytest.raises(error, match=message) as failed:
        ask_oip(OIP_METADATA, reply)
    assert getattr(failed.value, "billed", True)


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
        UserError, match=rf"config.teacher.http.url: 127.0.0.1:{port} does not tell about its model"
    ):
        oip.load(
            connection(f"http://127.0.0.1:{port}"), "m", "", "", "", "no", AUTO, (1, 2, 1), 3, ""
        )


# --- TensorFlow Serving, byte by byte


def tf_tensor(dtype, *sizes):
    return {"dtype": dtype, "tensor_shape": {"dim": [{"size": size, "name": ""} for size in sizes]}}


def tf_metadata(inputs, outputs):
    known = {"inputs": inputs, "outputs": outputs, "method_name": "tensorflow/serving/predict"}
    signatures = {"signature_def": {"serving_default": known}}
    spec = {"name": "m", "signature_name": "", "version": "7"}
    return {"model_spec": spec, "metadata": {"signature_def": signatures}}


TF_INPUT = {"in": tf_tensor("DT_FLOAT", "-1", "1", "2", "1")}
TF_OUTPUT = {"out": tf_tensor("DT_FLOAT", "-1", "3")}
TF_METADATA = tf_metadata(TF_INPUT, TF_OUTPUT)


def ask_tf(metadata, predictions, labels=False, **fields):
    replies = {
        "GET /prefix/v1/models/m/metadata": (200, {}, dumps(metadata)),
        "POST /prefix/v1/models/m/versions/7:predict": (200, {}, predictions),
    }
    given = {
        "version": "",
        "signature": "",
        "input": "",
        "output": "",
        "pixels": dataclasses.replace(AUTO, divide=255.0),
        **fields,
    }
    with Canned(replies) as server:
        teacher = tfserving.load(
            connection(server.url + "/prefix/"), "m", shape=(1, 2, 1), classes=3, identity="", labels=labels, batch=2,
            **given,
        )  # fmt: skip
        with closing(teacher):
            assert teacher.identity == f"tfserving:127.0.0.1:{server.server.server_port}/prefix/m:7"
            return teacher.ask(OIP_IMAGES), server.asked[-1]


def test_tfserving_request_and_reply():
    found, (_, _, body) = ask_tf(
        TF_METADATA, b'{"predictions": [[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]}'
    )
    np.testing.assert_array_equal(found, OIP_SCORES)
    fifth, two_fifths = np.float32(0.2).item(), np.float32(0.4).item()
    assert json.loads(body) == {
        "signature_name": "serving_default",
        "instances": [[[[0.0], [fifth]]], [[[two_fifths], [1.0]]]],
    }


def test_tfserving_rows_by_output_name():
    both = {**TF_OUTPUT, "classes": tf_tensor("DT_INT64", "-1")}
    reply = dumps({"predictions": [{"out": row, "classes": 1} for row in OIP_SCORES]})
    np.testing.assert_array_equal(
        ask_tf(tf_metadata(TF_INPUT, both), reply, output="out")[0], OIP_SCORES
    )
    assert ask_tf(tf_metadata(TF_INPUT, both), reply, output="classes", labels=True)[
        0
    ].tolist() == [1, 1]
    assert ask_tf(
        tf_metadata(TF_INPUT, {"classes": both["classes"]}), b'{"predictions": [2, 0]}', labels=True
    )[0].tolist() == [2, 0]  # fmt: skip
    with pytest.raises(
        UserError, match=r"config.teacher.tfserving.output is empty .* 'classes', 'out'"
    ):
        ask_tf(tf_metadata(TF_INPUT, both), reply)
    with pytest.raises(
        UserError, match=r"config.teacher.tfserving.output='out' is not in the reply"
    ):
        ask_tf(
            tf_metadata(TF_INPUT, both),
            b'{"predictions": [{"other": 1}, {"other": 2}]}',
            output="out",
        )


@pytest.mark.parametrize(
    ("metadata", "fields", "message"),
    [
        (
            tf_metadata({"in": tf_tensor("DT_STRING", "-1")}, TF_OUTPUT),
            {},
            "takes DT_STRING, not pixels",
        ),
        (
            tf_metadata({**TF_INPUT, "also": TF_INPUT["in"]}, TF_OUTPUT),
            {"input": "in"},
            "takes several inputs",
        ),
        (
            tf_metadata(TF_INPUT, {"out": tf_tensor("DT_FLOAT", "-1", "5")}),
            {},
            r"shape \[-1, 5\], and 3 classes",
        ),
        (
            TF_METADATA,
            {"signature": "no"},
            "config.teacher.tfserving.signature='no' .* serving_default",
        ),
        ({"model_spec": {}}, {}, r'metadata is \{"model_spec": \{\}\}'),
        (tf_metadata({}, TF_OUTPUT), {}, "tells of no inputs"),
        (TF_METADATA, {"version": "8"}, "404"),
    ],
)
def test_tfserving_models_that_are_refused_before_any_image(metadata, fields, message):
    with pytest.raises(UserError, match=message):
        ask_tf(metadata, b"{}", **fields)


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (b'{"error": "x"}', UserError, "no list 'predictions'"),
        (b'{"predictions": [[1, 0, 0]]}', Unanswered, r"shape \(1, 3\) for 2"),
        (b'{"predictions": [[1, 0, 0], [1, 0]]}', Unanswered, "no array of numbers"),
        (b'{"predictions": [[1, 0], [1, 0]]}', UserError, "2 scores per image, and 3 classes"),
        (b'{"predictions": [[], []]}', UserError, "0 scores per image"),
        (b'{"predictions": [{"out": 1}, [1]]}', Unanswered, "several kinds"),
        (b'{"predictions": [[1, 0, 0], [1, 0', Unanswered, "no JSON"),
    ],
)
def test_tfserving_replies_that_are_no_answer(reply, error, message):
    with pytest.raises(error, match=message):
        ask_tf(TF_METADATA, reply)


def test_tfserving_shapes():
    unknown = {"in": {"dtype": "DT_UINT8", "tensor_shape": {"dim": [], "unknown_rank": True}}}
    reply = b'{"predictions": [[1, 0, NaN], [0, 0, 1]]}'
    found, (_, _, body) = ask_tf(
        tf_metadata(unknown, TF_OUTPUT), reply, pixels=Pixels("nchw", "auto")
    )
    np.testing.assert_array_equal(found, [[1, 0, np.nan], [0, 0, 1]])
    assert json.loads(body)["instances"] == [[[[0, 51]]], [[[102, 255]]]]


# --- JSON services, byte by byte


def ask_json(template, reply, count=1, labels=None, hard=False, names=NAMES, batch=0):
    with Canned({"POST /x?v=1": (200, {}, reply)}) as server:
        teacher = json_service.load(
            connection(server.url + "/x?v=1"),
            template,
            (2, 4, 1),
            names,
            labels or {},
            "",
            hard,
            batch or count,
        )
        with closing(teacher):
            assert teacher.identity == f"json:127.0.0.1:{server.server.server_port}/x"
            return teacher.ask(pictures(count)).tolist(), json.loads(server.asked[-1][2])


def decoded(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text, validate=True))))


def test_json_of_one_picture():
    template = Template(
        '{"input": {"file": "data:image/png;base64,$image", "n": 3}, "tags": ["a", "b"]}'
    )
    found, sent = ask_json(template, b'{"scores": [0.5, null, 0.25]}')
    np.testing.assert_array_equal(found, [[0.5, np.nan, 0.25]])
    file = sent["input"].pop("file")
    assert sent == {"input": {"n": 3}, "tags": ["a", "b"]}
    assert file.startswith("data:image/png;base64,")
    np.testing.assert_array_equal(decoded(file.partition(",")[2]), pictures(1)[0, ..., 0])


def test_json_of_several_pictures():
    template = Template(
        '{"rid": "$id", "of": {"list": [{"b64": "$image", "id": "$id"}]}}', entries="out"
    )
    reply = b'{"out": [{"scores": [1, 2, 3]}, {"scores": [4, 5, 6.5]}]}'
    found, sent = ask_json(template, reply, 2)
    assert found == [[1, 2, 3], [4, 5, 6.5]]
    parts = sent["of"]["list"]
    assert len(parts) == 2
    assert parts[0]["id"] != parts[1]["id"]
    assert sent["rid"] == parts[0]["id"]
    for part, image in zip(parts, pictures(2), strict=True):
        np.testing.assert_array_equal(decoded(part["b64"]), image[..., 0])


@pytest.mark.parametrize(
    ("fields", "reply", "wanted"),
    [
        ({"scores": "p"}, {"p": {"cat": 0.75, "ANT": 0.25}}, [0.25, None, 0.75]),
        ({"scores": "p"}, {"p": {"2": 0.75, "other": 9, "0": 0.25}}, [0.25, None, 0.75]),
        ({"scores": "p[].s", "labels": "p[].n"}, {"p": [{"n": "bee", "s": 1}]}, [None, 1, None]),
        ({"scores": "p[].s", "labels": "p[].n"}, {"p": [{"n": 2, "s": 1}]}, [None, None, 1]),
        ({"scores": "p[].s", "labels": "p[].n"}, {"p": []}, [None, None, None]),
        (
            {"scores": "s", "labels": "l"},
            {"s": [50, 25, 5], "l": ["kitten", "cat", "ant"]},
            [5, None, 75],
        ),
        ({"scores": "@", "scale": 0.01}, [50, 25, 25], [0.5, 0.25, 0.25]),
    ],
)
def test_json_scores(fields, reply, wanted):
    labels = {"other": -1, "kitten": 2}
    found, _ = ask_json(Template('{"i": "$image"}', **fields), dumps(reply), labels=labels)
    np.testing.assert_allclose(found, [[np.nan if value is None else value for value in wanted]])


@pytest.mark.parametrize(
    ("fields", "reply", "error", "message"),
    [
        (
            {"scores": "p"},
            {"q": 1},
            UserError,
            r'config.teacher.json.scores=\'p\' is neither .* \{"q": int\}',
        ),
        ({"scores": "p"}, {"p": [1, "a", 2]}, UserError, "has a str among the numbers"),
        ({"scores": "p"}, {"p": [1, True, 2]}, UserError, "has a bool among the numbers"),
        ({"scores": "p"}, {"p": [1, 2]}, UserError, "2 scores, and 3 classes are expected"),
        (
            {"scores": "length(p)"},
            {"p": 5},
            UserError,
            r"config.teacher.json.scores='length\(p\)' does not suit",
        ),
        (
            {"scores": "p", "labels": "l"},
            {"p": [1]},
            UserError,
            "config.teacher.json.labels='l' is no list of 1",
        ),
        (
            {"scores": "p", "labels": "l"},
            {"p": [1, 2], "l": ["ant"]},
            UserError,
            "no list of 2 labels",
        ),
        (
            {"scores": "p", "labels": "l"},
            {"p": [1], "l": ["dog"]},
            UserError,
            "'dog', which is no class.*teacher.labels",
        ),
        (
            {"scores": "p", "labels": "l"},
            {"p": [1], "l": ["3"]},
            UserError,
            "'3', which is no class",
        ),
        (
            {"scores": "p", "labels": "l"},
            {"p": [1], "l": [{}]},
            UserError,
            "neither text nor number but dict",
        ),
        ({"scores": "p", "scale": 0.1}, {"p": [10**400, 0, 0]}, Unanswered, "more digits"),
        (
            {"scores": "p", "entries": "x"},
            {"y": 1},
            UserError,
            r"config.teacher.json.entries='x' is no list in",
        ),
        ({"scores": "p", "entries": "x"}, {"x": []}, Unanswered, "0 entries for 1 pictures"),
        (
            {"scores": "p", "entries": "x", "id": "n"},
            {"x": [{"p": 1}]},
            UserError,
            "config.teacher.json.id='n' is no text",
        ),
        (
            {"scores": "p", "entries": "x", "id": "n"},
            {"x": [{"n": "a"}]},
            Unanswered,
            "entry of another request",
        ),
        ({"scores": "p", "entries": "x", "id": "n"}, {"x": []}, Unanswered, "entries for 0 of 1"),
    ],
)
def test_json_replies_that_are_no_answer(fields, reply, error, message):
    with pytest.raises(error, match=message) as failed:
        ask_json(Template('{"i": "$image", "n": "$id"}', **fields), dumps(reply))
    assert len(str(failed.value)) < 600


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [({"l": "ant"}, 0), ({"l": "BEE"}, 1), ({"l": 2}, 2), ({"l": "1"}, 1), ({"l": 2.0}, 2)],
)
def test_json_hard_labels(reply, wanted):
    template = Template('["$image"]', entries="[@]", scores="", labels="l")
    assert ask_json(template, dumps(reply), hard=True)[0] == [wanted]


def test_one_bad_entry_does_not_lose_the_others():
    """They were paid for."""
    reply = {"x": [{"p": [0.5, 0.25, 0.25]}, {"p": [1.0]}, {"p": [0.25, 0.5, 0.25]}]}
    with pytest.raises(PartlyAnswered, match="1 scores, and 3 classes are expected") as caught:
        ask_json(Template('[{"i": "$image"}]', scores="p", entries="x"), dumps(reply), 3)
    np.testing.assert_array_equal(
        caught.value.rows, [[0.5, 0.25, 0.25], [np.nan] * 3, [0.25, 0.5, 0.25]]
    )


def test_a_label_that_is_told_twice_adds_up():
    template = Template('"$image"', scores="p", labels="l")
    found, _ = ask_json(template, b'{"p": [0.5, 0.25, 0.125], "l": ["ant", "bee", "ant"]}')
    np.testing.assert_array_equal(found, [[0.625, 0.25, np.nan]])


def test_whoever_sees_none_of_the_classes_prefers_none():
    template, ignored = Template('"$image"', scores="p", labels="l"), {"lamp": -1, "sofa": -1}
    found, _ = ask_json(template, b'{"p": [0.5, 0.25], "l": ["lamp", "sofa"]}', labels=ignored)
    np.testing.assert_array_equal(found, np.full((1, 3), 1 / 3))


@pytest.mark.parametrize("key", ["api_key", "key", "Token", "client_secret", "password"])
def test_a_secret_in_the_request_is_refused_and_not_shown(key):
    for form in (
        {key: "hunter2", "image": "$image"},
        {"auth": [{key: "hunter2"}], "image": "$image"},
    ):
        with pytest.raises(
            UserError, match=f"under '{key}' that looks like a secret.*auth_env"
        ) as caught:
            Request(dumps(form).decode())
        assert "hunter2" not in str(caught.value)
    Request(dumps({"keywords": "a", "max_tokens": 3, key: "$id", "image": "$image"}).decode())


def test_a_secret_in_the_place_of_the_variables_name_is_not_shown():
    with pytest.raises(
        UserError, match="auth_env must be the name of an environment variable"
    ) as caught:
        wrong = connection("http://127.0.0.1:1")._replace(auth_env="sk-hunter2")
        oip.load(wrong, "m", "", "", "", "no", AUTO, (1, 2, 1), 3, "")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("reply", [{"l": ["ant"]}, {}, {"l": None}, {"l": "junk"}, {"l": True}])
def test_json_hard_labels_that_are_none(reply):
    template = Template('["$image"]', entries="[@]", scores="", labels="l")
    with pytest.raises(UserError, match=r"config.teacher"):
        ask_json(template, dumps(reply), hard=True, labels={"junk": -1})


@pytest.mark.parametrize(
    ("fields", "hard", "batch", "message"),
    [
        ({"request": "{"}, False, 1, "config.teacher.json.request is no JSON"),
        ({"request": '{"x": "image"}'}, False, 1, r"config.teacher.json.request has no '\$image'"),
        (
            {"request": '{"x": "$image"}'},
            False,
            2,
            "config.teacher.batch=2, .* set config.teacher.batch=1",
        ),
        (
            {"request": '{"x": ["$image"], "y": "$image"}'},
            False,
            1,
            "inside of a list and outside of it",
        ),
        ({"request": '["$image"]'}, False, 2, "config.teacher.json.entries is empty"),
        ({"entries": "a["}, False, 1, "config.teacher.json.entries='a.' is no JMESPath"),
        ({"scores": "a b"}, False, 1, "config.teacher.json.scores='a b' is no JMESPath"),
        ({"labels": "!"}, False, 1, "config.teacher.json.labels='!' is no JMESPath"),
        ({"id": "]"}, False, 1, "config.teacher.json.id='.' is no JMESPath"),
        ({"id": "id"}, False, 1, r"config.teacher.json.id='id', and .* has no '\$id'"),
        ({"scores": ""}, False, 1, "config.teacher.json.scores is empty"),
        ({}, True, 1, "config.teacher.json.scores must be empty"),
        (
            {"scores": ""},
            True,
            1,
            "config.teacher.json.scores must be empty and config.teacher.json.labels",
        ),
        ({"scale": 0.0}, False, 1, "config.teacher.json.scale=0.0 must be positive"),
        ({"encoding": "gif"}, False, 1, "config.teacher.json.encoding='gif' must be png or jpeg"),
        ({"quality": 0}, False, 1, "config.teacher.json.quality=0"),
    ],
)
def test_templates_that_are_refused_before_anything_is_sent(fields, hard, batch, message):
    template = Template(**{"request": '{"x": "$image"}', **fields})
    with pytest.raises(UserError, match=message):
        json_service.load(
            connection("http://127.0.0.1:9/x"), template, (2, 4, 1), NAMES, {}, "", hard, batch
        )


def test_more_pictures_than_a_request_takes_are_refused():
    with pytest.raises(UserError, match=r"set config.teacher.batch=1"):
        ask_json(Template('{"x": "$image"}'), b"{}", 2, batch=1)


# --- Parts


def test_labels_are_looked_up_in_this_order():
    labels = Labels({"b": 0, "1": 2, "none": -1}, ("a", "B", "C", "c"))
    assert [labels.number(name) for name in ("b", "B", "A", "1", 1, "C", "c", "3", 3, 2.0, "none")] == [
        0, 1, 0, 2, 2, 2, 3, 3, 3, 2, -1,
    ]  # fmt: skip
    for name in ("4", 4, -1, "x", 1.5, "²"):
        with pytest.raises(UserError, match=r"config\.teacher\.labels"):
            labels.number(name)
    with pytest.raises(UserError, match=r"neither text nor number but bool"):
        labels.number(True)
    with pytest.raises(
        UserError, match=r"config.teacher.labels: 'x' is mapped to 4, and the classes are 0 to 3"
    ):
        Labels({"x": 4}, ("a", "B", "C", "c"))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_pixel(channels):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    np.testing.assert_array_equal(
        decoded(encoding.encode(image, "png", 95)).reshape(image.shape), image
    )


def test_jpeg_keeps_a_smooth_picture_about_as_it_is():
    image = np.repeat(np.linspace(0, 255, 16).astype(np.uint8)[None, :, None], 16, 0).repeat(3, -1)
    text = encoding.encode(image, "jpeg", 95)
    assert base64.b64decode(text)[:3] == b"\xff\xd8\xff"
    assert np.abs(decoded(text).astype(int) - image).max() <= 6
    assert len(encoding.encode(image, "jpeg", 20)) < len(text)
    with pytest.raises(UserError, match=r"1 or 3 channels, and the data set's have 4"):
        encoding.check("png", 95, 4)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [{"s": "secret", "n": 1.5}, {}]}, '{"a": [2 x {"s": str, "n": float}]}'),
        ([], "[]"),
        (None, "null"),
        ({"a": {"b": {"c": {"d": {"e": 1}}}}}, '{"a": {"b": {"c": {"d": {...}}}}}'),
    ],
)
def test_outline(value, text):
    assert outline(value) == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(json_values)
def test_outlines_are_short(value):
    assert len(outline(value)) <= 300


@given(
    before=json_values,
    inside=json_values,
    pictures=st.lists(st.text("ABC+/="), min_size=1, max_size=5),
)
def test_requests_name_every_picture_once_and_in_order(before, inside, pictures):
    form = {"before": before, "list": [{"image": "p:$image", "inside": inside, "id": "$id"}]}
    if "$" in json.dumps([before, inside]):
        return
    request = Request(json.dumps(form))
    names = [f"n{number}" for number in range(len(pictures))]
    filled = json.loads(request.fill(pictures, names))
    wanted = [
        {"image": f"p:{picture}", "inside": inside, "id": name}
        for picture, name in zip(pictures, names, strict=True)
    ]
    assert filled == {"before": before, "list": wanted}


@given(st.permutations(range(5)), st.integers(0, 5))
def test_entries_come_back_in_the_pictures_order(order, repeated):
    template = Template('[{"i": "$image", "id": "$id"}]', entries="@", id="id")
    ask = json_service._Ask(template, Labels({}, NAMES), 3)
    entries = [{"id": str(number), "scores": [number, float("nan"), 0]} for number in order]
    entries += [json.loads(json.dumps(entry)) for entry in entries[:repeated]]
    found = ask._in_order(entries, [str(number) for number in range(5)])
    assert [entry["scores"][0] for entry in found] == [0, 1, 2, 3, 4]


def test_resolving_a_tensor_without_a_shape():
    assert (
        tensors.resolve(Pixels("nchw", "auto"), Tensor("x", "float32", None), (2, 2, 3)).dtype
        == "float32"
    )
    with pytest.raises(UserError, match=r"shape unknown, which is both nhwc and nchw"):
        tensors.resolve(AUTO, Tensor("x", "float32", None), (2, 2, 3))


@pytest.mark.parametrize("ending", ["", "teacher.ask.close()", "del teacher"])
def test_connections_are_closed_with_the_interpreter(ending):
    code = (
        "import numpy as np, sys\n"
        "from amkd.teachers.http import oip\n"
        "from amkd.teachers.http.connection import Connection\n"
        "from amkd.config.teacher_answers import Pixels\n"
        "auto = Pixels('auto', 'auto')\n"
        "teacher = oip.load(Connection(sys.argv[1]), 'digits', '', '', '', 'no', auto, (2, 4, 1),"
        " 3, '')\n"
        "print(teacher.ask(np.zeros((1, 2, 4, 1), np.uint8)).shape)\n" + ending
    )
    with serve() as server:
        ran = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", code, server.url],
            cwd=Path(__file__).parents[2], env=dict(os.environ), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "(1, 3)\n"), ran.stderr
    assert "ResourceWarning" not in ran.stderr
    assert "Task was destroyed" not in ran.stderr
