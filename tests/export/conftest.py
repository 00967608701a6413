"""One student and one export of it, for all tests of this folder."""

from pathlib import Path

import pytest

from amkd import export
from amkd.models.saved_network import SavedNetwork
from tests.support.students import KNOWN, LENET, sample_of, student_of


@pytest.fixture(scope="module")
def lenet() -> SavedNetwork:
    return student_of("lenet5_half", LENET, **KNOWN)


@pytest.fixture(scope="module")
def exported(lenet: SavedNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished export of the LeNet, to be read only."""
    folder: Path = tmp_path_factory.mktemp("export") / "out"
    export.write(lenet, folder, sample_of(LENET), license="CC-BY-4.0")
    return folder
