"""Labels of a service that are names of classes, places of classes, or could be either."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from amkd.core.errors import UserError
from amkd.teachers import loading
from amkd.teachers.http.service_labels import Labels

ONE_TO_TEN = tuple(map(str, range(1, 11)))
TEN = tuple(map(str, range(10)))


@pytest.mark.parametrize(
    ("names", "label", "number"),
    [
        (ONE_TO_TEN, "1", 0),  # a name as it is written
        (ONE_TO_TEN, "10", 9),
        (ONE_TO_TEN, 10, 9),  # there is no place 10
        (TEN, 3, 3),  # name and place agree
        (TEN, "3", 3),
        (TEN, 3.0, 3),
        (("0", "1", "7"), 7, 2),
        (("0", "1", "7"), 1, 1),
        (("3D", "2D"), 0, 0),  # no number: places are places
        (("nan", "x"), 1, 1),
        (("cat", "dog"), "1", 1),
    ],
)
def test_numbers_that_mean_one_class_are_read(
    names: tuple[str, ...], label: Any, number: int
) -> None:
    assert Labels({}, names).number(label) == number


@pytest.mark.parametrize(
    ("names", "label", "readings"),
    [
        (ONE_TO_TEN, 0, ["no class, if it is a name", "the class '1', if the service counts"]),
        (ONE_TO_TEN, "0", ["no class, if it is a name", "the class '1', if the service counts"]),
        (ONE_TO_TEN, 1, ["the class '1', if it is a name", "the class '2', if the service counts"]),
        (ONE_TO_TEN, 9.0, ["the class '9', if it is a name", "the class '10', if the"]),
        (("cat", "7"), 0, ["no class, if it is a name", "the class 'cat', if the service counts"]),
        (("0.5", "1.5"), 1, ["no class, if it is a name", "the class '1.5', if the"]),
        (("001", "002"), 1, ["no class, if it is a name", "the class '002', if the"]),
        (("0", "1", "3"), 2, ["no class, if it is a name", "the class '3', if the"]),
        (("1", "0"), 0, ["the class '0', if it is a name", "the class '1', if the service counts"]),
    ],
)
def test_numbers_that_may_mean_two_things_are_refused_with_both(
    names: tuple[str, ...], label: Any, readings: list[str]
) -> None:
    with pytest.raises(UserError, match=r"config\.teacher\.labels") as caught:
        Labels({}, names).number(label)
    for reading in readings:
        assert reading in str(caught.value)


def test_the_users_map_settles_it() -> None:
    labels = Labels({str(place): place for place in range(10)}, ONE_TO_TEN)
    assert [labels.number(place) for place in (0, 1, "9")] == [0, 1, 9]


@pytest.mark.parametrize("label", [None, True, float("nan"), float("inf"), [], {}])
def test_what_is_no_label_is_refused(label: Any) -> None:
    with pytest.raises(UserError, match=r"neither text nor a number"):
        Labels({}, ("nan", "inf", "None", "True")).number(label)


def test_a_label_of_very_many_digits_is_refused() -> None:
    with pytest.raises(UserError, match=r"not a class of the data set"):
        Labels({}, ("a", "b")).number("9" * 5000)


@pytest.mark.parametrize(
    ("names", "given", "wanted"),
    [
        (ONE_TO_TEN, "3", 2),
        (ONE_TO_TEN, -1, -1),
        (TEN, 3, 3),
        (("cat", "dog"), 1, 1),
        (ONE_TO_TEN, 3, "this is the class '4', and as a name, the class '3'; write the class's"),
        (ONE_TO_TEN, 0, "counted from 0, this is the class '1'; write the class's name, in quotes"),
    ],
)
def test_a_maps_numbers_are_no_names(
    tmp_path: Path, names: tuple[str, ...], given: Any, wanted: int | str
) -> None:
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"x": given}))
    if isinstance(wanted, int):
        assert loading.label_map(str(path), names) == {"x": wanted}
        return
    with pytest.raises(UserError, match=re.escape(wanted)):
        loading.label_map(str(path), names)
