"""CIFAR-10: the third row of the paper's Table 1.

Paper:    AlexNet teacher 83.07, 2,000 real images, 40,000 queries: student 74.60.
Here:     AlexNet teacher without crops, as in the paper; AlexNet-half student, the recipe that the
          paper's author gave (SGD, 80+60+40+20 epochs), crops and flips as in the released code.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/cifar10.py --workdir=runs/cifar10
Cost:     this is for a GPU: it trains on 21 million images and scores 88 million mixes, which
          takes days on 2 CPU cores.
Smoke:    python launch.py --config=configs/cifar10.py:smoke --workdir=runs/cifar10_smoke
"""

from ml_collections import ConfigDict

from amkd.configs import default


def get_config(preset: str = "") -> ConfigDict:
    """Returns the configuration. Presets: ``smoke``."""
    config = default.get_config()
    config.dataset = "cifar10"
    config.n_real = 2000
    config.budget = 40000
    config.rounds = 4
    config.student = "alexnet_half"
    config.teacher.model = "alexnet"
    config.teacher.validation = 5000
    config.teacher.train.update(epochs=50, learning_rate=1e-3, batch_size=512, flip=True)
    config.train.update(
        epochs=200, optimizer="sgd", schedule="steps", learning_rate=0.1, crop=4, flip=True
    )
    if preset == "smoke":
        config.n_real, config.budget, config.rounds = 60, 120, 1
        config.data.test_images = 500
        config.teacher.model = "alexnet_half"
        config.teacher.validation, config.teacher.images = 200, 1500
        config.teacher.train.update(epochs=5, batch_size=64, min_steps=0)
        config.teacher.min_accuracy = 0.15
        config.train.update(epochs=5, min_steps=100, batch_size=32, learning_rate=0.02)
        config.search.max_pairs = 300
    elif preset:
        raise ValueError(f"preset {preset!r} does not exist; there is: smoke")
    return config
