"""Every relative link and anchor of the pages leads somewhere."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT, name_of, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)


def slug(heading):
    """The anchor that GitHub and the site give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page):
    return {slug(heading) for heading in HEADING.findall(prose(page))}


def broken(page):
    """The links of a page that lead nowhere."""
    for target in LINK.findall(prose(page)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        there = place.is_relative_to(ROOT) and place.exists()
        if not there or (anchor and anchor not in anchors(place)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    assert list(broken(page)) == []


def test_broken_links_are_found(tmp_path):
    page = ROOT / "docs" / "faq.md"
    assert slug("What to use, and `why`") == "what-to-use-and-why"
    assert "what-to-use" in anchors(ROOT / "docs" / "methods.md")
    assert anchors(page) == {"questions"}


def test_every_page_of_docs_is_on_the_site():
    nav = (ROOT / "mkdocs.yml").read_text().split("\nnav:")[1]
    missing = [path.name for path in ROOT.glob("docs/*.md") if f": {path.name}\n" not in nav]
    assert missing == []


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 170
