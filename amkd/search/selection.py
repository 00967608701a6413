"""The selection of one round: the inputs of a method that selects, and its result."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from amkd.config.search import SearchSettings
from amkd.core.errors import UserError
from amkd.data import mixing
from amkd.data.lazy_images import Images
from amkd.data.records import Records
from amkd.models import Network
from amkd.models.layers import Variables
from amkd.search import pairs
from amkd.search.scans import Scans
from amkd.tasks import ONE_CLASS, Task


class SelectionInputs(NamedTuple):
    """The inputs that a method may use when it selects.

    Attributes:
      images: ``uint8[N, H, W, C]``, the real images, and all others that may be queried. Where
        whole images are selected, they are lazy: index them, and do not convert all of them at
        once.
      pool: the pairs.
      chosen: ``int64[...]``, ascending ranks of the pairs that were chosen before and are no
        longer in the pool.
      records: everything queried so far, the real images first.
      k: how many mixes to select, K.
      stream: (seed, round), for random numbers.
      network: the student, in float32.
      variables: the variables of the last round's student.
      settings: the ``search.*`` group.
      progress: is called with the number of pairs scored after every chunk; may raise to stop.
      answers: returns the answers to the records, ``float32[Q, Y]``.
      train_further_student: trains one more student on the data of the last one. Its arguments: the
        number of the student, 1 or more, and whether it learns only the best class of each answer.
      predict_cached: returns the predictions of the student, with given variables, for records:
        probabilities ``float32[Q, Y]`` and features ``float32[Q, d]``, from cached features; None
        where the whole network runs.
      real: how many of ``images`` are real; these come first, and the others are variants of them,
        or were made from them. None if all are real.
      task: the meaning of an answer: one class, or lanes.
      train_larger: trains the network ``teacher.model`` on the data of the last student; returns
        it and its variables.
      scans: keeps the scans of the search, so that it can be resumed; None to keep none.
      train_on: trains one more student, as the last one was trained, but on other answers to the
        records, ``float32[Q, Y]``.
    """

    images: Images
    pool: pairs.PairPool
    chosen: np.ndarray
    records: Records
    k: int
    stream: tuple[int, int]
    network: Network
    variables: Variables
    settings: SearchSettings
    progress: Callable[[int], None]
    answers: Callable[[], np.ndarray] | None = None
    train_further_student: Callable[[int, bool], Variables] | None = None
    predict_cached: Callable[[Variables, Records], tuple[np.ndarray, np.ndarray]] | None = None
    real: int | None = None
    task: Task = ONE_CLASS
    train_larger: Callable[[], tuple[Network, Variables]] | None = None
    train_on: Callable[[np.ndarray], Variables] | None = None
    scans: Scans | None = None


class Selection(NamedTuple):
    """The mixes that a method selected.

    Attributes:
      records: the K records to query.
      score: ``float32[K]``, their C2, or C1 of single mixes and images; NaN where the method does
        not score.
      metrics: numbers to report about the selection, for JSON.
    """

    records: Records
    score: np.ndarray
    metrics: dict[str, Any]


def check(found: Selection, inputs: SelectionInputs, method: str) -> None:
    """Checks the selection of a method, which may be the user's own, before it is paid for.

    Args:
      found: what the method selected.
      inputs: the inputs from which it was selected.
      method: the value of ``method``, for the message.

    Raises:
      UserError: it is not K different records of existing images, each with a score, none of which
        was queried before.
    """
    if wrong := _fault(found, inputs):
        raise UserError(
            f"config.method={method!r}: selected {wrong} in round {inputs.stream[1]}; it must"
            f" select {inputs.k:,} different new records, with a score each (NaN for none). Nothing"
            " of this round was queried"
        )


def _fault(found: Selection, inputs: SelectionInputs) -> str:
    """Returns what is wrong with a selection; empty if it is right."""
    columns = [np.asarray(column) for column in vars(found.records).values()]
    shapes = {column.shape for column in (*columns, np.asarray(found.score))}
    if shapes != {(inputs.k,)}:
        return f"records and scores of shapes {', '.join(map(str, sorted(shapes)))}"
    if not all(np.issubdtype(column.dtype, np.integer) for column in columns):
        return "records that are not integers"
    own, known = _rows(found.records), np.unique(_rows(inputs.records), axis=0)
    i, j, w = own.T
    if min(i.min(), j.min()) < 0 or max(i.max(), j.max()) >= len(inputs.images):
        return f"an image that does not exist (there are {len(inputs.images):,})"
    if w.min() < 0 or w.max() > mixing.ONE:
        return f"a weight outside 0 to {mixing.ONE}"
    if (i > j).any() or (w[i == j] < mixing.ONE).any():
        return f"a record with i > j, or with i = j and a weight below {mixing.ONE}"
    if len(np.unique(own, axis=0)) < len(own):
        return "a record twice"
    if len(np.unique(np.concatenate([known, own]), axis=0)) < len(known) + len(own):
        return "a record that was queried before"
    return ""


def _rows(records: Records) -> np.ndarray:
    """Returns records as ``int64[Q, 3]``."""
    return np.stack([records.i, records.j, records.w], 1).astype(np.int64)
