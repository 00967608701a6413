"""Small folders of images, and an empty cache."""

from pathlib import Path

import pytest

from tests.support.image_files import write_png


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three images."""
    place = tmp_path / "root"
    place.mkdir()
    for seed, name in enumerate("abc"):
        write_png(place / f"{name}.png", seed)
    return place


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    place = tmp_path / "labelled"
    for seed, name in enumerate(("cat/1.png", "cat/deep/er/2.png", "dog/1.png", "eel/1.png")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(place / name, seed)
    (place / ".hidden").mkdir()
    (place / "README.txt").write_text("hello")
    return place
