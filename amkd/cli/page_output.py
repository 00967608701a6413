"""The file of an HTML page that a command writes, ``--output``."""

from pathlib import Path

from amkd.core.errors import UserError
from amkd.reporting import html_parts


def check(path: Path) -> None:
    """Refuses a path at which no page should be written; an earlier page may be replaced.

    Raises:
      UserError: its name does not end in .html or .htm, its folder is missing, or there is a folder
        or another file.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--output={path}: is an HTML page; name a file that ends in .html")
    if not path.parent.is_dir():
        raise UserError(f"--output={path}: folder {path.parent} does not exist; create it first")
    if path.is_dir():
        raise UserError(f"--output={path}: is a folder; name a file")
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            earlier = file.read(len(html_parts.BEGIN)) == html_parts.BEGIN
    except OSError as error:
        raise UserError(f"--output={path} cannot be read ({error}); choose a new file") from error
    if not earlier:
        raise UserError(
            f"--output={path} exists and is not an earlier page of amkd: nothing was written;"
            " choose a new file"
        )
