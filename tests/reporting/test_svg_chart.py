"""Charts as SVG: round ticks, places of points, and files that follow dark mode."""

import xml.etree.ElementTree as ET

import pytest

from amkd.reporting import drawing, html_parts, interval_chart, svg_chart
from amkd.reporting.interval_chart import Mark, Row
from amkd.reporting.svg_chart import Curve, Point
from tests.reporting.test_pages import read
from tests.support import page_checks

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
    drawn = ET.fromstring(svg_chart.chart("title", "queries", [ONE, OTHER]).inline())
    circles = [(float(one.get("cx")), float(one.get("cy"))) for one in drawn.iter("circle")]
    # 16 + 4 * 7.4 = 45.6 for labels: 45.6 to 366 is 0 to 100 queries; 234 to 12 is 40% to 100%.
    assert circles == [(45.6, 197.0), (366.0, 49.0), (205.8, 123.0)]
    spans = [one.get("d") for one in drawn.iter("path") if one.get("class") == "span"]
    assert spans[0].startswith("M45.6 234.0 V160.0 ")
    assert len(spans) == 2  # the third point has no interval
    titles = [one.text for one in drawn.iter("title")]
    assert titles[0] == "a <run>: 50.0%, 95% interval 40.0 to 60.0, at 0"
    assert titles[2] == "another: 70.0%, at 50"


def test_part_of_a_page():
    text = html_parts.page("t", [drawing.STYLE, svg_chart.chart("t", "x", [ONE, OTHER]).figure()])
    page_checks.check(text)
    assert read(text).fetched == []
    assert "a &lt;run&gt;" in text and "<run>" not in text
    assert "var(--curve-1); stroke-dasharray: 6 3" in text


def test_a_band_and_a_line_have_no_points():
    band = Curve(0, "b", ONE.points, "band")
    drawn = svg_chart.chart("t", "x", [band, svg_chart.line(1, "c", [0, 1], [0.1, 0.2])]).body
    assert "<circle" not in drawn and drawn.count("<polygon") == 1


@pytest.mark.parametrize("step", [1, 1000, 10**6])
def test_labels_of_an_axis_do_not_touch(step):
    points = tuple(Point(step * number, 0.5, 0.5, 0.5) for number in range(7))
    drawn = ET.fromstring(svg_chart.chart("t", "x", [Curve(0, "a", points)]).inline())
    below = [one for one in drawn.iter("text") if one.get("y") == "252"]
    edges = [0.0]
    for one in below:
        width, x = drawing.CHARACTER * len(one.text), float(one.get("x"))
        left = x - (width if one.get("text-anchor") == "end" else width / 2)
        assert left >= edges[-1] and left + width <= drawing.WIDTH + 1
        edges.append(left + width)
    assert len(below) >= 2


FOREST = [
    Row("way <1>", (Mark(0, "way", 2.0, 1.0, 3.0, "3 seeds"),)),
    Row("two seeds", (Mark(0, "way", -1.0, -40.0, 38.0),)),
    Row("one seed", (Mark(0, "way", 0.5),)),
]


def test_intervals_beside_zero():
    """Values from -1 to 2, so no more than 2 * 3 beyond: -7 to 8, in ticks of 5 -10 to 10."""
    text = interval_chart.chart("t", "points", FOREST, unit="", zero=True).inline()
    drawn = ET.fromstring(text)
    circles = [(float(one.get("cx")), float(one.get("cy"))) for one in drawn.iter("circle")]
    # 18 to 362 is -10 to 10.
    assert [x for x, _ in circles] == pytest.approx([224.4, 172.8, 198.6])
    zero = [one for one in drawn.iter("path") if one.get("class") == "zero"]
    assert len(zero) == 1 and zero[0].get("d").startswith("M190.0 ")
    spans = [one.get("d") for one in drawn.iter("path") if one.get("class") == "span"]
    assert len(spans) == 2
    assert spans[0].startswith("M207.2 31.0 H241.6 M207.2 ")  # an end across
    assert spans[1].startswith("M18.0 73.0 H362.0 M23.0 ")  # an arrow
    titles = [one.text for one in drawn.iter("title")]
    assert titles[0] == "way <1>, way: 2.00, 95% interval 1.00 to 3.00, 3 seeds"
    assert titles[2] == "one seed, way: 0.50"


def test_a_file_of_charts_is_whole():
    images = [
        svg_chart.chart("a & b", "x", [ONE]),
        interval_chart.chart("c", "x", FOREST, unit=""),
    ]
    text = drawing.file("a title\x00 of <them>", images * 2)
    drawn = ET.fromstring(text)
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in text and "var(--paper)" in text
    titles = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "a title\N{REPLACEMENT CHARACTER} of <them>" in titles and titles.count("a & b") == 2
    assert titles.count("a <run>") == 2  # in the legends
    # Three in a row: the fourth stands below the first.
    nested = [one for one in drawn if one.tag.endswith("}svg")]
    assert [one.get("x") for one in nested] == ["24", "428", "832", "24"]
    assert float(drawn.get("width")) == 3 * (380 + 24) + 24


@pytest.mark.parametrize("value", [0.7, 5.0, 1e7, -3e8])
def test_equal_values_have_ticks_that_differ(value):
    found = svg_chart.ticks(value, value)
    assert found[0] <= value <= found[-1] and found[0] < found[-1]
    assert len({f"{tick:g}" for tick in found}) == len(found)
    assert svg_chart.chart("loss", "epoch", [svg_chart.line(0, "loss", [1], [value])]).body
