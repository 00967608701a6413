"""Wilson's interval, by hand."""

import pytest

from amkd.reporting import interval


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        # z^2 / n = .38415: .5 -+ 1.96 * sqrt(.025 + .0096) / 1.38415
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),  # z^2 / (n + z^2)
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (428, 497, 0.8280, 0.8888),
        (9916, 10000, 0.9896, 0.9932),
    ],
)
def test_by_hand(right: int, count: int, low: float, high: float) -> None:
    found = interval.wilson(right / count, count)
    assert found == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


def test_it_holds_the_share_and_shrinks() -> None:
    widths = []
    for count in (10, 100, 1000):
        low, high = interval.wilson(0.9, count)
        assert 0 <= low < 0.9 < high <= 1
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


def test_text() -> None:
    assert interval.text(428 / 497, 497) == "82.8 to 88.9"
    assert interval.text(None, 497) == interval.text(0.5, None) == interval.text(0.5, 0) == ""
