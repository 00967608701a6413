"""What every page must be: legible in both colour schemes, on a small screen, without a network."""

import re

from amkd.reporting import palette
from amkd.reporting.drawing import FONT

SCREEN = 420 - 2 * 16  # pixels of a small screen between the margins of a page
_LEAST_TEXT = 12.0  # pixels
_AA = 4.5  # least contrast of text by WCAG 2.2, level AA


def luminance(colour):
    """Relative luminance of red, green and blue from 0 to 255, as WCAG 2 defines it."""
    parts = [value / 255 for value in colour]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def rgb(value):
    """Red, green and blue of ``#rrggbb`` or of ``r, g, b``."""
    if value.startswith("#"):
        return tuple(int(value[place : place + 2], 16) for place in (1, 3, 5))
    return tuple(map(int, value.split(",")))


def over(colour, ground, opacity):
    """A colour that lies over another."""
    return tuple(
        opacity * part + (1 - opacity) * below for part, below in zip(colour, ground, strict=True)
    )


def check(page):
    """Fails if a page is not as every page must be."""
    styles = "\n".join(re.findall(r"<style>(.*?)</style>", page, re.S))
    check_contrast(page, styles)
    check_small_screen(page, styles)
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert set(re.findall(r'(?:src|href)="([a-z/]+)', page)) <= {"data"}


def check_contrast(page, styles):
    """Every colour of text against every ground, in both schemes; no other colour is used."""
    plain = re.sub(r":root \{[^}]*\}", "", styles)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", plain)
    inks = set(re.findall(r"(?<![-\w])color: ([^;}]+)", plain))
    inks |= set(re.findall(r"text \{ fill: ([^;}]+)", plain))
    grounds = set(re.findall(r"background: ([^;}]+)", plain)) | {"var(--paper)"}
    tints = re.findall(r"background: rgba\(var\(--accent\), ([0-9.]+)\)", page)
    assert inks <= {"var(--ink)", "var(--soft)"} and grounds <= {"var(--paper)", "var(--card)"}
    assert set(re.findall(r"style=\"background: ([^\"(]+)", page)) <= {"rgba", "var"}
    for colours in palette.SCHEMES.values():
        paper, accent = rgb(colours["paper"]), rgb(colours["accent"])
        for ink in inks:
            for ground in grounds:
                one, other = (rgb(colours[name[6:-1]]) for name in (ink, ground))
                assert contrast(one, other) >= _AA, (ink, ground)
        for tint in set(tints):
            found = contrast(rgb(colours["ink"]), over(accent, paper, float(tint)))
            assert found >= _AA, tint


def check_small_screen(page, styles):
    """On 420 pixels no text is below 12 pixels, and only tables and commands scroll sideways."""
    for size in re.findall(r"font-size: ([0-9.]+)rem", styles):
        assert 16 * float(size) >= _LEAST_TEXT
    drawn = re.findall(r'<svg class="chart" viewBox="0 0 ([0-9]+) [0-9]+" role', page)
    assert len(drawn) == page.count('<svg class="chart"')
    for width in drawn:
        assert FONT * SCREEN / float(width) >= _LEAST_TEXT
    assert not re.search(r"font-size=|font: (?!13px|16px)[0-9]", page)
    assert not re.search(r"(?<!-)\bwidth: [0-9]+px|min-width: [0-9]+px", page)
    assert page.count("<table") == len(re.findall(r'<div class="wide" tabindex="0"><table', page))
    for least in re.findall(r"minmax\((?!min\()([0-9.]+)rem", styles):
        assert 16 * float(least) <= SCREEN
