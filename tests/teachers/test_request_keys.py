"""Keys of requests and ids of images: the same on every attempt, and after a restart."""

import dataclasses
import json

import numpy as np
import pytest

from amkd import ledger
from amkd.config.teacher_services import Template, TfservingSettings
from amkd.core.errors import UserError
from amkd.querying.request_policy import RequestPolicy
from amkd.teachers.http import oip, tfserving
from amkd.teachers.http.request_key import image_names, request_key
from amkd.teachers.image_spec import ImageSpec
from tests.support.http_services import (
    AUTO,
    SHAPE,
    Canned,
    closing,
    connection,
    json_teacher,
    oip_settings,
    random_images,
)
from tests.support.raw_server import RawServer, http
from tests.support.scripted_teacher import Scripted, client_of, lost, some_images, truth
from tests.support.scripted_teacher import ask as ask_client

GOOD = http(b'{"scores": [0.5, 0.25, 0.25]}')
WITH_ID = Template('{"id": "$id", "x": "$image"}')
KEY = "Idempotency-Key"


def test_a_key_is_of_the_run_and_of_the_images_in_their_order():
    images = random_images(3)
    keys = {
        request_key("run", images),
        request_key("", images),
        request_key("other", images),
        request_key("run", images[::-1]),
        request_key("run", images[:2]),
        request_key("run", images.reshape(3, 4, 2, 1)),
        request_key("run", random_images(3, seed=1)),
    }
    assert len(keys) == 7
    assert request_key("run", images.copy()) in keys
    names = [name for key in keys for name in image_names(key, 5)]
    assert len({*names, *keys}) == 42
    assert image_names("key", 5)[:2] == image_names("key", 2)


@pytest.mark.parametrize(
    ("fields", "header"), [({}, KEY), ({"idempotency_header": "X-Request-Id"}, "X-Request-Id")]
)
def test_the_key_goes_along_and_stays(fields, header):
    replies = http(b"", status=500), http(b"{"), GOOD
    for _ in range(2):  # a restart: another teacher, another connection
        with RawServer(*replies) as server:
            where = connection(server.url, **fields)
            with closing(json_teacher(where, WITH_ID)) as teacher:
                asked = teacher.of_run("run")
                for image in (*[random_images(1)] * 3, random_images(1, seed=1)):
                    try:
                        asked.ask(image)
                    except Exception:  # the first two
                        continue
        keys, ids = server.headers(header), [json.loads(body)["id"] for body in server.bodies]
        assert keys[0] == keys[1] == keys[2] == request_key("run", random_images(1)) != keys[3]
        assert ids[0] == ids[1] == ids[2] != ids[3]
        assert server.bodies[0] == server.bodies[1] == server.bodies[2]


def test_no_key_is_sent_where_none_is_wanted():
    with RawServer(GOOD) as server:
        with closing(json_teacher(connection(server.url, idempotency_header=""))) as teacher:
            teacher.ask(random_images(1))
    assert server.headers(KEY) == [None]
    assert "idempotency" not in server.asked[0][1].lower()


def test_a_run_s_attempts_have_one_key_and_another_run_s_have_another(tmp_path):
    quick = RequestPolicy(first_wait=0.001, longest_wait=0.002)
    keys = {}
    for run in ("one", "two"):
        with RawServer(http(b"", status=503), http(b"", status=500), GOOD) as server:
            teacher = json_teacher(connection(server.url))
            book = ledger.Ledger(tmp_path / f"{run}.sqlite")
            with closing(teacher):
                client = client_of(book, teacher.ask, quick, run=run)
                ask_client(dataclasses.replace(client, classes=3), random_images(1))
            book.close()
        assert len(set(server.headers(KEY))) == 1 and len(server.asked) == 3
        keys[run] = server.headers(KEY)[0]
    assert keys["one"] != keys["two"]


class Keyed(Scripted):
    """A scripted teacher whose requests carry keys."""

    def of_run(self, run):
        return self


@pytest.mark.parametrize(
    ("good", "batch", "others"),
    [(0, 4, ()), (1, 4, ()), (2, 4, ()), (3, 4, ()), (1, 1, ()), (1, 4, (0, 1, 7)), (2, 2, (3,))],
)
def test_what_was_on_its_way_is_the_same_request_after_a_restart(tmp_path, good, batch, others):
    """Also where another run has answered some of the images."""
    book, images = ledger.Ledger(tmp_path / "ledger.sqlite"), some_images(11)
    once = RequestPolicy(attempts=1)
    if others:
        ask_client(client_of(book, Scripted(), once, run="other"), images[list(others)])
    ended, again = Keyed(*[truth] * good, lost), Keyed()
    with pytest.raises(UserError, match="did not answer in 1 attempts"):
        ask_client(client_of(book, ended, once, batch=batch), images)
    found = ask_client(client_of(book, again, once, batch=batch), images)
    book.close()
    np.testing.assert_array_equal(found, truth(images))
    assert ended.calls[-1] in again.calls
    answered = ended.answered + again.answered
    assert len(answered) == 11 - len(others) and max(answered.values()) == 1


def test_the_first_request_is_small_after_a_restart_too(tmp_path):
    book, images = ledger.Ledger(tmp_path / "ledger.sqlite"), some_images(20)
    spy, once = Keyed(truth, truth, lost), RequestPolicy(attempts=1)
    with pytest.raises(UserError):
        ask_client(client_of(book, spy, once, batch=4), images)
    ask_client(client_of(book, spy, once, batch=4), images)
    book.close()
    assert spy.sizes == [1, 4, 4, 1, 4, 4, 4, 2]
    assert spy.calls[4] == spy.calls[2]


def test_model_servers_get_a_key_too():
    images = random_images(2)
    described = {
        "versions": ["1"],
        "inputs": [{"name": "x", "datatype": "UINT8", "shape": [-1, *SHAPE]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}],
    }
    answered = {
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 3], "data": [1, 0, 0] * 2}]
    }
    dims = [{"size": str(size)} for size in (-1, *SHAPE)]
    signature = {
        "inputs": {"x": {"dtype": "DT_UINT8", "tensor_shape": {"dim": dims}}},
        "outputs": {
            "y": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [*dims[:1], {"size": "3"}]}}
        },
    }
    told = {"metadata": {"signature_def": {"signature_def": {"serving_default": signature}}}}
    replies = {
        "GET /v2/models/digits": (200, {}, json.dumps(described).encode()),
        "POST /v2/models/digits/versions/1/infer": (200, {}, json.dumps(answered).encode()),
        "GET /v1/models/digits/metadata": (200, {}, json.dumps(told).encode()),
        "POST /v1/models/digits:predict": (
            200,
            {},
            json.dumps({"predictions": [[1, 0, 0]] * 2}).encode(),
        ),
    }
    with Canned(replies) as server:
        given = {
            "connection": connection(server.url),
            "pixels": AUTO,
            "images": ImageSpec(SHAPE, 3),
        }
        for teacher in (
            oip.load(oip_settings(binary="no"), batch=2, **given),
            tfserving.load(TfservingSettings(model="digits"), batch=2, **given),
        ):
            with closing(teacher):
                for _ in range(2):
                    np.testing.assert_array_equal(
                        teacher.of_run("run").ask(images), [[1, 0, 0]] * 2
                    )
    asked = [(headers, body) for name, headers, body in server.asked if name.startswith("POST")]
    assert [headers[KEY] for headers, _ in asked] == [request_key("run", images)] * 4
    assert asked[0][1] == asked[1][1]
