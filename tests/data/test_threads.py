"""Work on many files in threads."""

import os

import pytest

from amkd.data import threads


def test_work_in_threads_is_in_order_and_never_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    begun: list[int] = []
    results = threads.map_in_order(lambda item: (begun.append(item), -item)[1], range(5000), "test")
    for place in range(1000):
        assert next(results) == -place
        assert (
            len(begun) <= place + 1 + 7 * 16
        )  # 2 threads x 3 chunks of 16, and the one that is consumed
    results.close()  # type: ignore[attr-defined]
    assert len(begun) < 1200
    assert list(threads.map_in_order(abs, [], "test")) == []
