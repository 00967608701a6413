"""A service that repeats the secret, encoded in any way, in any part of its reply."""

import base64
import html
import json
from urllib.parse import quote

import pytest

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.teachers import Unanswered
from tests.support.http_services import Canned, closing, connection, json_teacher, random_images

SECRET = "hunter2/<very>&\"secret\"+'key'=9"
PATH, QUERY = "/hooks/T0F4K3T0K3N0F4K3T0K3N", "appid=4pp1d4pp1d"


def coded(text):
    yield from (text, html.escape(text), quote(text, safe=""), json.dumps(text)[1:-1])
    yield base64.b64encode(f"x:{text}".encode()).decode()


def ask(reply, monkeypatch, template=None, **options):
    """The message about a reply."""
    monkeypatch.setenv("SERVICE_KEY", SECRET)
    with Canned({f"POST {PATH}?{QUERY}": reply}) as server:
        where = connection(f"{server.url}{PATH}?{QUERY}", auth_env="SERVICE_KEY")
        teacher = json_teacher(where, template, **options)
        with closing(teacher), pytest.raises((UserError, Unanswered)) as failed:
            teacher.ask(random_images(1))
    return f"{failed.value} {failed.value!r}"


@pytest.mark.parametrize("spelt", [*coded(SECRET)])
@pytest.mark.parametrize("status", [500, 429, 401, 418])
def test_an_error_page_shows_no_secret(spelt, status, monkeypatch):
    said = ask((status, {}, f"<p>bad key {spelt}, {QUERY}</p>".encode()), monkeypatch)
    assert "bad key " in said and "***" in said
    assert spelt[:12] not in said and "4pp1d" not in said and "T0F4K3" not in said


@pytest.mark.parametrize("place", range(55, 85, 3))
def test_a_cut_message_shows_no_part_of_it(place, monkeypatch):
    label = "x" * place + SECRET
    template = Template('{"x": "$image"}', scores="s[].score", labels="s[].label")
    reply = json.dumps({"s": [{"label": label, "score": 1.0}]}).encode()
    said = ask((200, {}, reply), monkeypatch, template)
    assert "is not a class of the data set" in said and "hunter2" not in said


@pytest.mark.parametrize("spelt", [*coded(SECRET)])
def test_a_label_that_is_the_secret_is_not_shown(spelt, monkeypatch):
    template = Template('{"x": "$image"}', scores="", labels="label")
    reply = json.dumps({"label": spelt}).encode()
    said = ask((200, {}, reply), monkeypatch, template, hard_labels=True)
    assert "***" in said and "hunter2" not in said and spelt[:12] not in said


def test_a_name_in_a_reply_that_is_the_secret_is_not_shown(monkeypatch):
    said = ask((200, {}, json.dumps({SECRET: {SECRET: [1]}}).encode()), monkeypatch)
    assert "config.teacher.json.scores" in said and "hunter2" not in said


def test_a_redirect_to_the_secret_is_not_shown(monkeypatch):
    reply = (302, {"Location": "https://hunter2.example/x"}, b"")
    monkeypatch.setenv("SERVICE_KEY", "hunter2.example")
    with Canned({"POST /x": reply}) as server:
        where = connection(f"{server.url}/x", auth_env="SERVICE_KEY")
        with closing(json_teacher(where)) as teacher, pytest.raises(UserError) as failed:
            teacher.ask(random_images(1))
    assert "redirects to '***'" in str(failed.value)


@pytest.mark.parametrize("given", ["me:hunter2pass", "bWU6aHVudGVyMnBhc3M="])
def test_a_password_of_basic_is_known_in_either_form(given, monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", given)
    with Canned(
        {"POST /x": (403, {}, b"me:hunter2pass hunter2pass bWU6aHVudGVyMnBhc3M=")}
    ) as server:
        where = connection(f"{server.url}/x", auth_env="SERVICE_KEY", auth_scheme="Basic")
        with closing(json_teacher(where)) as teacher, pytest.raises(UserError) as failed:
            teacher.ask(random_images(1))
    assert "(*** *** ***)" in str(failed.value)
