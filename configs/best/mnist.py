"""MNIST by the best recipe found here; it departs from the paper in every field below.

Paper:    the recipe of configs/mnist.py, and Algorithm 1 alone.
Here:     answers softened by a temperature, the true minimum over lambda, and of five times the
          mixes wanted those that lie farthest from each other in the student's features. For
          what was chosen by what, see results/README.md.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/best/mnist.py
            --workdir=runs/best_mnist
Smoke:    python launch.py --config=configs/best/mnist.py:smoke --workdir=runs/best_mnist_smoke
"""

from ml_collections import ConfigDict

from amkd.configs import mnist


def get_config(preset: str = "") -> ConfigDict:
    """configs/mnist.py but for the fields here. Presets: ``smoke``."""
    config = mnist.get_config(preset)
    config.search.minimiser = "refined"
    config.search.acquisition = "k_center"
    config.search.candidates = 5.0
    config.train.temperature = 4.0
    # A teacher that has seen shifts answers them better: validation accuracy 99.36, not 99.08 (the
    # paper's: 99.29).
    config.teacher.train.crop = 1
    if preset != "smoke":
        # The rounds before the last only need a student that chooses well.
        config.train.epochs, config.train.min_steps = 20, 2000
        config.last_epochs = 100
    return config
