"""What makes a folder of pictures impossible."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from amkd.data import pictures, resize
from amkd.validation.rules import choice, least

if TYPE_CHECKING:
    from amkd.config.settings import Settings


def reasons(s: "Settings") -> Iterator[str]:
    """Of the pictures, and of all that reads them."""
    data = s.data
    yield from choice("data.resize", data.resize, resize.KINDS)
    yield from choice("data.mode", data.mode, tuple(pictures.MODES))
    yield from choice("data.broken", data.broken, pictures.BROKEN)
    yield from least("data.held_out", data.held_out, 0)
    if s.dataset == "folder":
        yield from _incomplete(s)
    elif data.folder or data.test_folder:
        place = "folder" if data.folder else "test_folder"
        yield (
            f"config.data.{place}={data.folder or data.test_folder!r}: add --config.dataset=folder"
        )


def _incomplete(s: "Settings") -> Iterator[str]:
    data = s.data
    if not data.folder:
        yield (
            "config.data.folder='': dataset 'folder' needs it: the folder that holds your pictures"
        )
    if not data.size:
        yield (
            "config.data.size=0: dataset 'folder' needs it: pictures are brought to so many"
            " pixels a side"
        )
    if not data.classes and not data.test_folder:
        yield (
            "config.data.classes='': how many classes has the teacher? Name them, their number, or"
            " a file with one"
            " name a line"
        )
    if s.teacher.kind == "flax":
        yield (
            "config.teacher.kind='flax': a local teacher is trained on labeled images, and a"
            " folder has none; choose"
            " python, onnx, oip, tfserving or json"
        )
