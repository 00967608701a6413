"""Embedded digits: the demonstration, which downloads nothing.

Data:     40 unlabeled digits of 8x8 pixels, enlarged to 24x24, and 600 mixes of them; a LeNet-5
          teacher trained on 900 others; a LeNet-5-half student.
Command:  python launch.py --config=configs/digits.py --workdir=runs/digits
Cost:     one to two minutes on 2 idle CPU cores, including the teacher's training (estimated).
Smoke:    python launch.py --config=configs/digits.py:smoke --workdir=runs/digits_smoke
"""

from ml_collections import ConfigDict

from amkd.configs import default


def get_config(preset: str = "") -> ConfigDict:
    """Returns the configuration. Presets: ``smoke``."""
    config = default.get_config(preset)
    config.data.size = 24
    if preset != "smoke":
        # There are so few real images that the effect of further queries is visible.
        config.n_real, config.budget, config.rounds = 40, 640, 3
        config.teacher.train.min_steps = 1500
        config.train.min_steps = 600
        config.train.crop = 2
        config.train.temperature = 4.0
    return config
