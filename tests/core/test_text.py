"""Text that people read."""

import pytest

from amkd.core.text import money


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        *((0.0, "0.00"), (0.075, "0.075"), (0.0525, "0.0525"), (1.5, "1.50")),
        *((3.456789, "3.457"), (9.99, "9.99"), (12.346, "12.35"), (1234.5, "1,234.50")),
    ],
)
def test_money_is_never_rounded_to_less_than_a_cent_where_it_is_little(amount, text):
    assert money(amount) == text
