"""Small runs inside the tests' own process: settings from fields, folders of digits, a teacher of
images.
"""

import importlib

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from amkd.validation import from_config
from tests.support import counting_teacher

# A folder of digits as 16x16 colour images, with one short round.
FOLDER = {
    "data.classes": "10",
    "data.size": 16,
    "data.held_out": 10,
    "n_real": 20,
    "budget": 40,
    "rounds": 1,
    "student": "lenet5_half",
    "teacher.function": "tests.support.small:shrink_and_answer",
    "teacher.batch": 8,
    "train.epochs": 2,
    "train.min_steps": 0,
    "train.batch_size": 16,
    "train.crop": 1,
    "train.flip": False,
    "report.progress": False,
    "report.tensorboard": False,
    "report.plots": False,
}


def configured(name="default", preset="", **fields):
    """The settings of a shipped configuration with other values, as on the command line."""
    config = importlib.import_module(f"amkd.configs.{name}").get_config(preset)
    given = {
        field: str(value) if field.endswith(("path", "dir", "folder")) else value
        for field, value in fields.items()
    }
    config.update_from_flattened_dict(given)
    return from_config(config.to_dict())


def digits(start, stop):
    """Some of scikit-learn's digits, ``uint8[M, 8, 8, 1]``, and their labels."""
    found = load_digits()
    return np.rint(found.images[start:stop] * (255 / 16)).astype(np.uint8)[..., None], found.target[
        start:stop
    ]


def write_digits(root, start, stop, labelled=False):
    """Writes digits as PNG files, for each class into a folder of its own if labelled."""
    for number, (image, label) in enumerate(zip(*digits(start, stop), strict=True), start):
        path = root / (f"{label}/{number:04d}.png" if labelled else f"{number:04d}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(path)


def shrink_and_answer(images):
    """The counting teacher for ``uint8[B, 16, 16, 3]``: it is shown the middle of every 2x2
    block.
    """
    blocks = images[..., :1].reshape(len(images), 8, 2, 8, 2, 1)
    return counting_teacher.answer(np.rint(blocks.mean((2, 4))).astype(np.uint8))
