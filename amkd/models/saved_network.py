"""Saving and restoring with orbax: the state of a run, and finished networks.

Resume policy, in the order in which it is applied:

1. A finished run (``summary.json`` is there) is never run again; its result is printed.
2. A workdir of another configuration is refused before anything is loaded or paid.
3. The newest checkpoint is restored. It holds the round, how far it got, the records chosen
   so far, the last student and, inside a long training, the state of that training.
4. Answers are not in checkpoints: they are read again from the ledger by the images' bytes. A
   ledger that lacks what the run was answered is refused; nothing is asked for a second time.
5. A search that was interrupted starts again. Its choice is saved before the first of its images is
   sent, so an interrupted query phase asks for the same images; the ledger answers as far as it
   got.
6. Training continues from the last saved epoch; every order, crop and dropout mask follows from
   (seed, round, epoch or step), so the bits are those of an uninterrupted run.
7. Lines of ``metrics.jsonl`` after the restored point are dropped and written again.
"""

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
      card: what it is: role, model, classes, shape, and whatever was noted with it.
      variables: its variables.
    """

    card: dict[str, Any]
    variables: Variables

    def network(self) -> models.Network:
        """The network itself."""
        return models.build(self.card["model"], self.card["classes"], tuple(self.card["shape"]))

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Class probabilities: ``uint8[M, H, W, C]`` to ``float32[M, Y]``."""
        return prediction.predict(self.network(), self.variables, images)


def save_network(folder: Path, variables: Variables, card: dict[str, Any]) -> None:
    """Saves a finished network whole or not at all; replaces what was there.

    Args:
      folder: where to.
      variables: its variables.
      card: at least ``role``, ``model``, ``classes`` and ``shape``.
    """
    write(folder, variables, {**card, "sha256": sha256(variables)})


def load_network(folder: Path) -> SavedNetwork:
    """Loads a network saved by :func:`save_network`.

    Raises:
      UserError: there is none, or it is damaged.
    """
    if not folder.exists():
        raise UserError(
            f"{folder} holds no saved network; name the folder of a saved student or teacher"
        )
    try:
        variables, card = read(folder)
    except Exception as error:
        raise UserError(
            f"{folder} holds no saved network, or a damaged one ({type(error).__name__}: {error})."
            " If it is a cached"
            " teacher, delete it: the next run trains it again"
        ) from error
    return SavedNetwork(card, variables)
