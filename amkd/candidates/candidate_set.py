"""The candidates among which an acquisition chooses: pairs of low C2, each reduced to one mix."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from flax import struct

from amkd.core import devices, keys
from amkd.core.errors import diverged
from amkd.data.records import Records, block_size, mixes, whole_records
from amkd.models import prediction
from amkd.models.layers import Variables
from amkd.search.selection import SelectionInputs
from amkd.search.top_k import Scored


@struct.dataclass
class Predictions:
    """A student's predictions for M images, in inference mode.

    Attributes:
      probabilities: ``float32[M, Y]``.
      features: ``float32[M, d]``, the input of its last layer.
    """

    probabilities: np.ndarray
    features: np.ndarray


@dataclasses.dataclass(frozen=True)
class Candidates:
    """The mixes that may be chosen: M of them, one of each pair, the lowest C2 first. Where single
    mixes or whole images are scored, there are M of these, the lowest C1 first.

    Attributes:
      scored: the pairs, with C2 and its lambda.
      inputs: everything else that an acquisition may use.
      seen: the student's predictions for the mixes, if they were computed to score these.
    """

    scored: Scored
    inputs: SelectionInputs
    seen: Predictions | None = None

    def __len__(self) -> int:
        """Returns the number of candidates, M."""
        return len(self.scored)

    def records(self) -> Records:
        """Returns the mixes as records."""
        return self.scored.records()

    def images(self) -> Iterator[np.ndarray]:
        """Yields the images of the mixes, in blocks of ``uint8[..., H, W, C]``."""
        return mixes(self.inputs.images, self.records(), self.inputs.settings.as_released)

    def predictions(self) -> Predictions:
        """Returns the student's predictions for the mixes."""
        return self.seen or predict(self.inputs, self.inputs.variables, self.records())

    def queried(self) -> Predictions:
        """Returns the same student's predictions for all Q images queried so far."""
        return predict(self.inputs, self.inputs.variables, self.inputs.records)

    def answers(self) -> np.ndarray:
        """Returns the teacher's answers to the images queried so far, ``float32[Q, Y]``."""
        assert self.inputs.answers is not None
        return self.inputs.answers()

    @property
    def real_count(self) -> int:
        """Returns how many of ``inputs.images`` are real; the real images come first."""
        real = self.inputs.real
        return len(self.inputs.images) if real is None else real

    def real_images(self, most: int) -> Records:
        """Returns the real images, queried or not, as records; if there are more than ``most``, so
        many are drawn at random.
        """
        return whole_records(self._some(np.arange(self.real_count), most))

    def queried_real_images(self, most: int) -> np.ndarray:
        """Returns the places of real images among the images queried so far, ``int32[T]``; if there
        are more than ``most``, so many are drawn at random.
        """
        records = self.inputs.records
        real = (records.i == records.j) & (records.i < self.real_count)
        return self._some(np.flatnonzero(real), most).astype(np.int32)

    def _some(self, places: np.ndarray, most: int) -> np.ndarray:
        if len(places) <= most:
            return places
        rng = keys.rng(*self.inputs.stream, keys.Purpose.ACQUISITION)
        return np.sort(rng.choice(places, most, replace=False))

    def committee(self) -> Iterator[Predictions]:
        """Yields the predictions of each member of a committee for the mixes: first the student,
        then others of its kind, which are trained now.
        """
        yield self.predictions()
        for member in range(1, self.inputs.settings.committee):
            yield predict(self.inputs, self._train_further_student(member, False), self.records())

    def committee_and(self, others: Records) -> Iterator[tuple[Predictions, Predictions]]:
        """Yields each committee member's predictions for the mixes, and for other records."""
        yield self.predictions(), predict(self.inputs, self.inputs.variables, others)
        for member in range(1, self.inputs.settings.committee):
            variables = self._train_further_student(member, False)
            both = (predict(self.inputs, variables, of) for of in (self.records(), others))
            yield next(both), next(both)

    def train_on_best_classes(self) -> Predictions:
        """Trains a student on only the best class of each answer; returns its predictions."""
        return predict(
            self.inputs,
            self._train_further_student(self.inputs.settings.committee, True),
            self.records(),
        )

    def train_larger_and_distilled(self) -> tuple[Predictions, Predictions]:
        """Trains the larger network on the records, and a student on the soft answers of this
        network to them; returns the predictions of this student and of the larger network for the
        mixes.
        """
        inputs = self.inputs
        assert inputs.train_larger is not None and inputs.train_on is not None
        network, variables = inputs.train_larger()
        larger = inputs._replace(network=network)
        student = inputs.train_on(predict(larger, variables, inputs.records).probabilities)
        return predict(inputs, student, self.records()), predict(larger, variables, self.records())

    def _train_further_student(self, member: int, hard: bool) -> Variables:
        assert self.inputs.train_further_student is not None
        return self.inputs.train_further_student(member, hard)


def predict(inputs: SelectionInputs, variables: Variables, records: Records) -> Predictions:
    """Returns the predictions of the student, or of another one with its network, for mixes.

    One block of them is in memory at a time.

    Raises:
      FloatingPointError: a prediction is not finite.
    """
    found = _predict(inputs, variables, records)
    if not (np.isfinite(found.probabilities).all() and np.isfinite(found.features).all()):
        raise diverged("a prediction of the student is not finite")
    return found


def _predict(inputs: SelectionInputs, variables: Variables, records: Records) -> Predictions:
    if inputs.predict_cached:
        return Predictions(*inputs.predict_cached(variables, records))
    blocks = mixes(inputs.images, records, inputs.settings.as_released)
    placed = devices.place(variables)
    batch = prediction.batch_of_block(block_size(inputs.images.shape[1:]))
    parts = [
        prediction.predict_with_features(inputs.network, placed, block, batch=batch)
        for block in blocks
    ]
    return Predictions(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def least_confident_first(
    inputs: SelectionInputs, records: Records, said: Predictions
) -> Candidates:
    """Returns records as candidates, the lowest C1 first.

    Args:
      inputs: the inputs of the selection.
      records: mixes or images.
      said: the student's predictions for them.
    """
    confidence = _confidence(said.probabilities, inputs.network.groups)
    order = lowest(confidence, len(records))
    scored = Scored(confidence, records.i, records.j, records.w).take(order)
    return Candidates(scored, inputs, Predictions(said.probabilities[order], said.features[order]))


def _confidence(probabilities: np.ndarray, groups: int) -> np.ndarray:
    """Returns C1 of images: the highest probability, as a mean over the G groups of an answer.

    Args:
      probabilities: ``float32[M, Y]``.
      groups: G.
    """
    best = probabilities.reshape(len(probabilities), groups, -1).max(-1)
    return np.asarray(best.mean(-1))


def lowest(values: np.ndarray, k: int) -> np.ndarray:
    """Returns the places of the k lowest of ``float32[M]``, lowest first; equal values keep their
    order.
    """
    return np.argsort(values, kind="stable")[:k]


def fill_up(picked: np.ndarray, count: int, k: int) -> np.ndarray:
    """Returns ``picked``, followed by the first other candidates until there are k places.

    Args:
      picked: ``int64[...]`` different places, at most k.
      count: number of candidates, M.
      k: number of places wanted.
    """
    others = np.setdiff1d(np.arange(count), picked, assume_unique=True)
    return np.concatenate([picked, others[: k - len(picked)]])
