"""MNIST: the first row of the paper's Table 1.

Paper:    LeNet-5 teacher 99.29, 2,000 real images, 24,000 queries: student 98.74.
Here:     LeNet-5 teacher, LeNet-5-half student, all 1,999,000 pairs scored in every round.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/mnist.py --workdir=runs/mnist
Smoke:    python launch.py --config=configs/mnist.py:smoke --workdir=runs/mnist_smoke
"""

from ml_collections import ConfigDict

from amkd.configs import default


def get_config(preset: str = "") -> ConfigDict:
    """Returns the configuration. Presets: ``smoke``."""
    config = default.get_config()
    config.dataset = "mnist"
    config.n_real = 2000
    config.budget = 24000
    config.rounds = 3
    config.teacher.validation = 5000
    config.teacher.train.epochs = 20
    config.teacher.train.learning_rate = 2e-3
    # Chosen by the agreement with the teacher on training images that are not real images of a run.
    config.train.epochs = 100
    config.train.min_steps = 4000
    config.train.learning_rate = 6e-3
    config.train.crop = 1
    if preset == "smoke":
        config.n_real, config.budget, config.rounds = 100, 400, 2
        config.data.test_images = 2000
        config.teacher.images = 5000
        config.teacher.train.epochs = 4
        config.train.epochs, config.train.min_steps = 20, 400
        config.search.max_pairs = 3000
    elif preset:
        raise ValueError(f"preset {preset!r} does not exist; there is: smoke")
    return config
