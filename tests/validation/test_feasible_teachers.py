"""What each kind of teacher needs, and the map from a service's labels to classes."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from amkd.config import checks
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import sources
from amkd.data.dataset import DataSet
from amkd.teachers import Teacher, loading
from amkd.teachers.http import json_service
from amkd.teachers.image_spec import ImageSpec
from amkd.validation import teachers
from tests.support.faulty_server import FaultyServer
from tests.support.small import configured

URL = {"teacher.http.url": "http://127.0.0.1:1"}


def said(**changes):
    """What is said of the teacher of the default configuration with other values, by group."""
    teacher = configured().teacher
    for name, value in changes.items():
        group = getattr(teacher, name)
        if isinstance(value, dict):
            value = dataclasses.replace(group, **value)
        teacher = dataclasses.replace(teacher, **{name: value})
    return [*checks.problems(teacher, "teacher."), *teachers.reasons(teacher)]


# What each kind cannot do without, and enough of it.
WHOLE = {
    "flax": {},
    "labels": {},
    "python": {"function": "a.b:c"},
    "onnx": {"onnx": {"path": "a.onnx"}},
    "oip": {"http": {"url": "http://h"}, "oip": {"model": "m"}},
    "tfserving": {"http": {"url": "http://h"}, "tfserving": {"model": "m"}},
    "json": {"http": {"url": "http://h"}},
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_one_of_every_kind_is_accepted(kind):
    assert WHOLE.keys() == teachers.NEEDS.keys()
    assert said(kind=kind, **WHOLE[kind]) == []


@pytest.mark.parametrize(
    ("kind", "changes", "missing"),
    [
        ("python", {}, ["config.teacher.function=''"]),
        ("onnx", {}, ["config.teacher.onnx.path=''"]),
        ("oip", {}, ["config.teacher.http.url=''", "config.teacher.oip.model=''"]),
        ("tfserving", {}, ["config.teacher.http.url=''", "config.teacher.tfserving.model=''"]),
        (
            "json",
            {"json": {"request": ""}},
            ["config.teacher.http.url=''", "config.teacher.json.request=''"],
        ),
    ],
)
def test_everything_that_is_missing_is_told(kind, changes, missing):
    told = said(kind=kind, **changes)
    assert [line.split(":")[0] for line in told] == missing
    assert all(f"teacher.kind {kind!r} needs it" in line for line in told)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"function": "a:b"}, ["config.teacher.function='a:b'", "--config.teacher.kind=python"]),
        (
            {"onnx": {"path": "a.onnx"}},
            ["config.teacher.onnx.path='a.onnx'", "--config.teacher.kind=onnx"],
        ),
        ({"oip": {"model": "m"}}, ["config.teacher.oip.model='m'", "--config.teacher.kind=oip"]),
        (
            {"tfserving": {"model": "m"}},
            ["config.teacher.tfserving.model='m'", "--config.teacher.kind=tfserving"],
        ),
        ({"http": {"url": "http://h"}}, ["config.teacher.http.url", "is not a service"]),
        ({"identity": "mine"}, ["config.teacher.identity='mine'", "the hash of its weights"]),
        (
            {"kind": "python", "function": "answer"},
            ["config.teacher.function='answer'", "'module:function'"],
        ),
        ({"max_cost": 1.0}, ["config.teacher.max_cost=1.0", "needs config.teacher.price"]),
        ({"rate": float("inf")}, ["config.teacher.rate=inf", "0 for no limit"]),
        ({"http": {"read_timeout": 0.0}}, ["config.teacher.http.read_timeout=0.0", "positive"]),
        (
            {"http": {"connect_timeout": float("nan")}},
            ["config.teacher.http.connect_timeout=nan", "positive"],
        ),
        ({"pixels": {"divide": 0.0}}, ["config.teacher.pixels.divide=0.0"]),
        ({"answers": {"temperature": float("inf")}}, ["config.teacher.answers.temperature=inf"]),
        ({"answers": {"top_k": -1}}, ["config.teacher.answers.top_k=-1: must be at least 0"]),
        ({"batch": 0}, ["config.teacher.batch=0: must be at least 1"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_together(changes, parts):
    (line,) = said(**changes)
    assert all(part in line for part in parts)


# The map of labels.

CATS = ("cat", "dog", "eel")


def load(labels, **more):
    """Loads a JSON service about cats, dogs and eels."""
    none = np.empty((0, 8, 8, 3), np.uint8), np.empty(0, np.int32)
    data = DataSet("folder", 3, *none, none[0], none[0], None, CATS)
    fields = {
        "data.folder": "pictures",
        "data.classes": "cat,dog,eel",
        "teacher.http.auth_env": "",
        **URL,
        **more,
    }
    config = configured("http", **fields, **{"teacher.labels": str(labels)})
    return loading.load(config, data, StopSignal())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            None,
            ["cannot be read", "No such file", "JSON object that maps labels to class names or"],
        ),
        ("{", ["cannot be read", "JSON object"]),
        (b"\xff\xfe\xff", ["cannot be read", "JSON object"]),
        ("[0, 1]", ["contains a list"]),
        (
            '{"tabby": "cat", "poodle": "dgo"}',
            ["maps 'poodle' to 'dgo'", "cat, dog, eel", "from 0 to 2", "-1 to ignore"],
        ),
        ('{"tabby": 3}', ["maps 'tabby' to 3"]),
        ('{"tabby": -2}', ["maps 'tabby' to -2"]),
        ('{"tabby": true}', ["maps 'tabby' to True"]),
        ('{"tabby": 1.0}', ["maps 'tabby' to 1.0"]),
        ('{"tabby": null}', ["maps 'tabby' to None"]),
    ],
)
def test_labels_that_cannot_be_read(tmp_path, text, parts):
    path = tmp_path / "labels.json"
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UserError) as caught:
        load(path)
    assert f"config.teacher.labels={str(path)!r}" in str(caught.value)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_labels_by_name_by_number_and_ignored(tmp_path, monkeypatch):
    path = tmp_path / "labels.json"
    path.write_text(
        json.dumps({"tabby": "cat", "Siamese": 0, "poodle": "dog", "conger": 2, "table": -1})
    )
    passed = []
    monkeypatch.setattr(
        json_service, "load", lambda _, **given: passed.append(given) or Teacher("t", np.asarray)
    )
    load(path)
    load("")
    assert [given["images"] for given in passed] == [ImageSpec((8, 8, 3), 3, CATS)] * 2
    mapped = {"tabby": 0, "Siamese": 0, "poodle": 1, "conger": 2, "table": -1}
    assert [given["label_map"] for given in passed] == [mapped, {}]


def identity(server, kind, **fields):
    given = {
        "teacher.kind": kind,
        "teacher.http.url": server.json_url if kind == "json" else server.url,
        **fields,
    }
    data = sources.load("digits", cache_dir=Path())
    teacher = loading.load(
        configured(**{"teacher.oip.model": "digits", **given}), data, StopSignal()
    )
    teacher.ask.close()
    return teacher.identity


def test_the_default_identity_tells_how_a_model_is_asked(tmp_path):
    """Answers to other pixels or another request are not those; another reading of the same scores
    is.
    """
    label_map = tmp_path / "labels.json"
    label_map.write_text('{"nought": 0}')
    with FaultyServer(
        lambda shown: np.full((len(shown), 10), 0.1), shape=(8, 8, 1), datatype="FP32"
    ) as server:
        plain = identity(server, "oip")
        assert plain == identity(server, "oip", **{"teacher.answers.form": "label"})
        assert plain == identity(server, "oip", **{"teacher.batch": 7, "teacher.price": 2.0})
        assert plain != identity(server, "oip", **{"teacher.pixels.mean": (3.0,)})
        json_fields = {"teacher.batch": 1}
        asked = identity(server, "json", **json_fields)
        assert asked == identity(
            server, "json", **json_fields, **{"teacher.answers.form": "logits"}
        )
        assert asked == identity(
            server, "json", **json_fields, **{"teacher.labels": str(label_map)}
        )
        for name, value in (("request", '{"img": "$image"}'), ("scale", 0.5), ("encoding", "jpeg")):
            assert asked != identity(
                server, "json", **json_fields, **{f"teacher.json.{name}": value}
            )
        assert identity(server, "json", **json_fields, **{"teacher.identity": "mine"}) == "mine"
        assert server.requests == []
