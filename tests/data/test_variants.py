"""Variants of the real images: shifts by hand, and a run that mixes them.

The teacher is never asked about the variants themselves.
"""

import re

import jax
import numpy as np
import pytest

from amkd.core import keys
from amkd.core.stopping import StopSignal
from amkd.data import augment, variants
from amkd.data.augment import Views
from amkd.planning import report
from amkd.run import experiment
from tests.support import command, counting_teacher
from tests.support.small import configured


def some(n, height=5, width=4, channels=2, seed=0):
    return np.random.default_rng(seed).integers(1, 256, (n, height, width, channels), np.uint8)


def views(image, margin, flips):
    """Every shift of an image, in the order of rows, columns and mirrors."""
    height, width, _ = image.shape
    padded = np.pad(image, [(margin, margin), (margin, margin), (0, 0)])
    cuts = [
        padded[y : y + height, x : x + width]
        for y in range(2 * margin + 1)
        for x in range(2 * margin + 1)
    ]
    return [view for cut in cuts for view in ([cut, cut[:, ::-1]] if flips else [cut])]


@pytest.mark.parametrize(("margin", "flips"), [(1, False), (1, True), (2, True)])
def test_every_variant_is_another_shift_of_its_own_image(margin, flips):
    real = some(40)
    found = variants.append_variants(real, 8, Views(margin, flips), seed=7)
    assert found.dtype == np.uint8 and found.shape == (360, 5, 4, 2)
    np.testing.assert_array_equal(found[:40], real)
    assert len({image.tobytes() for image in found}) == 360
    seen = set()
    for number, image in enumerate(found[40:]):
        possible = views(real[number % 40], margin, flips)
        matches = [place for place, view in enumerate(possible) if np.array_equal(view, image)]
        assert matches
        seen.add(matches[0])
    still = 2 if flips else 1  # no shift, and no shift but mirrored
    assert len(seen) == len(views(real[0], margin, flips)) - still


def test_no_variants_are_the_images_themselves():
    np.testing.assert_array_equal(
        variants.append_variants(some(3), 0, Views(2, True), seed=0), some(3)
    )


def test_variants_follow_from_the_seed():
    one, again, other = (
        variants.append_variants(some(20), 1, Views(2), seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_turned_variants_are_the_views_that_training_sees():
    """Each from a key of its own, whatever the number of images at a time."""
    real, views = some(300, 6, 6), Views(crop=1, flip=True, rotate=30, zoom=0.2)
    found = variants.append_variants(real, 2, views, seed=3)
    assert found.shape == (900, 6, 6, 2) and len({image.tobytes() for image in found}) == 900
    np.testing.assert_array_equal(found[:300], real)
    key = keys.key(3, 0, keys.Purpose.VARIANTS)
    for number in (0, 299, 300, 599):
        alone = augment.augment(real[number % 300], jax.random.fold_in(key, number), views)
        assert np.max(np.abs(found[300 + number].astype(int) - np.asarray(alone, int))) <= 1
    assert variants.max_copies(views) > 10_000 and variants.max_copies(Views(crop=1)) == 8


@pytest.mark.heavy
def test_a_run_mixes_variants_and_asks_about_the_real_images_only(tmp_path, monkeypatch, capsys):
    """10 real images have 45 pairs, too few for 60 mixes; with two variants of each there are
    435.
    """
    fields = {**command.TINY, "n_real": 10, "budget": 70, "rounds": 2, "train.epochs": 1}
    with pytest.raises(Exception, match="60 pairs are to be chosen, but the pool has 45"):
        configured(**fields)
    with pytest.raises(
        Exception, match=r"only 8 different shifts of up to search\.variant_crop=1 pixels"
    ):
        configured(**fields, **{"search.variants": 9, "search.variant_crop": 1})
    fields |= {"search.variants": 2, "search.variant_crop": 1}
    config = configured(**fields)
    assert re.search(r"pairs +435\n", report.report(config, None, StopSignal()))
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    experiment.run(config, tmp_path / "run", StopSignal())
    assert "435 pairs" in capsys.readouterr().out
    assert [row["queries"] for row in command.rows(tmp_path / "run", "round")] == [10, 40, 70]
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) == 60 + 70
