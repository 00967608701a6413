"""A ledger for tests of asking and sending."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from amkd import ledger


@pytest.fixture
def book(tmp_path: Path) -> Iterator[ledger.Ledger]:
    found = ledger.Ledger(tmp_path / "ledger.sqlite")
    yield found
    found.close()
