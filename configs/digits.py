"""Embedded digits: the demonstration, with nothing to download.

Data:     200 unlabeled 8x8 digits; a LeNet-5 teacher trained on 900 others; a LeNet-5-half student.
Command:  python launch.py --config=configs/digits.py --workdir=runs/digits
Smoke:    python launch.py --config=configs/digits.py:smoke --workdir=runs/digits_smoke
"""

from ml_collections import ConfigDict

from configs import default


def get_config(preset: str = "") -> ConfigDict:
    """The defaults are this experiment. Presets: ``smoke``."""
    return default.get_config(preset)
