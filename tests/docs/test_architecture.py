"""docs/architecture.md names files that are there, and every package."""

import re

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "architecture.md"
TEXT = PAGE.read_text()
PATH = re.compile(r"`((?:amkd|configs|benchmarks|tests|docs)/[\w/.]+?|launch\.py)`")
IN_PICTURE = re.compile(r"\b((?:\w+/)+\w+\.py)")


def test_every_path_exists():
    missing = sorted({path for path in PATH.findall(TEXT) if not (ROOT / path).exists()})
    assert missing == [], f"{PAGE.name} names what is not there: {', '.join(missing)}"


def test_every_path_of_the_image_exists():
    (image,) = blocks(PAGE, "mermaid")
    found = set(IN_PICTURE.findall(image.text))
    assert len(found) > 10
    assert sorted(path for path in found if not (ROOT / "amkd" / path).exists()) == []


def test_every_package_is_named():
    packages = {path.parent.name for path in (ROOT / "amkd").glob("*/__init__.py")}
    assert sorted(name for name in packages if f"`amkd/{name}`" not in TEXT) == []
