"""Charts as SVG: round ticks, places of points, and a page without anything from elsewhere."""

import xml.etree.ElementTree as ET

import pytest

from amkd.reporting import html_parts, svg_chart
from amkd.reporting.svg_chart import Curve, Point
from tests.reporting.test_pages import read

ONE = Curve(0, "a <run>", (Point(0, 0.5, 0.4, 0.6), Point(100, 0.9, 0.8, 1.0)))
OTHER = Curve(9, "another", (Point(50, 0.7, 0.7, 0.7),))


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (40, 100, [40, 60, 80, 100]),
        (0, 22.5, [0, 5, 10, 15, 20, 25]),
        (0, 0.3, [0, 0.1, 0.2, 0.3]),
        (70, 70, None),
    ],
)
def test_ticks(low, high, wanted):
    found = svg_chart.ticks(low, high)
    assert found[0] <= low and found[-1] >= high and len(found) >= 2
    assert wanted is None or found == pytest.approx(wanted)


def test_places_by_hand():
    drawn = ET.fromstring(svg_chart.chart("title", "queries", [ONE, OTHER]))
    circles = [(float(one.get("cx")), float(one.get("cy"))) for one in drawn.iter("circle")]
    # 50 to 408 is 0 to 100 queries; 246 to 12 is 40% to 100%.
    assert circles == [(50.0, 207.0), (408.0, 51.0), (229.0, 129.0)]
    spans = [one.get("d") for one in drawn.iter("path") if one.get("class") == "span"]
    assert spans[0].startswith("M50.0 246.0 V168.0 ")
    titles = [one.text for one in drawn.iter("title")]
    assert titles[0] == "a <run>: 50.0%, 95% interval 40.0 to 60.0, at 0"


def test_part_of_a_page():
    parts = [svg_chart.STYLE, svg_chart.legend([ONE, OTHER]), svg_chart.chart("t", "x", [ONE])]
    text = html_parts.page("t", parts)
    assert read(text).fetched == [] and "http" not in text
    assert "a &lt;run&gt;" in text and "<run>" not in text
    assert "var(--curve-1); stroke-dasharray: 6 3" in text
    assert text.count("prefers-color-scheme: dark") == 2


def luminance(colour):
    """Relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("colours", "paper"), [(svg_chart._LIGHT, "#ffffff"), (svg_chart._DARK, "#15181c")]
)
def test_curves_stand_out_from_the_paper(colours, paper):
    for colour in colours:
        low, high = sorted((luminance(colour), luminance(paper)))
        assert (high + 0.05) / (low + 0.05) > 4.5, colour  # AA, of text
