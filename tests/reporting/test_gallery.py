"""Which images a person should look at first, and their part of a page."""

import numpy as np
import pytest

from amkd.reporting import gallery, html_parts, metrics
from amkd.reporting.gallery import AnsweredImages
from amkd.run import answered_images
from amkd.tasks import ONE_CLASS
from tests.reporting.test_pages import read

# Of two classes. KL by hand: .9 ln(.9/.5) + .1 ln(.1/.5) = .3681, 0, .5 ln(.5/.9) + .5 ln(.5/.1)
# = .5108, and the last image was not asked about.
TEACHER = np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5], [np.nan, np.nan]], np.float32)
STUDENT = np.array([[0.5, 0.5], [0.6, 0.4], [0.9, 0.1], [0.5, 0.5]], np.float32)
IMAGES = np.arange(4 * 2 * 2, dtype=np.uint8).reshape(4, 2, 2, 1)


def test_divergences_by_hand_and_their_mean():
    found = metrics.divergences(STUDENT[:3], TEACHER[:3])
    assert found == pytest.approx([0.3681, 0.0, 0.5108], abs=1e-4)
    assert metrics.divergence(STUDENT, TEACHER) == pytest.approx(found.mean())


def test_order_of_both_lists():
    assert gallery.most_divergent(STUDENT, TEACHER, 5).tolist() == [2, 0]
    assert gallery.most_divergent(STUDENT, TEACHER, 1).tolist() == [2]
    assert gallery.least_sure(TEACHER, 5).tolist() == [2, 1, 0]
    hard = np.eye(2, dtype=np.float32)[[0, 1, 1]]
    assert gallery.least_sure(hard, 5).tolist() == []
    assert gallery.least_sure(TEACHER[3:], 5).tolist() == []
    assert gallery.most_divergent(hard, hard, 5).tolist() == []


def test_order_agrees_with_a_slow_reference():
    rng = np.random.default_rng(0)
    student, teacher = rng.dirichlet(np.ones(5), (2, 40)).astype(np.float32)
    wanted = sorted(
        range(40),
        key=lambda m: (
            -sum(
                float(p) * float(np.log(p / q)) for p, q in zip(teacher[m], student[m], strict=True)
            )
        ),
    )
    assert gallery.most_divergent(student, teacher, 7).tolist() == wanted[:7]


def test_part_of_a_page():
    entry_of = answered_images.entry_of(ONE_CLASS, ("cat", "<b>"))
    both = AnsweredImages("held-out", IMAGES, TEACHER, STUDENT)
    shown = list(gallery.galleries(both, 2, entry_of))
    assert len(list(gallery.galleries(both, 2, entry_of, with_least_sure=False))) == 1
    assert [len(one.entries) for one in shown] == [2, 2]
    text = html_parts.page("t", gallery.html(shown, numbered=True))
    reader = read(text)
    assert len(reader.fetched) == 4
    assert all(address.startswith("data:image/png;base64,") for address in reader.fetched)
    assert "row 2<br>teacher: cat 50%<br>student: cat 90%" in text
    assert "row 3<br>teacher: cat 90%<br>student: cat 50%" in text
    # Image 2 stands in both galleries, and has one row.
    assert text.count("row 2<br>") == 2 and "row 4<br>teacher: cat 60%" in text
    assert "<b>" not in text.replace("&lt;b&gt;", "")
    assert list(gallery.html([])) == []
    first, more = next(iter(gallery.html(shown[:1], first=1))), "1 more"
    assert "disagree" in first and more in "".join(gallery.html(shown[:1], first=1))
