"""Progress bars."""

import pytest

from amkd.reporting.bars import bars


@pytest.mark.parametrize("progress", [True, False])
def test_bars_are_shown_only_where_wanted(
    progress: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with bars(progress)(3, "round 1 search", "pair") as advance:
        advance(1)
        advance(2, loss="0.5")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("round 1 search" in shown.err) is progress
