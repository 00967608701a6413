"""Takes answers that were paid for elsewhere into the ledger of a configuration.

Pictures are read just as a run reads them, so that the keys in the ledger are those of the bytes
that the run would send. All rows are checked before anything is written.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.config.settings import Settings
from amkd.core import console
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import rows
from amkd.data.dataset import DataSet
from amkd.data.row_faults import RowFaults
from amkd.ledger import imports
from amkd.run import inputs, picture_keys
from amkd.run.picture_keys import Key
from amkd.teachers import Teacher, answers, loading
from amkd.teachers.answer_table import AnswerTable

_BLOCK = 1024  # answers checked at once
_REMEDY = "Nothing was imported. Mend the rows, or remove them"


@dataclasses.dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
      teacher: the identity that the answers went to.
      ledger: the ledger's file.
      taken: what became of the answers.
      empty: rows without an answer.
      repeated: rows that repeat an answer of another row.
      known: how many answers are to images of the configured data set.
    """

    teacher: str
    ledger: Path
    taken: imports.Taken
    empty: int
    repeated: int
    known: int


class _Answers(NamedTuple):
    """Rows that hold an answer: their numbers, what they are about, and ``float32[M, Y]``."""

    numbers: list[int]
    keys: list[Key]
    scores: np.ndarray
    empty: int


def import_answers(
    settings: Settings,
    table: Path,
    ledger: Path,
    stop: StopSignal,
    *,
    root: Path | None = None,
    keep_held: bool = False,
) -> Imported:
    """Takes the answers of a table into a ledger: all of them, or none.

    Args:
      settings: the configuration of the runs that will use them.
      table: the file, as ``amkd.data.rows`` and ``amkd.teachers.answer_table`` read it.
      ledger: the ledger's file; it is created if it is not there.
      stop: whether to stop.
      root: the folder that paths are relative to; None for the table's own, or else data.folder.
      keep_held: where the ledger holds another answer to an image, keep that one.

    Raises:
      UserError: something is wrong with the configuration or the table; names the rows.
    """
    data = inputs.load_data(settings)
    teacher = _teacher(settings, data, stop)
    field = f"answers {table}"
    reader = _reader(settings, data, alone=True)
    found = _read(settings, table, reader, field, teacher)
    roots = [root] if root else picture_keys.roots_of(settings, table)
    images = _images_of(settings, found, roots, field)
    kept, repeated = _once(images, found, field)
    identity = console.storable(teacher.identity)
    account = imports.ImportAccount(
        run=_account(table, identity, settings),
        identity=identity,
        about=f"answers of {console.storable(table.name)}",
        place=console.storable(table.absolute()),
    )
    order = list(kept)
    scores = found.scores[list(kept.values())]
    try:
        taken = imports.record(ledger, account, order, scores, keep_held=keep_held)
    except imports.HeldOtherwise as error:
        raise _held_otherwise(error, kept, found, field, ledger) from error
    of_data = {image_digest(image) for part in _images(data) for image in part}
    known = len(of_data.intersection(kept))
    return Imported(identity, ledger, taken, found.empty, repeated, known)


def _teacher(settings: Settings, data: DataSet, stop: StopSignal) -> Teacher:
    """Returns the teacher, whose identity the answers get."""
    kind = settings.teacher.kind
    if kind in ("flax", "labels"):
        raise UserError(
            f"config.teacher.kind={kind!r}: its answers cost nothing, and are not imported; name"
            " the teacher that was paid: python, onnx, oip, tfserving or json"
        )
    return loading.load(settings, data, stop)


def _reader(settings: Settings, data: DataSet, *, alone: bool) -> AnswerTable:
    names = data.class_names or tuple(map(str, range(data.classes)))
    labels = loading.label_map(settings.teacher.labels, names)
    return AnswerTable(names, labels, settings.teacher.answers, alone=alone)


def _read(
    settings: Settings, table: Path, reader: AnswerTable, field: str, teacher: Teacher
) -> _Answers:
    """Reads all rows and checks their answers."""
    faults, numbers, keys, blocks = RowFaults(field), list[int](), list[Key](), []
    block: list[np.ndarray] = []
    empty = 0

    def check() -> None:
        checked = np.array(block, np.float32)
        for number, fault in zip(
            numbers[-len(block) :], answers.faults(checked, settings.teacher.answers), strict=True
        ):
            if fault:
                faults.add(number, str(answers.explain(fault, settings.teacher.answers, "of it")))
        blocks.append(checked)
        block.clear()

    for row in rows.read(table, field):
        try:
            scores = reader.read(row.cells)
            key = picture_keys.key_of(row.cells) if scores is not None else Key("", "")
        except UserError as error:
            faults.add(row.number, str(error))
            continue
        if scores is None:
            empty += 1
            continue
        numbers.append(row.number)
        keys.append(key)
        block.append(scores)
        if len(block) == _BLOCK:
            check()
    if block:
        check()
    faults.refuse(_REMEDY)
    if not numbers:
        raise UserError(
            f"{field}: no row holds an answer. Its columns must be path, sha256 or image, and"
            " answer or score:NAME for each class; see docs/data.md"
        )
    return _Answers(numbers, keys, np.concatenate(blocks), empty)


def _images_of(settings: Settings, found: _Answers, roots: list[Path], field: str) -> list[bytes]:
    """Returns the digest of the image that each row is about."""
    faults, images = RowFaults(field), list[bytes]()
    told = picture_keys.digests(settings, found.keys, roots, field)
    for number, image in zip(found.numbers, told, strict=True):
        if isinstance(image, str):
            faults.add(number, image)
        else:
            images.append(image)
    faults.refuse(_REMEDY)
    return images


def _once(images: list[bytes], found: _Answers, field: str) -> tuple[dict[bytes, int], int]:
    """Returns the place of the first answer to each image, and how many rows repeat one."""
    faults, first = RowFaults(field), dict[bytes, int]()
    for place, image in enumerate(images):
        earlier = first.setdefault(image, place)
        if found.scores[earlier].tobytes() != found.scores[place].tobytes():
            faults.add(
                found.numbers[place],
                f"has another answer than row {found.numbers[earlier]} to the same picture",
            )
    faults.refuse("Nothing was imported. Keep one row for each picture")
    return first, len(images) - len(first)


def _account(table: Path, identity: str, settings: Settings) -> str:
    """Returns the identity of an import: the same table, read in the same way, has the same."""
    plan = settings.data
    how = [identity, plan.size, plan.resize, plan.mode, settings.teacher.answers.form]
    hasher = hashlib.sha256(json.dumps(["import", *how]).encode())
    with table.open("rb") as file:
        hasher.update(hashlib.file_digest(file, "sha256").digest())
    return hasher.hexdigest()[:32]


def _held_otherwise(
    error: imports.HeldOtherwise, kept: dict[bytes, int], found: _Answers, field: str, ledger: Path
) -> UserError:
    numbers = sorted(found.numbers[kept[image]] for image in error.images)
    shown = ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
    return UserError(
        f"{field}: ledger {ledger} holds another answer of the same teacher to the pictures of"
        f" {len(numbers):,} rows ({shown}); nothing was imported. Remove these rows, keep the"
        " ledger's answers with --keep_held, or give the teacher that answered these another"
        " config.teacher.identity"
    )


def _images(data: DataSet) -> tuple[np.ndarray, np.ndarray]:
    return data.pool_images, data.test_images
