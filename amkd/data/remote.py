"""Image files in a bucket or on another machine: listed, fetched once, and kept in the cache.

An address such as ``s3://bucket/folder`` is opened by fsspec, with the credentials that the tools
of that service use. Files are copied to ``cache_dir/remote`` in pieces, several at once. A file is
fetched again only if its size or version, as reported by the service, has changed.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from amkd.core import files
from amkd.core.errors import UserError
from amkd.core.extras import require
from amkd.core.redaction import bare_url
from amkd.data import decoding, threads
from amkd.data.image_files import is_hidden

# Facts that services report about a file and that change with its bytes.
_VERSIONS = (
    *("ETag", "etag", "md5Hash", "crc32c", "generation", "versionId"),
    *("LastModified", "last_modified", "updated", "mtime", "created"),
)
_INDEX = "index.json"
_UNFINISHED = 86400.0  # seconds after which an unfinished copy is removed


def is_remote(place: str) -> bool:
    """Returns whether a text is an address such as ``s3://bucket/folder`` instead of a path."""
    return "://" in place


def local_folder(place: str, cache_dir: Path, field: str) -> Path:
    """Returns a folder; for an address, the copy of its image files in the cache.

    Args:
      place: a path or an address.
      cache_dir: the folder of the cache.
      field: the configuration field that contains it.

    Raises:
      UserError: there is no such folder, it has no image file, or it cannot be read.
    """
    if not is_remote(place):
        return Path(place).expanduser()
    with _user_errors(place, field):
        system, root = _open(place, field)
        found = system.find(root, detail=True)
    inside = {_inside(name, root): info for name, info in found.items()}
    wanted = {name: info for name, info in inside.items() if _is_image(name) and _is_safe(name)}
    if not wanted:
        raise UserError(
            f"{field}={bare_url(place)!r}: contains no image file ({', '.join(decoding.SUFFIXES)}),"
            f" only {len(inside):,} other files"
        )
    _refuse_one_place(wanted, f"{field}={bare_url(place)!r}")
    mirror = _mirror(place, cache_dir)
    _fetch(system, root, wanted, mirror, place=place, field=field)
    _remove_others(mirror, wanted)
    return mirror


def local_file(place: str, cache_dir: Path, field: str) -> Path:
    """Returns a file; for an address, its copy in the cache."""
    return local_files([place], cache_dir, field)[0]


def local_files(places: Sequence[str], cache_dir: Path, field: str) -> list[Path]:
    """Returns files; for addresses, their copies in the cache.

    Args:
      places: paths and addresses.
      cache_dir: the folder of the cache.
      field: the field that names them, for messages.

    Raises:
      UserError: a file does not exist, or cannot be read.
    """
    groups: dict[str, list[str]] = {}
    for place in places:
        if is_remote(place):
            groups.setdefault(place.rpartition("/")[0], []).append(place.rpartition("/")[2])
    for parent, names in groups.items():
        with _user_errors(parent, field):
            system, root = _open(parent, field)
            infos = _infos(system, root, names)
        _fetch(system, root, infos, _mirror(parent, cache_dir), place=parent, field=field)
    return [_local(place, cache_dir) for place in places]


def _infos(system: Any, root: str, names: Sequence[str]) -> dict[str, Any]:
    """Requests the facts that the service reports about each file, several at once."""
    infos = threads.map_in_order(
        lambda name: system.info(f"{root}/{name}"), names, "look up images"
    )
    return dict(zip(names, infos, strict=True))


def _local(place: str, cache_dir: Path) -> Path:
    if not is_remote(place):
        return Path(place).expanduser()
    parent, _, name = place.rpartition("/")
    return _mirror(parent, cache_dir) / name


def _mirror(place: str, cache_dir: Path) -> Path:
    """Returns the place of the copies of a folder."""
    digest = hashlib.sha256(place.rstrip("/").encode()).hexdigest()[:16]
    return cache_dir / "remote" / digest


def _open(place: str, field: str) -> tuple[Any, str]:
    """Returns the file system of an address, and the path in it."""
    fsspec = require("fsspec", extra="remote", field=f"{field}={bare_url(place)!r}")
    system, root = fsspec.core.url_to_fs(place)
    return system, root.rstrip("/")


def _inside(name: str, root: str) -> str:
    return name.removeprefix(root).lstrip("/")


def _is_image(name: str) -> bool:
    hidden = any(map(is_hidden, PurePosixPath(name).parts))
    return name.lower().endswith(decoding.SUFFIXES) and not hidden


def _is_safe(name: str) -> bool:
    """Returns whether a name stays inside the folder that it is copied to."""
    return ".." not in PurePosixPath(name).parts and "\0" not in name


def _fetch(
    system: Any, root: str, infos: Mapping[str, Any], mirror: Path, *, place: str, field: str
) -> None:
    """Copies the files that are missing or of another version."""
    mirror.mkdir(parents=True, exist_ok=True)
    index = _read_index(mirror)
    versions = {name: _version(info) for name, info in infos.items()}
    missing = [
        name
        for name, version in versions.items()
        if version is None or index.get(name) != version or not (mirror / name).is_file()
    ]

    def fetch(name: str) -> str:
        path = mirror / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            system.get_file(f"{root}/{name}", str(scratch))
            os.replace(scratch, path)
        finally:
            scratch.unlink(missing_ok=True)
        return name

    try:
        with _user_errors(place, field):
            for name in threads.map_in_order(fetch, missing, "fetch images"):
                index[name] = versions[name]
    finally:  # fetched files are not fetched again
        if missing:
            files.write_text(mirror / _INDEX, json.dumps(index))


def _version(info: Mapping[str, Any]) -> str | None:
    """Returns the facts that identify a file's version; None if the service reports none."""
    known = {name: str(info[name]) for name in _VERSIONS if info.get(name) is not None}
    return json.dumps([info.get("size"), known], sort_keys=True) if known else None


def _read_index(mirror: Path) -> dict[str, str | None]:
    try:
        found = json.loads((mirror / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or damaged: every file is fetched again
        return {}
    return found if isinstance(found, dict) else {}


def _refuse_one_place(names: Iterable[str], shown: str) -> None:
    """Refuses two names of a bucket that are one path on a disk, such as a/b.png and a//b.png.

    Raises:
      UserError: there are such names.
    """
    first: dict[str, str] = {}
    for name in names:
        if (other := first.setdefault(_path(name), name)) != name:
            raise UserError(
                f"{shown}: {other!r} and {name!r} cannot be told apart in a folder; rename one"
            )


def _path(name: str) -> str:
    """Returns the path on a disk of a name in a bucket, which may contain several slashes."""
    return PurePosixPath(name).as_posix()


def _remove_others(mirror: Path, wanted: Iterable[str]) -> None:
    """Removes copies of files that are no longer in the folder, and old unfinished copies."""
    kept, latest = {*map(_path, wanted), _INDEX}, time.time() - _UNFINISHED
    for path in mirror.rglob("*"):
        # Another run may be fetching into a .part file at this moment.
        fetched_now = path.suffix == ".part" and _changed(path) > latest
        if path.is_file() and path.relative_to(mirror).as_posix() not in kept and not fetched_now:
            path.unlink(missing_ok=True)


def _changed(path: Path) -> float:
    """Returns when a file was changed last; 0 if it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


@contextmanager
def _user_errors(place: str, field: str) -> Iterator[None]:
    """Converts errors of the services' libraries to errors for the user."""
    shown = f"{field}={bare_url(place)!r}"
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(
            f"{shown}: there is no such folder or file ({error}); check the name"
        ) from error
    except ImportError as error:  # fsspec supports the service, but its package is missing
        raise UserError(
            f"{shown}: needs a package ({error}): pip install 'amkd[remote]', in a checkout pip"
            " install -e '.[remote]'"
        ) from error
    except Exception as error:  # each service has its own errors
        raise UserError(
            f"{shown}: cannot be read ({type(error).__name__}: {error}). Check the name, and the"
            f" credentials that the tools of {urlsplit(place).scheme} use on this machine"
        ) from error
