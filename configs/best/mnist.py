"""MNIST with the best recipe found here; it differs from the paper in every field below.

Paper:    the recipe of configs/mnist.py, and Algorithm 1 alone.
Here:     answers softened by a temperature, and the true minimum over lambda. Five times as many
          candidates as mixes wanted; the mixes that are farthest from each other in the student's
          features are chosen. How each field was chosen: results/README.md.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/best/mnist.py
            --workdir=runs/best_mnist
Smoke:    python launch.py --config=configs/best/mnist.py:smoke --workdir=runs/best_mnist_smoke
"""

from ml_collections import ConfigDict

from amkd.configs import mnist


def get_config(preset: str = "") -> ConfigDict:
    """Returns configs/mnist.py with the fields set here. Presets: ``smoke``."""
    config = mnist.get_config(preset)
    config.search.minimiser = "refined"
    config.search.acquisition = "k_center"
    config.search.candidates = 5.0
    config.train.temperature = 4.0
    # A teacher that was trained with shifts answers shifted images better: its validation accuracy
    # is 99.36, not 99.08 (the paper's teacher: 99.29).
    config.teacher.train.crop = 1
    if preset != "smoke":
        # Before the last round, the student only has to choose well.
        config.train.epochs, config.train.min_steps = 20, 2000
        config.last_epochs = 100
    return config
