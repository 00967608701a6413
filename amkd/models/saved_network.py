"""A finished network on disk: its variables, and a card that describes it."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amkd import models
from amkd.core.checkpoint import read, sha256, write
from amkd.core.errors import UserError
from amkd.models import prediction
from amkd.models.layers import Variables


class SavedNetwork(NamedTuple):
    """A finished network on disk.

    Attributes:
      card: its description: role, model, classes, shape, side, groups (if answers have more than
        one distribution), and whatever else was given.
      variables: its variables.
    """

    card: dict[str, Any]
    variables: Variables

    @property
    def groups(self) -> int:
        """Returns how many distributions an answer has."""
        return int(self.card.get("groups", 1))

    def network(self) -> models.Network:
        """Builds the network."""
        card = self.card
        shape, side = tuple(card["shape"]), card.get("side", 0)
        seen = tuple(side) if isinstance(side, list) else side  # JSON has no tuples
        return models.build(card["model"], card["classes"], shape, side=seen, groups=self.groups)

    def predict(self, images: np.ndarray, *, batch: int = 0) -> np.ndarray:
        """Returns class probabilities: ``uint8[M, H, W, C]`` to ``float32[M, Y]``.

        Args:
          images: ``uint8[M, H, W, C]``.
          batch: images computed at a time, on which the last bits of an answer depend; 0 chooses by
            their number.

        Raises:
          UserError: the images have another type, or another size than the card's ``shape``.
        """
        _check(images, tuple(self.card["shape"]))
        batch = batch or prediction.batch_of(len(images))
        return prediction.predict(self.network(), self.variables, images, batch=batch)


def _check(images: Any, shape: tuple[int, ...]) -> None:
    """Refuses images of another type or size: the network would answer, but wrongly."""
    dtype, found = getattr(images, "dtype", None), getattr(images, "shape", ())
    if dtype == np.uint8 and len(found) == 1 + len(shape) and found[1:] == shape:
        return
    wanted = ", ".join(map(str, ("M", *shape)))
    given = type(images).__name__ if dtype is None else f"{dtype}{list(found)}"
    raise UserError(f"images must be uint8[{wanted}] with values from 0 to 255, not {given}")


def save_network(folder: Path, variables: Variables, card: dict[str, Any]) -> None:
    """Saves a finished network completely or not at all; replaces what was in the folder.

    Args:
      folder: where to write.
      variables: its variables.
      card: has at least ``role``, ``model``, ``classes`` and ``shape``.
    """
    write(folder, variables, {**card, "sha256": sha256(variables)})


def is_in(folder: Path) -> bool:
    """Returns whether a folder contains a saved network, sound or not."""
    return (folder / "meta.json").exists()


def load_network(folder: Path) -> SavedNetwork:
    """Loads a network saved by :func:`save_network`.

    Raises:
      UserError: there is no network, or it is damaged.
    """
    if not is_in(folder) and not (folder / "arrays").exists():
        inside = folder / "student"
        remedy = "give the folder of a saved student or teacher"
        if is_in(inside):
            remedy = f"did you mean {inside}?"
        raise UserError(f"{folder} does not contain a saved network; {remedy}")
    try:
        variables, card = read(folder)
    except Exception as error:
        raise UserError(
            f"the saved network in {folder} is damaged ({type(error).__name__}: {error})."
            " If it is a cached teacher, delete it: the next run trains it again."
            " If it is the student of a workdir, delete summary.json in that workdir and run the"
            " same command again: it writes both again"
        ) from error
    return SavedNetwork(card, variables)
