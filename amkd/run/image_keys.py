"""Finds the image that a row of a table names: by the path or the SHA-256 of an image file, or by
the digest of the image.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from amkd.config.data import is_of_files
from amkd.config.settings import Settings
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.data import decoding, file_sources, own_images, remote, rows, threads
from amkd.teachers.answer_table import KEYS


class Key(NamedTuple):
    """The key of a row's image: its kind (``path``, ``sha256``, ``image``) and its text."""

    kind: str
    text: str


def key_of(cells: Mapping[str, Any], columns: Mapping[str, Sequence[str]] = KEYS) -> Key:
    """Returns the key of the image that a row names.

    Args:
      cells: the cells of the row.
      columns: the columns that may contain the key, by its kind.

    Raises:
      UserError: none of the columns names an image, or a SHA-256 is not valid.
    """
    for kind, names in columns.items():
        for column in names:
            if text := rows.text_of(cells.get(column)):
                if kind == "path":
                    return Key(kind, text)
                if not _is_sha256(text):
                    raise UserError(
                        f"{column} {text[:80]!r} is not a SHA-256 (64 hexadecimal digits)"
                    )
                return Key(kind, text.lower())
    raise UserError("names no image: it needs a path, a sha256 or an image digest")


def _is_sha256(text: str) -> bool:
    try:
        return len(text) == 64 and len(bytes.fromhex(text)) == 32
    except ValueError:
        return False


def roots_of(settings: Settings, table: Path) -> list[Path]:
    """Returns the folders in which the paths of a table are looked for, in this order."""
    plan, roots = settings.data, [table.parent]
    if plan.folder and not remote.is_remote(plan.folder):
        roots.append(Path(plan.folder))
    if plan.manifest and not remote.is_remote(plan.manifest):
        roots.append(Path(plan.manifest).parent)
    return roots


def digests(
    settings: Settings, keys: Sequence[Key], roots: Sequence[Path], field: str
) -> Iterator[bytes | str]:
    """Yields the digest of the image that each key names, as a run computes it.

    If there is no such image, it yields the problem with the key. Image files are decoded one by
    one, and are not kept.

    Args:
      settings: the configuration; it says how image files are decoded.
      keys: the keys of the images.
      roots: folders in which paths are looked for.
      field: the name of the table in messages.

    Raises:
      UserError: the configured data set reads no image files, and a key names one.
    """
    if {key.kind for key in keys} <= {"image"}:
        yield from (bytes.fromhex(key.text) for key in keys)
        return
    if not is_of_files(settings.dataset):
        raise UserError(
            f"{field}: names images by path or sha256, but config.dataset={settings.dataset!r}"
            " reads no image files; name images in the column image, as `python -m amkd.ledger"
            " export` writes it"
        )
    find = _finder(settings, keys, roots)
    options = own_images.decode_options(settings.data)
    decoding.check(options)

    def digest(key: Key) -> bytes | str:
        if key.kind == "image":
            return bytes.fromhex(key.text)
        path = find(key)
        if isinstance(path, str):
            return path
        try:
            return image_digest(decoding.decode(path, options))
        except (decoding.BrokenImageError, OSError) as error:
            return f"{key.text!r} cannot be read ({error})"

    yield from threads.map_in_order(digest, keys, "read images")


def _finder(
    settings: Settings, keys: Sequence[Key], roots: Sequence[Path]
) -> Callable[[Key], Path | str]:
    """Returns a function from a key to a file, or to the problem with the key."""
    cache = Path(settings.cache_dir).expanduser()
    by_digest: dict[str, Path] = {}
    if any(key.kind == "sha256" for key in keys):
        root, files = file_sources.files(settings.dataset, settings.data, cache)
        by_digest = {file.digest: root / file.path for file in files if file.digest}
    far = sorted({key.text for key in keys if key.kind == "path" and remote.is_remote(key.text)})
    copies = dict(zip(far, remote.local_files(far, cache, "path"), strict=True))

    def find(key: Key) -> Path | str:
        if key.kind == "sha256":
            missing = f"no image file of the data set has the sha256 {key.text}; give its path"
            return by_digest.get(key.text, missing)
        if key.text in copies:
            return copies[key.text]
        for root in roots:
            if os.path.isfile(root / key.text):  # False for a name that is too long, too
                return root / key.text
        return f"there is no file {key.text!r} in {' or '.join(map(str, roots))}"

    return find
