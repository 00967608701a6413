"""The order of the classes that a network learned, and of those of the evaluation images."""

import pytest

from amkd.core.errors import UserError
from amkd.data import class_names

LEARNED = ("1", "10", "2")


@pytest.mark.parametrize(
    ("learned", "found"),
    [
        ((), ("1", "2", "10")),
        (LEARNED, LEARNED),
        (("caf\u00e9", "cat"), ("cafe\u0301", "cat")),
        (("0", "1"), ("cat", "dog")),  # it learned numbers, and the labels have names
    ],
)
def test_classes_in_the_order_that_a_network_learned(
    learned: tuple[str, ...], found: tuple[str, ...]
) -> None:
    class_names.refuse_other_order(learned, found)


def test_classes_in_another_order_are_refused() -> None:
    with pytest.raises(
        UserError,
        match=r"config.data.classes: class 1 is '2' here, but it was '10' .*classes='1,10,2'",
    ):
        class_names.refuse_other_order(LEARNED, ("1", "2", "10"))
