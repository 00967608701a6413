"""The values of lambda that a search tries (paper, section 3.2).

Their range and number are ``search.lam_low``, ``lam_high`` and ``lam_count``
(:mod:`amkd.config.search`).
"""

import numpy as np

from amkd.data.mixing import ONE


def lambda_grid(low: float, high: float, size: int) -> np.ndarray:
    """Returns evenly spaced mixing weights w, in units of 1/65536 (:mod:`amkd.data.mixing`).

    Args:
      low: smallest ``lam``.
      high: largest ``lam``.
      size: number of values L.

    Returns:
      ``int32[L]``, ascending.
    """
    return np.rint(np.linspace(low, high, size) * ONE).astype(np.int32)
