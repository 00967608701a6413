"""Decides whether two answers to one image can come from the same, unchanged teacher."""

import numpy as np

from amkd.config.teacher_answers import Form
from amkd.teachers import answers

# Largest allowed change of one probability: above two steps of a whole percentage, and above the
# changes that short types and other batches cause.
TOLERANCE = 0.025


def same(before: np.ndarray, after: np.ndarray, form: Form) -> bool:
    """Returns whether a repeated answer is the same as the earlier one, as far as its form shows.

    For ``label`` the class must be the same. For all other forms no probability may change by more
    than ``TOLERANCE``. A class without a score may have any score up to the lowest given one.

    Args:
      before: a good raw row, ``float32[Y]``.
      after: another good raw row.
      form: how both are read.
    """
    if form.form == "label":
        return bool(np.nanargmax(before) == np.nanargmax(after))
    pair = np.stack([_completed(before, after), _completed(after, before)])
    if form.form != "top_k":  # whose scores are probabilities already
        pair = answers.probabilities(pair, form)
    return float(np.abs(pair[0] - pair[1]).max()) <= TOLERANCE


def _completed(row: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Fills in the missing scores of a row, as close as possible to those of the other row."""
    likely = np.minimum(np.nan_to_num(other, nan=0.0), np.nanmin(row))
    return np.where(np.isnan(row), likely, row).astype(np.float32)
