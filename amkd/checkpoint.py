"""Saving and restoring with orbax: the state of a run, and finished networks.

Resume policy, in the order in which it is applied:

1. A finished run (``summary.json`` is there) is never run again; its result is printed.
2. A workdir of another configuration is refused before anything is loaded or paid.
3. The newest whole checkpoint is restored. It holds the round, the phase, the records chosen
   so far, the last student and, inside a long training, the state of that training.
4. Answers are not in checkpoints: they are read again from the ledger by the images' bytes.
   Those of a batch that the ledger holds are not asked again.
5. A search or a query phase that was interrupted starts again from its beginning: the search is
   deterministic, so it asks for the same images, which the ledger answers as far as it got.
6. Training continues from the last saved epoch; every order, crop and dropout mask follows from
   (seed, round, epoch or step), so the bits are those of an uninterrupted run.
7. Lines of ``metrics.jsonl`` after the restored point are dropped and written again.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from amkd import devices, models, student
from amkd.errors import UserError


def sha256(variables: student.Variables) -> str:
    """Hash of a network's variables: every array's path, type, shape and bytes."""
    hasher = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        array = np.asarray(leaf)
        hasher.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
        hasher.update(array.tobytes())
    return hasher.hexdigest()


def tree_of(leaves: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Leaves by number: the form in which they are saved, free of their containers' types."""
    return {f"{place:04d}": leaf for place, leaf in enumerate(leaves)}


def leaves_of(tree: dict[str, Any]) -> list[np.ndarray]:
    """The inverse of :func:`tree_of`."""
    return [np.asarray(tree[place]) for place in sorted(tree)]


class Checkpoints:
    """The numbered checkpoints of one run; the newest two are kept."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made if it is not there."""
        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False, create=True)
        self._folder = folder.absolute()
        self._manager = ocp.CheckpointManager(self._folder, options=options)

    def save(self, tree: dict[str, Any], meta: dict[str, Any]) -> None:
        """Saves a tree of arrays and what JSON can hold, whole or not at all."""
        args = ocp.args.Composite(tree=ocp.args.StandardSave(jax.device_get(tree)), meta=ocp.args.JsonSave(meta))
        self._manager.save((self._manager.latest_step() or 0) + 1, args=args, force=True)

    def restore(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The newest checkpoint, or None where there is none.

        Raises:
          UserError: it is damaged.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        args = ocp.args.Composite(tree=ocp.args.StandardRestore(), meta=ocp.args.JsonRestore())
        try:
            found = self._manager.restore(step, args=args)
        except Exception as error:
            raise UserError(
                f"checkpoint {self._folder / str(step)} is damaged ({type(error).__name__}). Delete that folder"
                " and run the same command: the run goes on from the checkpoint before it, or from the start,"
                " and the ledger answers what was already paid for"
            ) from error
        return found["tree"], found["meta"]

    def close(self) -> None:
        """Ends orbax's threads."""
        self._manager.close()


class SavedNetwork(NamedTuple):
    """A finished network on disk.

    Attributes:
      card: what it is: model, classes, shape, and whatever was noted with it.
      variables: its variables.
    """

    card: dict[str, Any]
    variables: student.Variables

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Class probabilities: ``uint8[M, H, W, C]`` to ``float32[M, Y]``."""
        network = models.build(self.card["model"], self.card["classes"], tuple(self.card["shape"]))
        return devices.predict(network, self.variables, images)


def save_network(folder: Path, variables: student.Variables, card: dict[str, Any]) -> None:
    """Saves a finished network whole or not at all; replaces what was there.

    Args:
      folder: where to.
      variables: its variables.
      card: at least ``model``, ``classes`` and ``shape``.
    """
    scratch = folder.parent.absolute() / f".{folder.name}.part"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    variables = jax.device_get(variables)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(scratch / "variables", variables)
    card = {**card, "sha256": sha256(variables)}
    (scratch / "network.json").write_text(json.dumps(card, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    scratch.rename(folder)


def load_network(folder: Path) -> SavedNetwork:
    """Loads a network saved by :func:`save_network`.

    Raises:
      UserError: there is none, or its bytes are not those that were saved.
    """
    try:
        card = json.loads((folder / "network.json").read_text())
        with ocp.StandardCheckpointer() as checkpointer:
            variables = checkpointer.restore(folder.absolute() / "variables")
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no saved network ({error})") from error
    except Exception as error:
        raise UserError(f"the network in {folder} is damaged ({type(error).__name__}); delete it") from error
    variables = jax.tree.map(np.asarray, variables)
    if sha256(variables) != card["sha256"]:
        raise UserError(f"the network in {folder} is damaged: its bytes are not those saved; delete it")
    return SavedNetwork(card, variables)
