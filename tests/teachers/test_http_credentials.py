"""Secrets, certificates, proxies and redirects: what is sent to whom, and shown nowhere."""

import base64
import contextlib
import logging
import ssl
import subprocess

import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.teachers import Refused, Unanswered
from amkd.teachers.http import client as clients
from tests.support.http_services import (
    SECRET,
    Canned,
    closing,
    connection,
    json_teacher,
    load_json,
    load_oip,
    oip_teacher,
    random_images,
    serve,
)


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
            teacher.ask(random_images(1))
        teacher.ask(random_images(1))
        assert server.requests[1].headers["Authorization"] == f"Bearer {SECRET}"
        server.token = "another"  # so that it repeats the header in its refusal
        with pytest.raises(Refused, match=r"status 401") as refused:
            teacher.ask(random_images(1))
        assert r"bad credentials: Bearer ***" in str(refused.value)
        assert f"config.teacher.http.auth_{source} names" in str(refused.value)
        assert ("names (SERVICE_KEY)" in str(refused.value)) == (source == "env")
        assert str(tmp_path) not in str(refused.value)
        shown = [
            repr(teacher),
            teacher.identity,
            *chained(failed.value),
            *chained(refused.value),
            caplog.text,
        ]
    assert not [text for text in shown if "hunter2" in text]
    assert "200" in caplog.text  # httpcore's own lines are there


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
            teacher.ask(random_images(1))
        assert {name.lower(): value for name, value in server.requests[0].headers.items()}[
            header.lower()
        ] == sent


def test_the_password_of_basic_is_blotted_out_of_a_reply(monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", "me:pa/ss")
    fields = {"auth_scheme": "Basic", "auth_env": "SERVICE_KEY"}
    echo = base64.b64encode(b"me:pa/ss") + b" me:pa/ss pa%2Fss wrong"
    with Canned({"POST /": (403, {}, echo)}) as server:
        teacher = json_teacher(connection(server.url + "/", **fields))
        with closing(teacher), pytest.raises(Refused, match=r"\(\*\*\* \*\*\* \*\*\* wrong\)"):
            teacher.ask(random_images(1))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"auth_env": "NOT_SET_HERE"},
            r"http.auth_env names an environment variable \(NOT_SET_HERE\) that is not set",
        ),
        ({"auth_env": "SERVICE_KEY", "auth_file": "x"}, "both set"),
        ({"auth_file": __file__}, "http.auth_file names contains characters that a header"),
        (
            {"auth_file": "/nowhere/key"},
            "http.auth_file names a file that cannot be read .No such file",
        ),
        ({"auth_env": "SERVICE_KEY", "auth_header": "X Key"}, "auth_header"),
        ({"auth_env": "SERVICE_KEY", "auth_scheme": "Bear er"}, "auth_scheme"),
        (
            {"auth_env": "TWO_LINES"},
            r"http.auth_env names \(TWO_LINES\) contains characters that a header",
        ),
        ({"auth_env": "SERVICE_KEY", "url": "http://example.com/x"}, "unencrypted"),
        ({"url": "https://me:hunter2@example.com/x"}, "user or password"),
        ({"url": "https://example.com/x?api_key=hunter2"}, "'api_key', which looks like a secret"),
        ({"url": "https://example.com/x?sig=hunter2"}, "'sig', which looks like a secret"),
        ({"url": "example.com/x"}, "must be written as http"),
        ({"url": "ftp://example.com/x"}, "must be written as http"),
        ({"url": "https://exa mple:hunter2"}, "is not an address"),
        ({"read_timeout": 0.0}, "read_timeout=0.0 must be a positive"),
        ({"connect_timeout": float("inf")}, "connect_timeout=inf must be a positive"),
        ({"in_flight": 0}, "in_flight=0 must be at least 1"),
        ({"max_reply_mib": -1.0}, "max_reply_mib=-1.0 must be a positive number of MiB"),
        ({"idempotency_header": "a b"}, "idempotency_header is not the name of a header"),
        ({"idempotency_header": "authorization"}, "idempotency_header and .* are the same"),
        # Secrets in a wrong place are not repeated.
        ({"auth_header": "hunter2 x"}, "auth_header is not the name"),
        ({"auth_scheme": "Bearer hunter2"}, "auth_scheme must be one word"),
        ({"auth_env": "hunter2"}, "auth_env names an environment variable that is not set"),
        ({"auth_env": "sk-hunter2"}, "auth_env must be the name of an environment variable"),
        ({"auth_file": "hunter2"}, "auth_file names a file that cannot be read"),
        ({"auth_file": "~hunter2/x"}, "auth_file is not the path"),
        ({"auth_file": "hunter2\0"}, "auth_file is not the path"),
        ({"url": "hunter2"}, "must be written as http"),
        ({"url": "me:hunter2@example.com/x"}, "must be written as http|is not an address"),
        ({"url": "https:/me:hunter2@example.com/x"}, "must be written as http"),
        ({"url": "https:///me:hunter2@example.com"}, "must be written as http"),
        ({"url": "example.com/x?jwt=hunter2"}, "must be written as http"),
        ({"url": "https://example.com/x?token-hunter2"}, "'...token...', which looks like a"),
        (
            {"url": "http://example.com/x?q=hunter2", "auth_env": "SERVICE_KEY"},
            "url would send the secret unencrypted",
        ),
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
        teacher.ask(random_images(1))
        assert "Authorization" not in server.requests[0].headers


def test_other_hosts_are_reached_by_the_environment_s_proxy(monkeypatch):
    with Canned({"POST http://service.invalid/x": (200, {}, b'{"scores": [1, 0, 0]}')}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:hunter2@"))
        monkeypatch.setenv("no_proxy", "other.invalid")
        for host, reached in (("service.invalid", True), ("other.invalid", False)):
            where = connection(f"http://{host}/x")
            teacher = json_teacher(where)
            with (
                closing(teacher),
                contextlib.nullcontext() if reached else pytest.raises(Unanswered),
            ):
                assert teacher.ask(random_images(1)).tolist() == [[1, 0, 0]]
        assert len(proxy.asked) == 1
        assert (
            proxy.asked[0][1]["Proxy-Authorization"]
            == "Basic " + base64.b64encode(b"me:hunter2").decode()
        )
        monkeypatch.setenv("http_proxy", "socks5://me:hunter2@127.0.0.1:9")
        with pytest.raises(
            UserError, match=r"the environment's proxy for http .* is not an HTTP proxy"
        ) as refused:
            clients.Client(connection("http://service.invalid/x"))
        assert "hunter2" not in str(refused.value)


def test_redirects_are_not_followed(monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", SECRET)
    location = {"Location": "https://elsewhere.example/path?token=hunter2"}
    with Canned({"POST /x": (307, location, b"")}) as server:
        where = connection(f"{server.url}/x", auth_env="SERVICE_KEY")
        teacher = json_teacher(where)
        with (
            closing(teacher),
            pytest.raises(Refused, match=r"redirects to 'elsewhere.example'") as refused,
        ):
            teacher.ask(random_images(1))
        assert "hunter2" not in str(refused.value)


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

        def load(ca_file):
            return closing(
                json_teacher(connection(f"{server.url}/x", ca_file=ca_file, connect_timeout=20.0))
            )

        with (
            load("") as teacher,
            pytest.raises(UserError, match=r"cannot be verified .*config.teacher.http.ca_file"),
        ):
            teacher.ask(random_images(1))
        with load(str(certificate / "cert.pem")) as teacher:
            np.testing.assert_array_equal(teacher.ask(random_images(1)), [[0.5, 0.25, 0.25]])


def test_a_secret_in_the_place_of_the_variables_name_is_not_shown():
    with pytest.raises(
        UserError, match="auth_env must be the name of an environment variable"
    ) as caught:
        wrong = connection("http://127.0.0.1:1")._replace(auth_env="sk-hunter2")
        oip_teacher(wrong)
    assert "hunter2" not in str(caught.value)
