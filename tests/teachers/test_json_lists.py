"""Lists of a JSON reply that belong together: labels and scores, entries and images."""

import json
from typing import Any

import numpy as np
import pytest

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.teachers import PartlyAnswered, Unanswered
from amkd.teachers.http import json_service
from amkd.teachers.http.reply_entry import EntryReader
from amkd.teachers.http.reply_path import Path
from amkd.teachers.http.service_labels import Labels
from tests.support.http_services import NAMES

NAN = float("nan")
IGNORE = {"junk": -1}


def read(entry: Any, scores: str = "p[].s", labels: str = "p[].n", **fields: Any) -> list[float]:
    """The row of one entry, of the classes ant, Bee and cat."""
    template = Template("$image", scores=scores, labels=labels, **fields)
    row: list[float] = EntryReader(template, Labels(IGNORE, NAMES), 3)(entry).tolist()
    return row


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("p[].n", {"p": [{"n": 1}, {}, {"n": None}, None]}, [1, None, None, None]),
        ("p[*].n", {"p": [{"n": 1}, {}]}, [1, None]),
        ("p.*.n", {"p": {"a": {"n": 1}, "b": {}}}, [1, None]),
        ("p[:2].n", {"p": [{}, {"n": 1}, {"n": 2}]}, [None, 1]),
        ("p[?k].n", {"p": [{"k": 1}, {"n": 2}, {"k": 3, "n": 4}]}, [None, 4]),
        ("p[].q[].n", {"p": [{"q": [{"n": 1}, {}]}, {"q": [{"n": 2}]}, {}]}, [1, None, 2, None]),
        ("p[].[n, s]", {"p": [{"n": 1}]}, [[1, None]]),
        ("map(&n, p)", {"p": [{"n": 1}, {}]}, [1, None]),
        ("p[].n | [0]", {"p": [{}, {"n": 1}]}, None),
        ("sort_by(p, &k)[].n", {"p": [{"k": 2, "n": 1}, {"k": 1}]}, [None, 1]),
        ("p[].n", {"p": 3}, None),
        ("p.*.n", {"p": 3}, None),
        ("p[?k].n", {}, None),
    ],
)
def test_a_path_keeps_one_place_for_each_element(path: str, value: Any, found: Any) -> None:
    assert Path("labels", path).search(value) == found


# Each reply has a label without a score and a score without a label, and so equally many of both.
@pytest.mark.parametrize(
    ("scores", "labels", "entry"),
    [
        ("p[].s", "p[].n", {"p": [{"n": None, "s": 0.7}, {"n": "Bee", "s": None}]}),
        ("p[].s", "p[].n", {"p": [{"s": 0.7}, {"n": "Bee"}]}),
        ("p[].s", "p[].n", {"p": [{"n": "ant"}, {"s": 0.7}, {"n": "cat", "s": 0.1}]}),
        ("p[*].s", "p[*].n", {"p": [{"n": "ant"}, {"s": 0.7}]}),
        ("p.*.s", "p.*.n", {"p": {"x": {"n": "ant"}, "y": {"s": 0.7}}}),
        ("p[?k].s", "p[?k].n", {"p": [{"k": 1, "n": "ant"}, {"k": 1, "s": 0.7}]}),
        ("p[].q[].s", "p[].q[].n", {"p": [{"q": [{"n": "ant"}]}, {"q": [{"s": 0.7}]}]}),
        ("p[].s", "p[].n.t", {"p": [{"n": {"t": "ant"}}, {"n": {}, "s": 0.7}]}),
        ("s", "n", {"s": [None, 0.7], "n": ["ant", None]}),
        ("p[].s[]", "p[].n[]", {"p": [{"s": [0.7, None], "n": [None, "ant"]}]}),
    ],
)
def test_no_score_lands_on_its_neighbours_label(scores: str, labels: str, entry: Any) -> None:
    with pytest.raises(UserError, match=r"without a score|neither text nor a number but null"):
        read(entry, scores, labels)


@pytest.mark.parametrize(
    ("scores", "labels", "entry"),
    [
        ("p[?s].s", "p[?n].n", {"p": [{"n": "ant"}, {"s": 0.7}]}),
        ("p[?s].s", "p[].n", {"p": [{"n": "ant"}, {"s": 0.7, "n": "Bee"}, {"s": 1, "n": "cat"}]}),
        ("p[].s[]", "p[].n[]", {"p": [{"s": [0.7, 1], "n": ["ant"]}, {"n": ["cat"]}]}),
        (
            "p[].s[]",
            "p[].n[]",
            {"p": [{"s": [0.7], "n": ["ant", "Bee"]}, {"s": [0.2, 0.1], "n": ["cat"]}]},
        ),
    ],
)
def test_lists_of_other_elements_are_not_put_together(scores: str, labels: str, entry: Any) -> None:
    """Although they may be equally long."""
    with pytest.raises(UserError, match=r"selects other elements than|is not a list of"):
        read(entry, scores, labels)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"p": [{"n": "ant", "s": NAN}, {"n": "Bee", "s": 0.2}]}, "NaN or infinity"),
        ({"p": [{"n": "ant", "s": None}, {"n": "Bee", "s": 0.2}]}, "'ant' without a score"),
        ({"p": [{"n": "ant", "s": float("inf")}, {"n": "Bee", "s": 0.2}]}, "NaN or infinity"),
        ({"p": [{"n": "ant", "s": 0.3}, {"n": "ant", "s": None}]}, "'ant' without a score"),
        ({"p": [{"n": "ant"}, {"n": "Bee"}]}, r"scores='p\[\]\.s' finds no score"),
        ({"p": [None, {"n": "Bee", "s": 0.2}]}, "neither text nor a number but null"),
    ],
)
def test_a_named_label_needs_a_finite_score(entry: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read(entry)


@pytest.mark.parametrize(
    ("scores", "entry", "said"),
    [
        ("p", {"p": {"ant": NAN, "Bee": 0.2}}, "NaN or infinity"),
        ("p", {"p": {"ant": None, "Bee": 0.2}}, "'ant' without a score"),
        ("p", {"p": [0.5, NAN, 0.2]}, "NaN or infinity"),
        ("p[].s", {"p": [{"s": 0.1}, {"s": 0.2}, {}, {"s": 0.7}]}, "4 scores, but 3 classes"),
    ],
)
def test_so_does_a_class_of_an_object_or_of_a_list(scores: str, entry: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read(entry, scores, labels="")


def test_what_is_told_is_read() -> None:
    apart = {"s": [0.75, 0.25], "p": [{"n": "cat"}, {"n": "ant"}]}
    np.testing.assert_array_equal(read(apart, "s", "p[].n"), [0.25, NAN, 0.75])
    every = {"p": [{"n": "cat", "s": 0.75}, {"n": "ant", "s": 0.25}]}
    np.testing.assert_array_equal(read(every, "p[?s].s", "p[].n"), [0.25, NAN, 0.75])
    np.testing.assert_array_equal(read({"cat": 1}, "values(@)", "keys(@)"), [NAN, NAN, 1])
    told = {"p": [{"n": "junk", "s": None}, {"n": "cat", "s": 0.75}, {"n": "ant", "s": 0.25}]}
    np.testing.assert_array_equal(read(told), [0.25, NAN, 0.75])  # what is ignored needs none
    np.testing.assert_array_equal(read([0.5, None, 0.25], "@", ""), [0.5, NAN, 0.25])


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("0.93", 0.93),
        ("93%", 0.93),
        ("9.3e-1", 0.93),
        (" 93.5 % ", 0.935),
        (".5", 0.5),
        ("1", 1),
        ("1.", 1),
        ("0E0", 0),
    ],
)
def test_scores_may_be_texts(text: str, score: float) -> None:
    assert read({"ant": text}, "@", "")[0] == pytest.approx(score, rel=1e-12)
    assert read({"p": [{"n": "Bee", "s": text}]})[1] == pytest.approx(score, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "scale", "said"),
    [
        ("nan", 1, 'a number or a text like "0.93" or "93%"'),
        ("inf", 1, "finds a str among the scores"),
        ("0,93", 1, "finds a str among the scores"),
        ("1_0", 1, "finds a str among the scores"),
        ("\u0661", 1, "finds a str among the scores"),  # a digit, and none of ours
        ("", 1, "finds a str among the scores"),
        ("%", 1, "finds a str among the scores"),
        ("0x1", 1, "finds a str among the scores"),
        ("1e999", 1, "NaN or infinity"),
        ("93%", 0.01, "already divided by 100: set config.teacher.json.scale=1"),
    ],
)
def test_texts_that_are_no_scores(text: str, scale: float, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read({"ant": text}, "@", "", scale=scale)


# Entries and images.


def ask(entries: list[Any], count: int, **fields: str) -> np.ndarray:
    """The rows of a batch whose images are called a, b, c, ..."""
    form = '[{"i": "$image", "id": "$id"}]'
    template = Template(form, **{"entries": "x[].r", "scores": "p", **fields})
    service = json_service._Ask(template, Labels({}, NAMES), 3)
    reply = json.loads(json.dumps({"x": [{"r": entry} for entry in entries]}))
    return service._rows(service._in_order(service._entries(reply), list("abc"[:count])))


def entry(place: int, **fields: Any) -> dict[str, Any]:
    return {"p": np.eye(3)[place].tolist(), **fields}


def test_a_null_entry_is_the_fault_of_its_image() -> None:
    """The others were paid for, and keep their places."""
    with pytest.raises(PartlyAnswered, match=r"scores='p' is neither a list nor") as caught:
        ask([entry(0), None, entry(2)], 3)
    np.testing.assert_array_equal(caught.value.rows, [[1, 0, 0], [NAN] * 3, [0, 0, 1]])


@pytest.mark.parametrize(
    ("entries", "fields", "said"),
    [
        ([None, entry(0), entry(1)], {}, "3 entries for 2 images"),
        ([entry(0), entry(1), entry(2)], {}, "3 entries for 2 images"),
        ([entry(0)], {}, "1 entries for 2 images"),
        ([None, entry(0, id="a"), entry(1, id="b")], {"id": "id"}, "null entry"),
        ([None, entry(0, id="a")], {"id": "id"}, "null entry"),
        ([entry(0, id="a"), entry(1, id="b"), entry(2, id="c")], {"id": "id"}, "another request"),
        ([entry(0, id="a"), entry(1, id="b"), entry(2, id="b")], {"id": "id"}, "contradict"),
    ],
)
def test_a_reply_of_more_or_fewer_entries_is_refused_and_not_cut(
    entries: list[Any], fields: dict[str, str], said: str
) -> None:
    with pytest.raises(Unanswered, match=said):
        ask(entries, 2, **fields)


@pytest.mark.parametrize("name", [None, 3, True, ["a"]])
def test_an_entry_needs_the_name_of_its_image(name: Any) -> None:
    with pytest.raises(UserError, match=r"config\.teacher\.json\.id='id' is not text"):
        ask([entry(0, id="a"), entry(1, id=name)], 2, id="id")


def test_the_one_label_of_a_list_is_no_later_one() -> None:
    template = Template("$image", scores="", labels="p[].n | [0]")
    with pytest.raises(UserError, match=r"is not a single label"):
        EntryReader(template, Labels({}, NAMES), 3)({"p": [{"n": None}, {"n": "ant"}]})
