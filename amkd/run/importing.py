"""Takes answers that were paid for elsewhere into the ledger of a configuration.

Pictures are read just as a run reads them, so that the keys in the ledger are those of the bytes
that the run would send. All rows are checked before anything is written.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.config.data import source_of
from amkd.config.settings import Settings
from amkd.core import console
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import file_sources, manifest, remote, rows
from amkd.data.dataset import DataSet
from amkd.data.row_faults import RowFaults
from amkd.ledger import imports
from amkd.run import inputs, picture_keys
from amkd.run.picture_keys import Key
from amkd.teachers import Teacher, answers, loading
from amkd.teachers.answer_table import KEYS, AnswerTable

_BLOCK = 1024  # answers checked at once
_FREE = ("flax", "labels")  # teachers whose answers cost nothing
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


@dataclasses.dataclass(frozen=True)
class _Import:
    """A table of answers, and how it is read.

    Attributes:
      settings: the configuration.
      table: the file.
      field: what names it, for messages.
      reader: reads the answer in a row.
      roots: folders in which paths are looked for.
      columns: columns that tell which picture a row means, by the kind of the key.
      base: the address that paths are relative to, or empty.
    """

    settings: Settings
    table: Path
    field: str
    reader: AnswerTable
    roots: list[Path]
    columns: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: KEYS)
    base: str = ""

    def key_of(self, row: rows.Row) -> Key:
        """Returns which picture a row means."""
        key = picture_keys.key_of(row.cells, self.columns)
        if self.base and key.kind == "path" and not remote.is_remote(key.text):
            return Key(key.kind, f"{self.base}/{key.text}")
        return key


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
    roots = [root] if root else picture_keys.roots_of(settings, table)
    task = _Import(settings, table, f"answers {table}", _reader(settings, data, alone=True), roots)
    found = _read(task)
    if not found.numbers:
        raise UserError(
            f"{task.field}: no row holds an answer. Its columns must be path, sha256 or image, and"
            " answer or score:NAME for each class; see docs/data.md"
        )
    taken, kept = _take(task, found, teacher, ledger, keep_held=keep_held)
    of_data = {image_digest(image) for part in _images(data) for image in part}
    return Imported(
        teacher=console.storable(teacher.identity),
        ledger=ledger,
        taken=taken,
        empty=found.empty,
        repeated=len(found.numbers) - len(kept),
        known=len(of_data.intersection(kept)),
    )


def take_from_manifest(settings: Settings, data: DataSet, teacher: Teacher, ledger: Path) -> None:
    """Takes the answers in the manifest of a run into its ledger, once.

    Where the ledger holds another answer to an image, that one stays.

    Args:
      settings: the configuration.
      data: the data set.
      teacher: the teacher.
      ledger: the ledger's file.

    Raises:
      UserError: a row holds something that is no answer.
    """
    plan = settings.data
    if source_of(settings.dataset) != "manifest" or settings.teacher.kind in _FREE:
        return
    table = file_sources.manifest_file(plan, Path(settings.cache_dir).expanduser())
    identity = console.storable(teacher.identity)
    if imports.is_recorded(ledger, _account(table, identity, settings)):
        return
    base = plan.manifest.rpartition("/")[0] if remote.is_remote(plan.manifest) else ""
    task = _Import(
        settings,
        table,
        f"config.data.manifest={plan.manifest!r}",
        _reader(settings, data, alone=False),
        [table.parent],
        columns={"path": (plan.image_column or manifest.PATH,)},
        base=base,
    )
    found = _read(task)
    if not found.numbers:
        return
    taken, _ = _take(task, found, teacher, ledger, keep_held=True)
    told = f"{taken.added:,} answers of the manifest are in the ledger now, and are not asked for"
    if taken.otherwise:
        told += f"; to {taken.otherwise:,} pictures the ledger had another answer, which stays"
    console.say(told)


def _teacher(settings: Settings, data: DataSet, stop: StopSignal) -> Teacher:
    """Returns the teacher, whose identity the answers get."""
    kind = settings.teacher.kind
    if kind in _FREE:
        raise UserError(
            f"config.teacher.kind={kind!r}: its answers cost nothing, and are not imported; name"
            " the teacher that was paid: python, onnx, oip, tfserving or json"
        )
    return loading.load(settings, data, stop)


def _reader(settings: Settings, data: DataSet, *, alone: bool) -> AnswerTable:
    names = data.class_names or tuple(map(str, range(data.classes)))
    labels = loading.label_map(settings.teacher.labels, names)
    return AnswerTable(names, labels, settings.teacher.answers, alone=alone)


def _read(task: _Import) -> _Answers:
    """Reads all rows that hold an answer, and checks them."""
    form = task.settings.teacher.answers
    faults, numbers, keys, blocks = RowFaults(task.field), list[int](), list[Key](), []
    block: list[np.ndarray] = []
    empty = 0

    def check() -> None:
        checked = np.array(block, np.float32)
        for number, fault in zip(
            numbers[-len(block) :], answers.faults(checked, form), strict=True
        ):
            if fault:
                faults.add(number, str(answers.explain(fault, form, "of it")))
        blocks.append(checked)
        block.clear()

    for row in rows.read(task.table, task.field):
        try:
            scores = task.reader.read(row.cells)
            key = task.key_of(row) if scores is not None else Key("", "")
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
    return _Answers(numbers, keys, np.concatenate(blocks) if blocks else np.empty(0), empty)


def _take(
    task: _Import, found: _Answers, teacher: Teacher, ledger: Path, *, keep_held: bool
) -> tuple[imports.Taken, dict[bytes, int]]:
    """Writes answers to the ledger; returns what became of them, and their rows by digest."""
    kept = _once(_images_of(task, found), found, task.field)
    identity = console.storable(teacher.identity)
    account = imports.ImportAccount(
        run=_account(task.table, identity, task.settings),
        identity=identity,
        about=f"answers of {console.storable(task.table.name)}",
        place=console.storable(task.table.absolute()),
    )
    scores = found.scores[list(kept.values())]
    try:
        return imports.record(ledger, account, list(kept), scores, keep_held=keep_held), kept
    except imports.HeldOtherwise as error:
        raise _held_otherwise(error, kept, found, task.field, ledger) from error


def _images_of(task: _Import, found: _Answers) -> list[bytes]:
    """Returns the digest of the image that each row is about."""
    faults, images = RowFaults(task.field), list[bytes]()
    told = picture_keys.digests(task.settings, found.keys, task.roots, task.field)
    for number, image in zip(found.numbers, told, strict=True):
        if isinstance(image, str):
            faults.add(number, image)
        else:
            images.append(image)
    faults.refuse(_REMEDY)
    return images


def _once(images: list[bytes], found: _Answers, field: str) -> dict[bytes, int]:
    """Returns the place of the first answer to each image."""
    faults, first = RowFaults(field), dict[bytes, int]()
    for place, image in enumerate(images):
        earlier = first.setdefault(image, place)
        if found.scores[earlier].tobytes() != found.scores[place].tobytes():
            faults.add(
                found.numbers[place],
                f"has another answer than row {found.numbers[earlier]} to the same picture",
            )
    faults.refuse("Nothing was imported. Keep one row for each picture")
    return first


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
