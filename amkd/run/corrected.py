"""Uses a person's corrections in the training of a run: ``train.corrections``.

A run keeps in its workdir the corrections with which it began. So a resumed run ends with the same
bits, even if the ledger contains more corrections at that time.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from amkd.config.settings import Settings
from amkd.core import files
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.data.records import Records
from amkd.ledger import corrections as recorded
from amkd.run import workdir
from amkd.run.targets import Targets

_KEPT = "corrections.json"


@dataclasses.dataclass(frozen=True, eq=False)
class Corrections:
    """A person's corrections of the classes of images.

    Attributes:
      classes: number of the correct class, by image digest.
      weight: the weight of such an image in the loss; others have weight 1.
    """

    classes: dict[bytes, int]
    weight: float

    def apply(
        self, images: Sequence[np.ndarray], places: np.ndarray, answers: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the answers with the corrected classes, and the weights of all records.

        Args:
          images: the images of those records that are whole images, ``uint8[H, W, C]`` each.
          places: ``int[...]``, the indices of these records.
          answers: ``float32[Q, Y]``, the teacher's.

        Returns:
          ``float32[Q, Y]`` and ``float32[Q]``.
        """
        answers, weights = answers.copy(), np.ones(len(answers), np.float32)
        for place, image in zip(places.tolist(), images, strict=True):
            number = self.classes.get(image_digest(image))
            if number is not None:
                answers[place] = np.eye(answers.shape[1], dtype=np.float32)[number]
                weights[place] = self.weight
        return answers, weights


def line(corrections: Corrections, images: Iterable[np.ndarray]) -> str:
    """Returns a line about how many corrections are of these images, those of round 0."""
    total = len(corrections.classes)
    if used := sum(image_digest(image) in corrections.classes for image in images):
        return f"{used:,} of {total:,} corrections are of images of round 0"
    return (
        f"warning: none of the {total:,} corrections in the ledger is of an image of round 0; use"
        " the configuration of the reviewed run, with the same seed, budget and images"
    )


def with_corrections(
    corrections: Corrections | None,
    found: Targets,
    records: Records,
    images_of: Callable[[Records], Sequence[np.ndarray]],
) -> Targets:
    """Returns the targets of records, with a person's corrections in place of answers.

    Args:
      corrections: a person's corrections; with None, ``found`` is returned without a change.
      found: the targets without corrections.
      records: Q records; only those of whole images are looked up.
      images_of: returns the images of records.
    """
    if corrections is None:
        return found
    whole = np.flatnonzero(records.i == records.j)
    images = images_of(records.take(whole))
    answers, weights = corrections.apply(images, whole, found.answers)
    return dataclasses.replace(found, answers=answers, weights=weights)


def of_run(settings: Settings, folder: Path, class_names: Sequence[str]) -> Corrections | None:
    """Returns the corrections with which a run began; reads them from the ledger when it begins.

    Args:
      settings: the configuration.
      folder: the workdir.
      class_names: Y names.

    Returns:
      None where ``train.corrections`` is 0.

    Raises:
      UserError: the ledger has no corrections, or the kept ones are damaged.
    """
    weight, path = settings.train.corrections, folder / _KEPT
    if not weight:
        return None
    if not path.exists():
        ledger = workdir.ledger_path(settings, folder)
        found = recorded.read(ledger, class_names)
        if not found:
            raise UserError(
                f"config.train.corrections={weight:g}: ledger {ledger} has no corrections for"
                " these classes; read corrections with `amkd review WORKDIR --read=FILE.csv` and"
                " set --config.ledger.path to that run's ledger, or set this field to 0"
            )
        held = {image.hex(): number for image, number in found.items()}
        files.write_text(path, json.dumps({"corrections": held}, indent=1) + "\n")
    remedy = "choose another --workdir, and reuse the answers with --config.ledger.path"
    kept = files.read_object(path, remedy, {"corrections": dict})["corrections"]
    return Corrections({bytes.fromhex(image): number for image, number in kept.items()}, weight)
