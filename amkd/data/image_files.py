"""Lists the image files below a folder, and identifies each by the SHA-256 of its bytes.

Hashes are stored in the cache folder with each file's size and times, so that an unchanged file is
not read again.
"""

import collections
import dataclasses
import hashlib
import json
import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from amkd.data import decoding, threads

# A file that changed this recently may change again within one tick of its file system's clock
# and keep the same times; so its hash is not stored.
_SETTLED = 2_000_000_000  # nanoseconds
_OF_MACOS = "__MACOSX"  # a folder in archives of macOS, with a file of metadata for each image
_SHOWN = 10  # names in a message
# Formats of photographs that are not read here: of telephones, of cameras (raw), and newer ones.
_UNREAD = frozenset(
    (
        *(".heic", ".heif", ".hif", ".avif", ".jxl", ".psd"),
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".raw"),
    )
)


@dataclasses.dataclass(frozen=True)
class Listing:
    """The content of a folder.

    Attributes:
      paths: image files (according to their suffix), relative to the folder, sorted.
      ignored: number of other files; hidden files are not counted.
      subfolders: names of the folders directly in it, sorted.
      unread: how many of the other files are photographs in formats that are not read, by suffix.
    """

    paths: list[str]
    ignored: int
    subfolders: list[str]
    unread: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """One image file, as it was when it was hashed.

    Attributes:
      path: relative to the folder, with ``/``.
      stamp: size, and the times of the last change of its bytes and of the last change of any kind,
        in nanoseconds.
      digest: SHA-256 of its bytes in hex; empty if it cannot be read.
      unreadable: why it cannot be read, or empty.
    """

    path: str
    stamp: tuple[int, int, int]
    digest: str
    unreadable: str = ""


def list_folder(root: Path) -> Listing:
    """Lists a folder and its subfolders, also through links, but visits no folder twice.

    Raises:
      OSError: a folder cannot be listed.
    """
    paths: list[str] = []
    subfolders: list[str] = []
    ignored, suffixes = 0, collections.Counter[str]()
    for subfolder, entries in _walk(root):
        if subfolder and "/" not in subfolder:
            subfolders.append(subfolder)
        found = [entry.name for entry in entries if _is_image(entry)]
        paths += [f"{subfolder}/{name}" if subfolder else name for name in found]
        ignored += len(entries) - len(found)
        suffixes.update(Path(entry.name).suffix.lower() for entry in entries)
    unread = {
        one: suffixes[one] for one in sorted(_UNREAD - set(decoding.SUFFIXES) & set(suffixes))
    }
    return Listing(sorted(paths), ignored, sorted(subfolders), unread)


def unread_photographs(unread: Mapping[str, int]) -> str:
    """Describes photographs in formats that are not read; empty if there are none."""
    if not unread:
        return ""
    listed = ", ".join(f"{count:,} {suffix}" for suffix, count in unread.items())
    return f"{listed}: formats that amkd does not read; convert these photographs to JPEG or PNG"


def _walk(root: Path) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Yields the path of every folder below ``root`` and its files, without hidden ones."""
    visited = set()
    waiting = deque([""])
    while waiting:
        subfolder = waiting.popleft()
        status = os.stat(root / subfolder)
        if (status.st_dev, status.st_ino) in visited:
            continue
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(root / subfolder) as entries:
            shown = sorted(
                (entry for entry in entries if not is_hidden(entry.name)),
                key=lambda entry: entry.name,
            )
        for entry in filter(_is_folder, shown):
            # Links are visited after all real folders, whose names are preferred.
            queue = waiting.append if entry.is_symlink() else waiting.appendleft
            queue(f"{subfolder}/{entry.name}" if subfolder else entry.name)
        yield subfolder, [entry for entry in shown if not _is_folder(entry)]


def is_hidden(name: str) -> bool:
    """Returns whether a file or folder of this name is left out wherever images are listed."""
    return name.startswith(".") or name == _OF_MACOS


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Returns whether a file is an image file, according to its name.

    Pipes and devices are not, since opening one may block forever. A broken link counts as an image
    file, which is then reported as broken.
    """
    if not entry.name.lower().endswith(decoding.SUFFIXES):
        return False
    if entry.is_symlink():
        return os.path.isfile(entry.path) or not os.path.exists(entry.path)
    return entry.is_file()


def file_stamp(path: Path) -> tuple[int, int, int]:
    """Returns size and times of a file; they differ if its bytes do."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def identify(root: Path, paths: list[str], cache_dir: Path) -> list[ImageFile]:
    """Hashes files, or reads their hashes from the index of an earlier call.

    Args:
      root: the folder.
      paths: files in it.
      cache_dir: where the index is stored.
    """
    index_path = cache_dir / "pictures" / f"index-{_digest(os.fsencode(root.resolve()))[:16]}.json"
    index = _read(index_path)
    found = [_known(root, path, index) for path in paths]
    unknown = [path for path, file in zip(paths, found, strict=True) if file is None]
    if not unknown:
        return [file for file in found if file]
    hashed = iter(list(threads.map_in_order(lambda path: _hash(root, path), unknown, "read files")))
    files = [file or next(hashed) for file in found]
    settled = time.time_ns() - _SETTLED
    own = {
        file.path: [*file.stamp, file.digest]
        for file in files
        if file.digest and max(file.stamp[1:]) < settled
    }
    # Another list, such as that of the test images, may name other files of the same folder.
    others = index.keys() - set(paths)
    kept = {path: index[path] for path in others if (root / path).exists()} | own
    if kept != index:
        _write(index_path, kept)
    return files


def _known(root: Path, path: str, index: dict[str, list]) -> ImageFile | None:
    if path not in index:
        return None
    *known, digest = index[path]
    try:
        found = file_stamp(root / path)
    except OSError:
        return None
    return ImageFile(path, found, digest) if list(found) == known else None


def _hash(root: Path, path: str) -> ImageFile:
    try:
        before = file_stamp(root / path)  # so that a change while hashing is noticed later
        with open(root / path, "rb") as file:
            return ImageFile(path, before, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        return ImageFile(path, (0, 0, 0), "", error.strerror or type(error).__name__)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(path: Path) -> dict[str, list]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or damaged: every file is read again
        return {}


def _write(path: Path, index: dict[str, list]) -> None:
    """Writes the whole file or nothing, even with several runs: each has its own scratch file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=".index-", dir=path.parent)
    with open(handle, "w", encoding="utf-8") as file:
        json.dump(index, file)
    os.replace(scratch, path)


def first_names(names: Sequence[str]) -> str:
    """Lists the first ten of many names, for messages."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
