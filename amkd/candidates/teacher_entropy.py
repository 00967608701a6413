"""Predicts how unsure the teacher will be about candidates, from the answers that were paid for.

The prediction is a ridge regression in float64. Leave-one-out cross-validation chooses the
regularisation strength with the smallest squared error (scikit-learn's ``RidgeCV``).
"""

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


def predicted_entropy(candidates: Candidates) -> np.ndarray:
    """Returns the predicted entropy of the teacher's answer to each candidate: ``float64[M]``, in
    nats.

    The entropy of a whole image is regressed on the student's features; where fewer than ten images
    are answered, it is the mean of their entropies. For a mix, the inputs are the features and
    :func:`ends_entropy`, and the output is the difference from the entropy of the mixed answers.
    This is learned from answered mixes only. Where there are fewer than ten of these, the
    prediction is the entropy of the mixed answers.
    """
    records = candidates.records()
    found = of_mixes(candidates) if np.any(records.i != records.j) else of_whole_images(candidates)
    return np.clip(found, 0, np.log(candidates.answers().shape[-1]))


def of_mixes(candidates: Candidates) -> np.ndarray:
    """Returns the :func:`predicted_entropy` of mixes, ``float64[M]``."""
    answers, records = candidates.answers(), candidates.inputs.records
    mixes = np.flatnonzero(records.i != records.j)
    ends = end_answers(candidates, answers)
    told = ends_entropy(ends, candidates.records())
    if len(mixes) < _FEWEST:
        return told[:, 0]
    known = ends_entropy(ends, records.take(mixes))
    return told[:, 0] + regressed(
        np.concatenate([known, candidates.queried().features[mixes]], 1),
        entropies(answers[mixes]) - known[:, 0],
        np.concatenate([told, candidates.predictions().features], 1),
        keys.rng(*candidates.inputs.stream, keys.Purpose.ACQUISITION),
    )


def of_whole_images(candidates: Candidates) -> np.ndarray:
    """Returns the :func:`predicted_entropy` of whole images, ``float64[M]``."""
    known = entropies(candidates.answers())
    if len(known) < _FEWEST:
        return np.full(len(candidates), known.mean(dtype=np.float64))
    return regressed(
        candidates.queried().features,
        known,
        candidates.predictions().features,
        keys.rng(*candidates.inputs.stream, keys.Purpose.ACQUISITION),
    )


def end_answers(candidates: Candidates, answers: np.ndarray) -> np.ndarray:
    """Returns the answers to the real images, ``float32[N, Y]``; where no answer is known, it has
    equal probabilities for all classes.
    """
    found = np.full((candidates.real_count, answers.shape[-1]), 1 / answers.shape[-1], np.float32)
    places = candidates.queried_real_images(len(answers))
    found[candidates.inputs.records.i[places]] = answers[places]
    return found


def ends_entropy(answers: np.ndarray, records: Records) -> np.ndarray:
    """Returns what is known about the teacher's entropy on mixes before they are queried.

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


def regressed(
    inputs: np.ndarray, outputs: np.ndarray, wanted: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Returns the outputs that a ridge regression predicts, ``float64[M]``.

    Args:
      inputs: ``[Q, e]``; each column is scaled to mean 0 and standard deviation 1. If Q is above
        8,192, then 8,192 rows are drawn at random.
      outputs: ``[Q]``.
      wanted: ``[M, e]``, the inputs for which outputs are predicted.
      rng: the generator for the draw.
    """
    # The import takes a second, and only this acquisition needs it.
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(inputs) > _MOST:
        some = np.sort(rng.choice(len(inputs), _MOST, replace=False))
        inputs, outputs = inputs[some], outputs[some]
    model = make_pipeline(StandardScaler(), RidgeCV(_STRENGTHS))
    model.fit(inputs.astype(np.float64), outputs.astype(np.float64))
    starts = range(0, len(wanted), _ROWS)
    blocks = (wanted[start : start + _ROWS].astype(np.float64) for start in starts)
    return np.concatenate([model.predict(block) for block in blocks])
