"""Contact sheets: a mix between its images, any other image once, few at first."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from amkd.reporting import contact_sheet, thumbnail
from amkd.reporting.contact_sheet import Cell

SVG = "{http://www.w3.org/2000/svg}"


def pixels(address):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def flat(*colour):
    return np.full((8, 8, 3), colour, np.uint8)


RED, GREEN, BLUE = flat(255, 0, 0), flat(0, 255, 0), flat(0, 0, 255)


@pytest.mark.parametrize("form", ["page", "file"])
def test_a_mix_stands_between_its_images_and_any_other_image_once(form):
    cells = [Cell((RED, GREEN, BLUE), ("a <mix>",)), Cell((GREEN,), ("alone",))]
    text = contact_sheet.html(cells) if form == "page" else contact_sheet.file("t", cells)
    shown = [pixels(found) for found in re.findall(r'(data:image/png;base64,[^"]+)"', text)]
    assert all(map(np.array_equal, shown, (RED, GREEN, BLUE, GREEN))) and len(shown) == 4
    assert "a &lt;mix&gt;" in text and "<mix>" not in text
    if form == "page":
        assert re.findall('alt="([^"]+)"', text) == ["image i", "mix", "image j", "image"]


def test_a_page_shows_few_cells_at_first_spread_over_all():
    cells = [Cell((flat(number, 0, 0),), (f"cell {number}.",)) for number in range(11)]
    first, more = contact_sheet.html(cells).split("<details>")
    assert re.findall(r"cell (\d+)\.", first) == ["0", "2", "4", "6", "8", "10"]
    assert re.findall(r"cell (\d+)\.", more) == [str(number) for number in range(11)]
    assert "<details>" not in contact_sheet.html(cells[:6])


def test_a_file_of_single_images_has_nine_in_a_row():
    drawn = ET.fromstring(contact_sheet.file("t", [Cell((RED,))] * 10))
    places = [(one.get("x"), one.get("y")) for one in drawn.iter(f"{SVG}image")]
    assert len({x for x, _ in places}) == 9 and len({y for _, y in places}) == 2


def test_captions():
    mix = contact_sheet.cell((RED, GREEN, BLUE), lam=0.4, score="C2 0.251", said="teacher: a 60%")
    assert mix.lines == ("λ 0.40, C2 0.251", "teacher: a 60%")
    alone = contact_sheet.cell((RED,), lam=1.0, score="", said="teacher: a 60%")
    assert alone.lines == ("teacher: a 60%",)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_small_image_stays_as_it_is(channels):
    image = np.random.default_rng(0).integers(0, 256, (8, 9, channels), np.uint8)
    found = pixels(thumbnail.address(image))
    assert np.array_equal(found, image if channels == 3 else image[..., 0])


def test_a_large_image_is_a_thumbnail():
    noise = np.random.default_rng(0).integers(0, 256, (600, 300, 3), np.uint8)
    found = thumbnail.address(noise)
    assert found.startswith("data:image/jpeg;base64,") and len(found) < 60_000
