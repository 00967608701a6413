"""The plan says where replies could be mixed up unnoticed, and what helps."""

import pytest

from amkd.planning.report import _replies
from amkd.validation import from_config
from tests.support.configuring import changed, complaint


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("json", {}, "teacher.json.id"),
        ("json", {"json__id": "id"}, ""),
        ("json", {"http__fresh_connections": True}, ""),
        ("tfserving", {"tfserving__model": "m"}, "fresh_connections"),
        ("oip", {"oip__model": "m"}, ""),  # its ids are part of the protocol
        ("flax", {"http__url": ""}, ""),
    ],
)
def test_ids_are_recommended_where_replies_have_none(kind, fields, said):
    given = {"kind": kind, "http__url": "https://example.com/x", **fields}
    named = {f"teacher__{name}": value for name, value in given.items()}
    text = "\n".join(_replies(from_config(changed(**named)).teacher))
    assert said in text and bool(said) == bool(text)


@pytest.mark.parametrize("name", ["url", "auth_header", "auth_scheme", "auth_env", "auth_file"])
def test_a_value_of_a_wrong_type_is_not_shown_where_it_may_be_a_secret(name):
    said = complaint(**{f"teacher__http__{name}": b"hunter2"})
    assert f"config.teacher.http.{name}: must be text" in said and "hunter2" not in said
