"""The parts of a JSON service: labels, images as text, outlines, and the form of a request."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.teachers import loading
from amkd.teachers.http import encoding, json_service
from amkd.teachers.http.reply_outline import outline
from amkd.teachers.http.service_labels import Labels
from amkd.teachers.http.template import Request
from tests.support.http_services import NAMES, dumps
from tests.teachers.test_json_service import decoded


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


def test_labels_are_looked_up_in_this_order():
    labels = Labels({"b": 0, "1": 2, "none": -1}, ("a", "B", "C", "c"))
    given = ("b", "B", "A", "1", 1, "C", "c", "3", 3, 2.0, "none")
    assert [labels.number(name) for name in given] == [0, 1, 0, 2, 2, 2, 3, 3, 3, 2, -1]
    for name in ("4", 4, -1, "x", 1.5, "²"):
        with pytest.raises(UserError, match=r"config\.teacher\.labels"):
            labels.number(name)
    with pytest.raises(UserError, match=r"neither text nor a number but bool"):
        labels.number(True)
    with pytest.raises(
        UserError, match=r"config.teacher.labels: 'x' is mapped to 4, but the classes are 0 to 3"
    ):
        Labels({"x": 4}, ("a", "B", "C", "c"))


ONE, TWO = "caf\u00e9", "cafe\u0301"  # é as one character, and as two


@pytest.mark.parametrize("name", [ONE, TWO])
@pytest.mark.parametrize("label", [ONE, TWO, ONE.upper(), TWO.upper()])
@pytest.mark.parametrize("mapped", [{}, {ONE: 1}, {TWO: 1}])
def test_labels_that_look_the_same_are_the_same(name, label, mapped):
    assert Labels(mapped, ("cat", name)).number(label) == 1


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", [ONE, TWO])
def test_a_label_map_names_classes_that_look_the_same(tmp_path, name, bom):
    (tmp_path / "map.json").write_bytes(bom + f'{{"x": "{name}"}}'.encode())
    for names in (("cat", ONE), ("cat", TWO)):
        assert loading.label_map(str(tmp_path / "map.json"), names) == {"x": 1}


def test_labels_that_look_the_same_have_one_class():
    with pytest.raises(UserError, match=r"config.teacher.labels: .* is mapped to two classes"):
        Labels({ONE: 0, TWO: 1}, ("cat", "dog"))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_pixel(channels):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    np.testing.assert_array_equal(
        decoded(encoding.encode(image, "png", 95)).reshape(image.shape), image
    )


def test_jpeg_keeps_a_smooth_image_about_as_it_is():
    image = np.repeat(np.linspace(0, 255, 16).astype(np.uint8)[None, :, None], 16, 0).repeat(3, -1)
    text = encoding.encode(image, "jpeg", 95)
    assert base64.b64decode(text)[:3] == b"\xff\xd8\xff"
    assert np.abs(decoded(text).astype(int) - image).max() <= 6
    assert len(encoding.encode(image, "jpeg", 20)) < len(text)
    with pytest.raises(UserError, match=r"1 or 3 channels, but the data set's images have 4"):
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
    images=st.lists(st.text("ABC+/="), min_size=1, max_size=5),
)
def test_requests_name_every_image_once_and_in_order(before, inside, images):
    form = {"before": before, "list": [{"image": "p:$image", "inside": inside, "id": "$id"}]}
    if "$" in json.dumps([before, inside]):
        return
    request = Request(json.dumps(form))
    names = [f"n{number}" for number in range(len(images))]
    filled = json.loads(request.fill(images, names))
    wanted = [
        {"image": f"p:{image}", "inside": inside, "id": name}
        for image, name in zip(images, names, strict=True)
    ]
    assert filled == {"before": before, "list": wanted}


@given(st.permutations(range(5)), st.integers(0, 5))
def test_entries_come_back_in_the_images_order(order, repeated):
    template = Template('[{"i": "$image", "id": "$id"}]', entries="@", id="id")
    ask = json_service._Ask(template, Labels({}, NAMES), 3)
    entries = [{"id": str(number), "scores": [number, float("nan"), 0]} for number in order]
    entries += [json.loads(json.dumps(entry)) for entry in entries[:repeated]]
    found = ask._in_order(entries, [str(number) for number in range(5)])
    assert [entry["scores"][0] for entry in found] == [0, 1, 2, 3, 4]
