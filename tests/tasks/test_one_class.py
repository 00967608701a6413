"""What the answer of a classifier says, for people."""

import numpy as np

from amkd.run import answered_images
from amkd.tasks import ONE_CLASS

ANSWER = np.array([0.1, 0.6, 0.3], np.float32)
NAMES = ("x", "y", "z")


def test_the_likeliest_classes_in_words():
    assert ONE_CLASS.words(ANSWER, NAMES, 2) == "y 60%, z 30%"
    assert ONE_CLASS.words(ANSWER, NAMES, 1) == "y 60%"


def test_an_image_is_shown_as_it_is():
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    entry = answered_images.entry_of(ONE_CLASS, NAMES)(image, ANSWER, ANSWER[::-1])
    assert entry.shown is image and entry.lines == ("teacher: y 60%", "student: y 60%")
