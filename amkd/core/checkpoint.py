"""Saving and restoring with orbax: the state of a run, and finished networks.

Resume policy, in the order in which it is applied:

1. A finished run (``summary.json`` is there) is never run again; its result is printed. A damaged
   ``summary.json`` is written again from the last checkpoint and the ledger.
2. A workdir of another configuration is refused before anything is loaded or paid.
3. The newest sound checkpoint is restored; damaged ones are reported and skipped. It contains
   the round, the progress in it, the records chosen so far, the last student and, inside a long
   training, the state of that training.
4. Answers are not in checkpoints: they are read again from the ledger by the images' bytes. A
   ledger that lacks one of the run's answers is refused; nothing is queried a second time.
5. A search continues from the last saved place of its scan. Its choice is saved before the first of
   its images is sent, so an interrupted query phase queries the same images; the ledger has the
   answers that arrived before the interruption.
6. Training continues from the last saved epoch; every order, crop and dropout mask follows from
   (seed, round, epoch or step), so the bits are those of an uninterrupted run. An assistant's
   training continues in the same way; once it has answered, its answers are saved.
7. Lines of ``metrics.jsonl`` after the restored point are dropped and written again.
"""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import chex
import jax
import numpy as np
import orbax.checkpoint as ocp

from amkd.core import console, folders, utf8_path

_KEPT = 2  # checkpoints of a run


def sha256(variables: chex.ArrayTree) -> str:
    """Returns the hash of a network's variables: of every array's path, type, shape and bytes."""
    hasher = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        array = np.asarray(leaf)
        hasher.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
        hasher.update(array.tobytes())
    return hasher.hexdigest()


def tree_of(leaves: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Names leaves by number, so that they can be saved whatever their containers are."""
    return {f"{place:04d}": leaf for place, leaf in enumerate(leaves)}


def leaves_of(tree: dict[str, Any]) -> list[np.ndarray]:
    """Returns the leaves of :func:`tree_of`, in their order."""
    return [np.asarray(tree[place]) for place in sorted(tree)]


def write(folder: Path, tree: chex.ArrayTree, meta: dict[str, Any]) -> None:
    """Writes arrays (orbax) and a JSON object into a sealed folder, whole or not at all.

    Args:
      folder: where to write; an existing folder is replaced.
      tree: nested dicts of arrays.
      meta: what else to keep, for JSON.

    Raises:
      OSError: the disk is full, or the arrays read back differ from those written; ``folder`` is
        unchanged.
    """
    tree = jax.device_get(tree)
    with folders.replacing(folder.absolute()) as scratch:
        try:
            with utf8_path.named(scratch) as place, _checkpointer() as checkpointer:
                checkpointer.save(place / "arrays", tree)
                checkpointer.wait_until_finished()
                _check(checkpointer, place / "arrays", tree)
        except ValueError as error:  # TensorStore's, also of a full disk
            full = os.strerror(errno.ENOSPC)
            if full in str(error):
                raise OSError(errno.ENOSPC, full, str(folder)) from error
            raise
        sealed = {"meta": meta, "files": _files(scratch)}
        (scratch / "meta.json").write_text(
            json.dumps({**sealed, "seal": _seal(sealed)}, indent=2) + "\n"
        )


def read(folder: Path) -> tuple[chex.ArrayTree, dict[str, Any]]:
    """Reads what :func:`write` wrote, as NumPy arrays, after checking every byte.

    Raises:
      ValueError: a byte has changed, or a file of the arrays is missing.
      OSError: ``meta.json`` is missing.
    """
    found = json.loads((folder / "meta.json").read_text())
    sealed = {name: found.get(name) for name in ("meta", "files")}
    if found.get("seal") != _seal(sealed) or found["files"] != _files(folder):
        raise ValueError("its bytes are not those that were written")
    with utf8_path.named(folder.absolute()) as place, _checkpointer() as checkpointer:
        tree = checkpointer.restore(place / "arrays")
    return jax.tree.map(np.asarray, tree), found["meta"]


def _checkpointer() -> ocp.StandardCheckpointer:
    """Returns orbax's writer and reader for this process alone: orbax would wait for all others."""
    if jax.process_count() == 1:
        return ocp.StandardCheckpointer()
    own = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(
        primary_host=own, active_processes={own}, barrier_sync_key_prefix=f"process{own}"
    )
    return ocp.StandardCheckpointer(multiprocessing_options=alone)


def _check(checkpointer: ocp.StandardCheckpointer, place: Path, tree: chex.ArrayTree) -> None:
    """Reads arrays again. Orbax may leave out arrays without an error: all of them, in any process
    but process 0.
    """
    why: object = "the arrays read back are different"
    try:
        whole = sha256(checkpointer.restore(place)) == sha256(tree)
    except Exception as error:  # orbax's, of many kinds
        whole, why = False, error
    if not whole:
        raise OSError(f"{place.parent} could not be written completely: {why}")


def _files(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in (folder / "arrays").rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def _seal(sealed: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(sealed, sort_keys=True).encode()).hexdigest()


class Checkpoints:
    """The numbered checkpoints of one run; the newest two are kept."""

    def __init__(self, folder: Path) -> None:
        """Takes the ``folder``, which need not exist yet."""
        self._folder = folder.absolute()
        self._damaged: set[int] = set()

    def _numbers(self) -> list[int]:
        names = [path.name for path in self._folder.iterdir()] if self._folder.exists() else []
        return sorted(int(name) for name in names if name.isdigit())

    def save(self, tree: dict[str, Any], meta: dict[str, Any]) -> None:
        """Saves arrays and a JSON object under the next number, whole or not at all."""
        number = max(self._numbers(), default=0) + 1
        write(self._folder / f"{number}", tree, meta)
        kept = [one for one in self._numbers() if one not in self._damaged][-_KEPT:]
        for old in set(self._numbers()).difference(kept):
            shutil.rmtree(self._folder / f"{old}")
        for torn in self._folder.glob(".*"):  # left behind by a kill
            shutil.rmtree(torn, ignore_errors=True)

    def restore(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Returns the newest sound checkpoint, or None where there is none.

        Reports damaged ones; they are kept until the next one is saved.
        """
        for number in reversed(self._numbers()):
            folder = self._folder / f"{number}"
            try:
                return read(folder)
            except (MemoryError, PermissionError):  # it may be sound
                raise
            except Exception as error:  # orbax and JSON raise many kinds for a broken file
                self._damaged.add(number)
                console.say(
                    f"checkpoint {folder} is damaged ({type(error).__name__}: {error}): the run"
                    " resumes from the checkpoint before it, or from the start; answers that were"
                    " paid for are in the ledger",
                )
        return None
