"""Embedded digits: the demonstration, with nothing to download.

Data:     40 unlabeled digits, 8x8 enlarged to 24x24, and 600 mixes of them; a LeNet-5 teacher
          trained on 900 others; a LeNet-5-half student.
Command:  python launch.py --config=configs/digits.py --workdir=runs/digits
Cost:     one to two minutes on 2 quiet CPU cores, the teacher's training included (estimated).
Smoke:    python launch.py --config=configs/digits.py:smoke --workdir=runs/digits_smoke
"""

from ml_collections import ConfigDict

from amkd.configs import default


def get_config(preset: str = "") -> ConfigDict:
    """Presets: ``smoke``."""
    config = default.get_config(preset)
    config.data.size = 24
    if preset != "smoke":
        # So few real images that queries can show what they are worth.
        config.n_real, config.budget, config.rounds = 40, 640, 3
        config.teacher.train.min_steps = 1500
        config.train.min_steps = 600
        config.train.crop = 2
        config.train.temperature = 4.0
    return config
