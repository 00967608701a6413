"""The choice among whole images, for methods without mixes."""

from collections.abc import Iterator

import numpy as np

from amkd.acquisitions import base as acquisitions
from amkd.candidates import candidate_set
from amkd.candidates.candidate_set import Predictions
from amkd.config.search import SearchSettings
from amkd.config.settings import Settings
from amkd.core import keys
from amkd.data.records import Records, whole_records
from amkd.methods import selectors
from amkd.search.selection import Selection, SelectionInputs

_BLOCK = 1024  # images scored between two checks whether the run is to stop


def choose(inputs: SelectionInputs) -> Selection:
    """Returns k of the images that were not queried yet, as ``search.acquisition`` chooses."""
    records = whole_records(_to_score(inputs))
    candidates = candidate_set.least_confident_first(inputs, records, _predict(inputs, records))
    places = acquisitions.chosen(inputs.settings.acquisition, candidates, inputs.k)
    found = candidates.scored.take(places)
    return Selection(found.records(), found.score, {"evaluations": len(candidates)})


def evaluations(settings: SearchSettings, left: int, k: int) -> int:
    """Returns one evaluation for every image that is scored."""
    del k
    return min(left, settings.scored_images or left)


def choose_made(inputs: SelectionInputs) -> Selection:
    """Returns k of the made images that were not queried yet; they were made in random order."""
    if not _chooses(inputs.settings):
        inputs.progress(len(_left(inputs)))
        found = whole_records(_left(inputs)[: inputs.k])
        return Selection(found, np.full(inputs.k, np.nan, np.float32), {"evaluations": 0})
    return choose(inputs)


def evaluations_made(settings: SearchSettings, left: int, k: int) -> int:
    """Returns one evaluation for every image that is scored; none where there is no choice."""
    return evaluations(settings, left, k) if _chooses(settings) else 0


def misfits(settings: Settings) -> Iterator[str]:
    """Yields a problem if only as many images are made as are wanted, so no choice is left."""
    yield from selectors.without_choice(settings, fitting=("lowest", "random"), such_as=3)


def _chooses(settings: SearchSettings) -> bool:
    return settings.candidates > 1 and settings.acquisition != "random"


def _left(inputs: SelectionInputs) -> np.ndarray:
    return np.setdiff1d(np.arange(len(inputs.images), dtype=np.int32), inputs.records.i)


def _to_score(inputs: SelectionInputs) -> np.ndarray:
    """Returns the remaining images, or ``search.scored_images`` of them, drawn in each round."""
    left, most = _left(inputs), inputs.settings.scored_images
    if not 0 < most < len(left):
        return left
    rng = keys.rng(*inputs.stream, keys.Purpose.SCORED_IMAGES)
    return np.sort(rng.choice(left, most, replace=False))


def _predict(inputs: SelectionInputs, records: Records) -> Predictions:
    parts = []
    for start in range(0, len(records), _BLOCK):
        some = records.take(slice(start, start + _BLOCK))
        parts.append(candidate_set.predict(inputs, inputs.variables, some))
        inputs.progress(len(some))
    return Predictions(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.features for part in parts]),
    )
