"""Text that people read."""

import pytest

from amkd.core.text import money, plain


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        *((0.0, "0.00"), (0.075, "0.075"), (0.0525, "0.0525"), (1.5, "1.50")),
        *((3.456789, "3.457"), (9.99, "9.99"), (12.346, "12.35"), (1234.5, "1,234.50")),
        *((12345.678, "12,345.68"), (0.00001234, "0.00001234")),
    ],
)
def test_money_is_never_rounded_to_less_than_a_cent_where_it_is_little(amount, text):
    assert money(amount) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        *((0.0, 10, "0"), (0.1 + 0.2, 10, "0.3"), (1.50, 10, "1.5"), (2e6, 6, "2,000,000")),
        *((1234.5, 3, "1,230"), (0.000015, 10, "0.000015"), (-12.34, 3, "-12.3")),
    ],
)
def test_a_number_is_written_out_without_an_exponent(value, digits, text):
    assert plain(value, digits) == text
