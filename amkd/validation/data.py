"""Rules on the images: a folder of pictures, and what the student is evaluated on."""

from collections.abc import Iterator

from amkd.config.settings import Settings
from amkd.methods.base import Method


def reasons(s: Settings, method: Method | None) -> Iterator[str]:
    """Yields what cannot work in the ``data`` group."""
    data = s.data
    yield from _evaluation(s, method)
    if s.dataset == "folder":
        yield from _incomplete(s)
    elif data.folder or data.test_folder:
        place = "folder" if data.folder else "test_folder"
        yield (
            f"config.data.{place}={data.folder or data.test_folder!r}: add --config.dataset=folder"
        )


def _evaluation(s: Settings, method: Method | None) -> Iterator[str]:
    if s.data.judge != "train" or method is None:
        return
    if s.dataset == "folder":
        yield (
            "config.data.judge='train': data.held_out of a folder's pictures judge the student;"
            " use 'test'"
        )
    elif method.uses_labels(s) or s.teacher.evaluate == "no":
        yield (
            "config.data.judge='train': only the teacher's answers judge there, and this run"
            " does not ask for them"
        )


def _incomplete(s: Settings) -> Iterator[str]:
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
