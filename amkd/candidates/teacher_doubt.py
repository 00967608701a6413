"""How unsure the teacher will be of candidates, predicted from the answers that were paid for.

By ridge regression in float64. Its strength is the one of least squared error when each record in
turn is left out (scikit-learn's ``RidgeCV``).
"""

from typing import Any

import numpy as np

from amkd.candidates.candidate_set import Candidates
from amkd.core import devices, keys
from amkd.data import mixing
from amkd.data.records import Records
from amkd.models import uncertainty

_FEWEST = 10  # records that a regression is learned from
_MOST = 8192
_ROWS = 4096  # candidates predicted at once
_STRENGTHS = 10.0 ** np.arange(-1, 6)


def entropies(probabilities: np.ndarray) -> np.ndarray:
    """Returns the entropy of each row of ``float32[M, Y]``, in nats: ``float32[M]``."""
    return devices.each(uncertainty.entropy, probabilities)


def predicted_doubt(candidates: Candidates) -> np.ndarray:
    """Returns the entropy that the teacher's answer to each candidate will have, as far as can be
    told: ``float64[M]``, in nats.

    The entropy of a mix is regressed on the :func:`ends_doubt` of its two images and on the
    student's features. It is learned from all mixes that were answered, as the difference to the
    entropy of the mixed answers; where there are fewer than ten, it is that entropy. The entropy of
    a whole image is regressed on the features alone, as the difference to the mean.
    """
    task, answers = candidates.task, candidates.answers()
    own, asked = candidates.predictions().features, candidates.queried().features
    wanted, doubt = candidates.records(), entropies(answers)
    if np.any(wanted.i != wanted.j):
        known = np.flatnonzero(task.records.i != task.records.j)
        ends = end_answers(candidates, answers)
        told, told_known = ends_doubt(ends, wanted), ends_doubt(ends, task.records.take(known))
    else:
        known = np.arange(len(task.records))
        told, told_known = (
            np.full((len(of), 1), doubt.mean(dtype=np.float64)) for of in (own, known)
        )
    base = told[:, 0]
    if len(known) < _FEWEST:
        return base
    model = regression(
        np.concatenate([told_known, asked[known]], 1)[(some := _some(candidates, len(known)))],
        (doubt[known] - told_known[:, 0])[some],
    )
    blocks = [slice(start, start + _ROWS) for start in range(0, len(own), _ROWS)]
    more = [model.predict(np.concatenate([told[rows], own[rows]], 1)) for rows in blocks]
    return np.clip(base + np.concatenate(more), 0, np.log(answers.shape[-1]))


def end_answers(candidates: Candidates, answers: np.ndarray) -> np.ndarray:
    """Returns the answers to the real images, ``float32[N, Y]``; even ones where none is known."""
    found = np.full((candidates.real_count, answers.shape[-1]), 1 / answers.shape[-1], np.float32)
    places = candidates.asked_real_images(len(answers))
    found[candidates.task.records.i[places]] = answers[places]
    return found


def ends_doubt(answers: np.ndarray, records: Records) -> np.ndarray:
    """Returns what is known of the teacher's doubt of mixes before they are asked about.

    Args:
      answers: ``float32[N, Y]``, to the real images. A variant has its image's answer.
      records: Q mixes of these.

    Returns:
      ``float64[Q, 4]``: the entropy of the mixed answers, the entropies of both answers, and
      ``lambda * (1 - lambda)``.
    """
    first, second = (answers[side % len(answers)] for side in (records.i, records.j))
    lam = records.w[:, None] / mixing.ONE
    mixed = (lam * first + (1 - lam) * second).astype(np.float32)
    columns = [entropies(of) for of in (mixed, first, second)]
    return np.stack([*columns, (lam * (1 - lam))[:, 0]], 1, dtype=np.float64)


def regression(inputs: np.ndarray, outputs: np.ndarray) -> Any:
    """Returns a ridge regression that was fitted in float64; it has a method ``predict``.

    Args:
      inputs: ``[Q, e]``; each column is scaled to mean 0 and deviation 1.
      outputs: ``[Q]``.
    """
    # A second of every start, and only this acquisition needs it.
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(_STRENGTHS))
    return model.fit(inputs.astype(np.float64), outputs.astype(np.float64))


def _some(candidates: Candidates, count: int) -> np.ndarray:
    """Returns the places of at most 8,192 of ``count`` records, drawn at random."""
    if count <= _MOST:
        return np.arange(count)
    rng = keys.rng(*candidates.task.stream, keys.Purpose.ACQUISITION)
    return np.sort(rng.choice(count, _MOST, replace=False))
