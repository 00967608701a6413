"""Which image a row of a table means: by the path of a picture, its SHA-256, or its digest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from amkd.config.data import is_of_files
from amkd.config.settings import Settings
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.data import file_sources, own_images, pictures, remote, rows, threads
from amkd.teachers.answer_table import KEYS


class Key(NamedTuple):
    """What a row says of its picture: the kind of the key (``path``, ``sha256``, ``image``), and
    the key.
    """

    kind: str
    text: str


def key_of(cells: Mapping[str, Any], columns: Mapping[str, Sequence[str]] = KEYS) -> Key:
    """Returns which picture a row means.

    Args:
      cells: the cells of the row.
      columns: the columns that may tell it, by the kind of the key.

    Raises:
      UserError: none of the columns names a picture, or a SHA-256 is not valid.
    """
    for kind, names in columns.items():
        for column in names:
            if text := rows.text_of(cells.get(column)):
                if kind == "path":
                    return Key(kind, text)
                if not _is_sha256(text):
                    raise UserError(
                        f"{column} {text[:80]!r} is not a SHA-256: 64 hexadecimal digits"
                    )
                return Key(kind, text.lower())
    raise UserError("names no picture: it needs a path, a sha256 or an image")


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
    """Yields the digest of the image that each key means, as a run computes it.

    Where there is none, it yields what is wrong with the key. Pictures are decoded one by one, and
    are not kept.

    Args:
      settings: the configuration; it says how pictures become images.
      keys: the keys of the images.
      roots: folders in which paths are looked for.
      field: what names the table, for messages.

    Raises:
      UserError: the configured data set reads no picture files, and a key means one.
    """
    if {key.kind for key in keys} <= {"image"}:
        yield from (bytes.fromhex(key.text) for key in keys)
        return
    if not is_of_files(settings.dataset):
        raise UserError(
            f"{field}: names pictures by path or sha256, and config.dataset={settings.dataset!r}"
            " reads no picture files; name images by the column image, as `python -m amkd.ledger"
            " export` writes it"
        )
    find = _finder(settings, keys, roots)
    options = own_images.decode_options(settings.data)
    pictures.check(options)

    def digest(key: Key) -> bytes | str:
        if key.kind == "image":
            return bytes.fromhex(key.text)
        path = find(key)
        if isinstance(path, str):
            return path
        try:
            return image_digest(pictures.decode(path, options))
        except (pictures.BrokenPictureError, OSError) as error:
            return f"{key.text!r} cannot be read ({error})"

    yield from threads.map_in_order(digest, keys, "read pictures")


def _finder(
    settings: Settings, keys: Sequence[Key], roots: Sequence[Path]
) -> Callable[[Key], Path | str]:
    """Returns a function from a key to a file, or to what is wrong with the key."""
    cache = Path(settings.cache_dir).expanduser()
    by_digest: dict[str, Path] = {}
    if any(key.kind == "sha256" for key in keys):
        root, files = file_sources.files(settings.dataset, settings.data, cache)
        by_digest = {file.digest: root / file.path for file in files if file.digest}
    far = sorted({key.text for key in keys if key.kind == "path" and remote.is_remote(key.text)})
    copies = dict(zip(far, remote.local_files(far, cache, "path"), strict=True))

    def find(key: Key) -> Path | str:
        if key.kind == "sha256":
            missing = f"no picture of the data set has the sha256 {key.text}; name it by its path"
            return by_digest.get(key.text, missing)
        if key.text in copies:
            return copies[key.text]
        for root in roots:
            if (root / key.text).is_file():
                return root / key.text
        return f"there is no file {key.text!r} in {' or '.join(map(str, roots))}"

    return find
