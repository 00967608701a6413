"""JSON services, byte by byte, against servers that answer literally."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.teachers import ImageRefused, PartlyAnswered, Unanswered
from tests.support.http_services import (
    NAMES,
    Canned,
    closing,
    connection,
    dumps,
    json_teacher,
    random_images,
)


def ask_json(template, reply, count=1, labels=None, hard_labels=False, names=NAMES, batch=0):
    with Canned({"POST /x?v=1": (200, {}, reply)}) as server:
        teacher = json_teacher(
            connection(server.url + "/x?v=1"),
            template,
            names=names,
            labels=labels,
            hard_labels=hard_labels,
            batch=batch or count,
        )
        with closing(teacher):
            assert teacher.identity == f"json:127.0.0.1:{server.server.server_port}/x"
            return teacher.ask(random_images(count)).tolist(), json.loads(server.asked[-1][2])


def decoded(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text, validate=True))))


def test_json_of_one_image():
    template = Template(
        '{"input": {"file": "data:image/png;base64,$image", "n": 3}, "tags": ["a", "b"]}'
    )
    found, sent = ask_json(template, b'{"scores": [0.5, null, 0.25]}')
    np.testing.assert_array_equal(found, [[0.5, np.nan, 0.25]])
    file = sent["input"].pop("file")
    assert sent == {"input": {"n": 3}, "tags": ["a", "b"]}
    assert file.startswith("data:image/png;base64,")
    np.testing.assert_array_equal(decoded(file.partition(",")[2]), random_images(1)[0, ..., 0])


def test_json_of_several_images():
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
    for part, image in zip(parts, random_images(2), strict=True):
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
        ({"scores": "p"}, {"p": [1, "a", 2]}, UserError, "finds a str among the scores"),
        ({"scores": "p"}, {"p": [1, True, 2]}, UserError, "finds a bool among the scores"),
        ({"scores": "p"}, {"p": [1, 2]}, UserError, "2 scores, but 3 classes are expected"),
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
            "config.teacher.json.labels='l' is not a list of 1",
        ),
        (
            {"scores": "p", "labels": "l"},
            {"p": [1, 2], "l": ["ant"]},
            UserError,
            "not a list of 2 labels",
        ),
        (
            {"scores": "p", "labels": "l"},
            {"p": [1], "l": ["dog"]},
            UserError,
            "'dog', which is not a class.*teacher.labels",
        ),
        (
            {"scores": "p", "labels": "l"},
            {"p": [1], "l": ["3"]},
            UserError,
            "'3', which is not a class",
        ),
        (
            {"scores": "p", "labels": "l"},
            {"p": [1], "l": [{}]},
            UserError,
            "neither text nor a number but dict",
        ),
        ({"scores": "p", "scale": 0.1}, {"p": [10**400, 0, 0]}, Unanswered, "too large for a"),
        (
            {"scores": "p", "entries": "x"},
            {"y": 1},
            UserError,
            r"config.teacher.json.entries='x' is not a list in",
        ),
        ({"scores": "p", "entries": "x"}, {"x": []}, Unanswered, "0 entries for 1 images"),
        (
            {"scores": "p", "entries": "x", "id": "n"},
            {"x": [{"p": 1}]},
            UserError,
            "config.teacher.json.id='n' is not text",
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
    assert ask_json(template, dumps(reply), hard_labels=True)[0] == [wanted]


def test_one_bad_entry_does_not_lose_the_others():
    """They were paid for."""
    reply = {"x": [{"p": [0.5, 0.25, 0.25]}, {"p": [1.0]}, {"p": [0.25, 0.5, 0.25]}]}
    with pytest.raises(PartlyAnswered, match="1 scores, but 3 classes are expected") as caught:
        ask_json(Template('[{"i": "$image"}]', scores="p", entries="x"), dumps(reply), 3)
    np.testing.assert_array_equal(
        caught.value.rows, [[0.5, 0.25, 0.25], [np.nan] * 3, [0.25, 0.5, 0.25]]
    )


@pytest.mark.parametrize(
    ("entries", "refusals", "useless"),
    [
        ([{"p": [0.5, 0.25, 0.25]}, {"error": {"message": "unsafe"}}], (1,), [1]),
        # With another problem, which may concern all images.
        ([{"error": "unsafe"}, {"p": [1.0]}, {"p": [0.5, 0.25, 0.25]}], (), [0, 1]),
    ],
)
def test_an_error_of_the_service_is_about_one_image(entries, refusals, useless):
    template = Template('[{"i": "$image"}]', scores="p", entries="x", error="error")
    with pytest.raises(PartlyAnswered, match=r"an error for an image: .*unsafe") as caught:
        ask_json(template, dumps({"x": entries}), len(entries))
    assert caught.value.refusals == refusals
    assert np.flatnonzero(np.isnan(caught.value.rows).any(1)).tolist() == useless


@pytest.mark.parametrize("count", [1, 2])
def test_errors_of_the_service_about_all_images(count):
    """Without any answer, all images of the request are refused."""
    template = Template('[{"i": "$image"}]', scores="p", entries="x", error="error")
    with pytest.raises(ImageRefused, match="an error for an image: unsafe"):
        ask_json(template, dumps({"x": [{"error": "unsafe"}] * count}), count)
    with pytest.raises(UserError, match="1 scores, but 3 classes") as caught:  # and another problem
        ask_json(template, dumps({"x": [{"p": [1.0]}] + [{"error": "unsafe"}] * count}), count + 1)
    assert not isinstance(caught.value, ImageRefused)


def test_a_label_that_is_told_twice_adds_up():
    template = Template('"$image"', scores="p", labels="l")
    found, _ = ask_json(template, b'{"p": [0.5, 0.25, 0.125], "l": ["ant", "bee", "ant"]}')
    np.testing.assert_array_equal(found, [[0.625, 0.25, np.nan]])


def test_whoever_sees_none_of_the_classes_prefers_none():
    template, ignored = Template('"$image"', scores="p", labels="l"), {"lamp": -1, "sofa": -1}
    found, _ = ask_json(template, b'{"p": [0.5, 0.25], "l": ["lamp", "sofa"]}', labels=ignored)
    np.testing.assert_array_equal(found, np.full((1, 3), 1 / 3))


@pytest.mark.parametrize("reply", [{"l": ["ant"]}, {}, {"l": None}, {"l": "junk"}, {"l": True}])
def test_json_hard_labels_that_are_none(reply):
    template = Template('["$image"]', entries="[@]", scores="", labels="l")
    with pytest.raises(UserError, match=r"config.teacher"):
        ask_json(template, dumps(reply), hard_labels=True, labels={"junk": -1})


@pytest.mark.parametrize(
    ("fields", "hard", "batch", "message"),
    [
        ({"request": "{"}, False, 1, "config.teacher.json.request is not JSON"),
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
            "both inside a list and outside it",
        ),
        ({"request": '["$image"]'}, False, 2, "config.teacher.json.entries is empty"),
        ({"entries": "a["}, False, 1, "config.teacher.json.entries='a.' is not JMESPath"),
        ({"scores": "a b"}, False, 1, "config.teacher.json.scores='a b' is not JMESPath"),
        ({"labels": "!"}, False, 1, "config.teacher.json.labels='!' is not JMESPath"),
        ({"id": "]"}, False, 1, "config.teacher.json.id='.' is not JMESPath"),
        ({"id": "id"}, False, 1, r"config.teacher.json.id='id', but .* has no '\$id'"),
        ({"scores": ""}, False, 1, "config.teacher.json.scores is empty"),
        ({}, True, 1, "config.teacher.json.scores must be empty"),
        (
            {"scores": ""},
            True,
            1,
            "config.teacher.json.scores must be empty, and config.teacher.json.labels",
        ),
        ({"scale": 0.0}, False, 1, "config.teacher.json.scale=0.0 must be positive"),
        ({"encoding": "gif"}, False, 1, "config.teacher.json.encoding='gif' must be png or jpeg"),
        ({"quality": 0}, False, 1, "config.teacher.json.quality=0"),
    ],
)
def test_templates_that_are_refused_before_anything_is_sent(fields, hard, batch, message):
    template = Template(**{"request": '{"x": "$image"}', **fields})
    with pytest.raises(UserError, match=message):
        json_teacher(connection("http://127.0.0.1:9/x"), template, hard_labels=hard, batch=batch)


def test_more_images_than_a_request_takes_are_refused():
    with pytest.raises(UserError, match=r"set config.teacher.batch=1"):
        ask_json(Template('{"x": "$image"}'), b"{}", 2, batch=1)
