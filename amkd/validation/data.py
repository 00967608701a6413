"""Rules on the images: a folder of image files, and what the student is evaluated on."""

from collections.abc import Iterator

from amkd.config.data import LANE_FOLDERS, is_of_files, source_of
from amkd.config.settings import Settings
from amkd.methods.base import Method


def reasons(s: Settings, method: Method | None) -> Iterator[str]:
    """Yields what cannot work in the ``data`` group."""
    yield from _evaluation(s, method)
    yield from _misplaced(s)
    yield from _width(s)
    if is_of_files(s.dataset):
        yield from _incomplete(s)


def _width(s: Settings) -> Iterator[str]:
    """Yields what is wrong with the width of the images, and of the student's."""
    if s.data.width and not is_of_files(s.dataset):
        yield (
            f"config.data.width={s.data.width}: applies to image files only, and dataset"
            f" {s.dataset!r} has none; set it to 0"
        )
    if s.student_width and not s.student_size:
        yield (
            f"config.student_width={s.student_width}: set config.student_size to the height, or"
            " student_width to 0"
        )


def _misplaced(s: Settings) -> Iterator[str]:
    """Yields the fields that belong to another kind of data set."""
    folders = ("folder", *LANE_FOLDERS)
    fields = (("folder", folders), ("test_folder", ("folder",)), ("manifest", ("manifest",)))
    for name, sources in fields:
        value = getattr(s.data, name)
        if value and source_of(s.dataset) not in sources:
            yield f"config.data.{name}={value!r}: add --config.dataset={' or '.join(sources)}"
            return


def _evaluation(s: Settings, method: Method | None) -> Iterator[str]:
    if s.data.evaluate_on != "train" or method is None:
        return
    if source_of(s.dataset) in ("folder", "manifest"):
        yield (
            "config.data.evaluate_on='train': with your own images, the student is evaluated on"
            " data.held_out of them; set it to 'test'"
        )
    elif method.uses_labels(s) or s.teacher.evaluate == "no":
        yield (
            "config.data.evaluate_on='train': this evaluation needs the teacher's answers, but this"
            " run does not query them; set it to 'test'"
        )


def _incomplete(s: Settings) -> Iterator[str]:
    data, source = s.data, source_of(s.dataset)
    if source in ("folder", *LANE_FOLDERS) and not data.folder:
        yield (
            f"config.data.folder='': dataset {source!r} needs it: the folder of your image files"
        )
    if source in LANE_FOLDERS and data.resize != "stretch":
        yield (
            f"config.data.resize={data.resize!r}: the lanes of dataset {source!r} are stretched"
            " with their images; set it to 'stretch'"
        )
    if source == "manifest" and not data.manifest:
        yield (
            "config.data.manifest='': dataset 'manifest' needs it: the table that lists your"
            " image files"
        )
    if not data.size:
        yield (
            f"config.data.size=0: dataset {s.dataset!r} needs it: all images are resized to this"
            " size; set --config.data.size=PIXELS"
        )
    if source != "folder":
        return
    if not data.classes and not data.test_folder:
        yield (
            "config.data.classes='': the teacher's classes are not known; give their names, their"
            " number, or a file with one name a line"
        )
    if s.teacher.kind == "flax":
        yield (
            "config.teacher.kind='flax': a local teacher is trained on labeled images, but a"
            " folder has none; choose python, onnx, oip, tfserving or json"
        )
