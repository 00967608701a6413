"""Imports answers that were paid for elsewhere into the ledger of a configuration.

Image files are read in the same way as in a run, so that the keys in the ledger are those of the
bytes that the run would send. All rows are checked before anything is written.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from amkd.config.data import source_of
from amkd.config.settings import Settings
from amkd.core import console
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import class_names, file_sources, manifest, remote
from amkd.data.dataset import DataSet
from amkd.data.row_faults import RowFaults
from amkd.ledger import imports
from amkd.methods import find
from amkd.run import answer_rows, image_keys, inputs
from amkd.run.answer_rows import AnswerRows, AnswerSource
from amkd.teachers import Teacher, loading

_CLASSES = "(classes "  # begins the digest of the classes in the words about an import
_FREE = ("flax", "labels")  # teachers whose answers cost nothing


@dataclasses.dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
      teacher: the identity of the teacher to whom the answers are assigned.
      ledger: the ledger's file.
      taken: counts of the imported answers.
      empty: rows without an answer.
      repeated: rows that repeat an answer of another row.
      known: how many answers belong to images of the configured data set.
    """

    teacher: str
    ledger: Path
    taken: imports.Taken
    empty: int
    repeated: int
    known: int


def import_answers(
    settings: Settings,
    table: Path,
    ledger: Path,
    stop: StopSignal,
    *,
    root: Path | None = None,
    keep_held: bool = False,
) -> Imported:
    """Imports the answers of a table into a ledger: all of them, or none.

    Args:
      settings: the configuration of the runs that will use them.
      table: the file, as ``amkd.data.rows`` and ``amkd.teachers.answer_table`` read it.
      ledger: the ledger's file; it is created if it does not exist.
      stop: whether to stop.
      root: the folder that paths are relative to; None for the table's own, or else data.folder.
      keep_held: where the ledger contains another answer to an image, keep the ledger's answer.

    Raises:
      UserError: something is wrong with the configuration or the table; names the rows.
    """
    data = inputs.load_data(settings)
    teacher = _teacher(settings, data, stop)
    roots = [root] if root else image_keys.roots_of(settings, table)
    source = AnswerSource(
        settings, table, f"answers {table}", answer_rows.reader(settings, data, alone=True), roots
    )
    found = answer_rows.read(source)
    if not found.numbers:
        raise UserError(
            f"{source.field}: no row contains an answer. The table needs a column path, sha256 or"
            " image, and a column answer or a column score:NAME for each class; see docs/data.md"
        )
    check_classes(data, teacher, ledger)
    taken, kept = _take(source, found, teacher, ledger, data=data, keep_held=keep_held)
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
    """Imports the answers in the manifest of a run into its ledger, once.

    Where the ledger contains another answer to an image, the ledger's answer is kept.

    Args:
      settings: the configuration.
      data: the data set.
      teacher: the teacher.
      ledger: the ledger's file.

    Raises:
      UserError: a row contains something that is not an answer.
    """
    plan = settings.data
    free = settings.teacher.kind in _FREE or find(settings.method).uses_labels(settings)
    if free or source_of(settings.dataset) != "manifest":
        return
    table = file_sources.manifest_file(plan, Path(settings.cache_dir).expanduser())
    identity = console.storable(teacher.identity)
    if imports.is_recorded(ledger, _account(table, identity, settings)):
        return
    base = plan.manifest.rpartition("/")[0] if remote.is_remote(plan.manifest) else ""
    source = AnswerSource(
        settings,
        table,
        f"config.data.manifest={plan.manifest!r}",
        answer_rows.reader(settings, data, alone=False),
        [table.parent],
        columns={"path": (plan.image_column or manifest.PATH,)},
        base=base,
        leaves_out=manifest.is_left_out,
    )
    found = answer_rows.read(source)
    if not found.numbers:
        return
    skipped = plan.broken == "skip"  # they are not images of the run
    taken, _ = _take(
        source, found, teacher, ledger, data=data, keep_held=True, skips_broken=skipped
    )
    told = (
        f"{taken.added:,} answers were imported from the manifest into the ledger; their images are"
        " not sent to the teacher"
    )
    if taken.otherwise:
        told += (
            f"; for {taken.otherwise:,} images the ledger contains another answer, which is kept"
        )
    console.say(told)


def check_classes(data: DataSet, teacher: Teacher, ledger: Path) -> None:
    """Refuses earlier answers that were read with other names, or another order, of the classes.

    The ledger keeps scores by the position of the class; a table names the classes.

    Args:
      data: the data set.
      teacher: the teacher.
      ledger: the ledger's file.

    Raises:
      UserError: names the import or the run.
    """
    own = _classes(data)
    for about in imports.abouts(ledger, console.storable(teacher.identity)):
        what, found, rest = about.rpartition(_CLASSES)
        if found and rest != own:
            raise UserError(
                f"ledger {ledger} contains answers of {teacher.identity} ({what.strip()}) that were"
                " read with other names, or another order, of the classes than config.data.classes"
                " has now. Set data.classes as it was, or use another config.teacher.identity"
            )


def description_with_classes(about: str, settings: Settings, data: DataSet) -> str:
    """Returns the words about a run, with a digest of the classes if its teacher names them: the
    ledger keeps such answers by the position of the class.
    """
    named = settings.teacher.kind == "json" and settings.teacher.json.labels
    return f"{about} {_CLASSES}{_classes(data)}" if named else about


def _classes(data: DataSet) -> str:
    """Returns the end of the words about an import: a digest of the classes' names."""
    names = class_names.of(data)
    return f"{hashlib.sha256(json.dumps(names).encode()).hexdigest()[:8]})"


def _teacher(settings: Settings, data: DataSet, stop: StopSignal) -> Teacher:
    """Returns the teacher to whose identity the answers are assigned."""
    kind = settings.teacher.kind
    if kind in _FREE:
        raise UserError(
            f"config.teacher.kind={kind!r}: its answers cost nothing, and are not imported; set"
            " the kind of the teacher that was paid: python, onnx, oip, tfserving or json"
        )
    return loading.load(settings, data, stop)


def _take(
    source: AnswerSource,
    found: AnswerRows,
    teacher: Teacher,
    ledger: Path,
    *,
    data: DataSet,
    keep_held: bool,
    skips_broken: bool = False,
) -> tuple[imports.Taken, dict[bytes, int]]:
    """Writes answers to the ledger; returns their counts, and their rows by digest."""
    images, found = _images_of(source, found, skips_broken)
    kept = _once(images, found, source.field)
    identity = console.storable(teacher.identity)
    account = imports.ImportAccount(
        run=_account(source.table, identity, source.settings),
        identity=identity,
        about=f"answers of {console.storable(source.table.name)} {_CLASSES}{_classes(data)}",
        place=console.storable(source.table.absolute()),
    )
    scores = found.scores[list(kept.values())]
    try:
        return imports.record(ledger, account, list(kept), scores, keep_held=keep_held), kept
    except imports.HeldOtherwise as error:
        raise _held_otherwise(error, kept, found, source.field, ledger) from error


def _images_of(
    source: AnswerSource, found: AnswerRows, skips_broken: bool
) -> tuple[list[bytes], AnswerRows]:
    """Returns the digest of the image that each row names, and the rows.

    Args:
      source: the table.
      found: its rows.
      skips_broken: whether a row whose image cannot be read is left out, and not a fault.
    """
    faults, images, places = RowFaults(source.field), list[bytes](), list[int]()
    told = image_keys.digests(source.settings, found.keys, source.roots, source.field)
    for place, image in enumerate(told):
        if isinstance(image, bytes):
            images.append(image)
            places.append(place)
        elif not skips_broken:
            faults.add(found.numbers[place], image)
    faults.refuse(answer_rows.REMEDY)
    return images, found.take(places)


def _once(images: list[bytes], found: AnswerRows, field: str) -> dict[bytes, int]:
    """Returns the index of the first answer to each image."""
    faults, first = RowFaults(field), dict[bytes, int]()
    for place, image in enumerate(images):
        earlier = first.setdefault(image, place)
        if found.scores[earlier].tobytes() != found.scores[place].tobytes():
            faults.add(
                found.numbers[place],
                f"has a different answer from row {found.numbers[earlier]} to the same image",
            )
    faults.refuse("Nothing was imported. Keep one row for each image")
    return first


def _account(table: Path, identity: str, settings: Settings) -> str:
    """Returns the identity of an import; the same table, read in the same way, has the same one."""
    plan = settings.data
    how = [identity, plan.size, plan.resize, plan.mode, settings.teacher.answers.form]
    how += [plan.width] if plan.width else []  # squares keep their identity of earlier versions
    hasher = hashlib.sha256(json.dumps(["import", *how]).encode())
    with table.open("rb") as file:
        hasher.update(hashlib.file_digest(file, "sha256").digest())
    return hasher.hexdigest()[:32]


def _held_otherwise(
    error: imports.HeldOtherwise,
    kept: dict[bytes, int],
    found: AnswerRows,
    field: str,
    ledger: Path,
) -> UserError:
    numbers = sorted(found.numbers[kept[image]] for image in error.images)
    shown = ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
    return UserError(
        f"{field}: ledger {ledger} contains another answer of the same teacher to the images of"
        f" {len(numbers):,} rows ({shown}); nothing was imported. Remove these rows, or keep the"
        " ledger's answers with --keep_held. If another teacher gave these answers, set another"
        " config.teacher.identity"
    )


def _images(data: DataSet) -> tuple[np.ndarray, np.ndarray]:
    return data.pool_images, data.test_images
