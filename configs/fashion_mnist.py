"""Fashion-MNIST: the second row of the paper's Table 1.

Paper:    LeNet-5 teacher 90.80, 2,000 real images, 48,000 queries: student 80.90.
Here:     LeNet-5 teacher, LeNet-5-half student, all 1,999,000 pairs scored in every round.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/fashion_mnist.py
            --workdir=runs/fashion_mnist
Smoke:    python launch.py --config=configs/fashion_mnist.py:smoke
            --workdir=runs/fashion_mnist_smoke
"""

from ml_collections import ConfigDict

from amkd.configs import mnist


def get_config(preset: str = "") -> ConfigDict:
    """Returns configs/mnist.py with the fields set here. Presets: ``smoke``."""
    config = mnist.get_config(preset)
    config.dataset = "fashion_mnist"
    # Images of clothes may be flipped, images of digits may not. A teacher that was trained with
    # flips gives similar answers for an image and its flip.
    config.train.flip = config.teacher.train.flip = True
    if preset != "smoke":
        config.budget = 48000
        config.teacher.train.epochs = 12
        config.train.epochs = 40
        config.train.learning_rate = 3e-3
        config.train.crop = 0
    return config
