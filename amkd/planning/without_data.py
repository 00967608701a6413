"""What can be checked of a run whose images are missing: its teacher and its folders."""

from pathlib import Path

import numpy as np

from amkd.config.data import is_of_files
from amkd.config.settings import Settings
from amkd.core.stopping import StopSignal
from amkd.data import folder, own_images, remote
from amkd.data.dataset import DataSet
from amkd.planning.problems import Problems
from amkd.teachers import loading


def add_problems(settings: Settings, problems: Problems, stop: StopSignal) -> None:
    """Adds the problems that do not concern the images."""
    names = problems.attempt(lambda: own_images.parse_class_names(settings.data.classes)) or ()
    plan = settings.data
    if settings.dataset == "folder" and plan.folder and not remote.is_remote(plan.folder):
        problems.attempt(lambda: folder.list_images(Path(plan.folder).expanduser()))
    if settings.dataset == "folder" and settings.data.test_folder:
        found = problems.attempt(lambda: _test_images(settings, names))
        names = names or (found.classes if found else ())
    standing_in = _data(settings, names)
    if settings.teacher.kind != "flax" and standing_in is not None:
        problems.attempt(lambda: loading.load(settings, standing_in, stop))


def _test_images(settings: Settings, names: tuple[str, ...]) -> folder.FolderImages:
    plan = settings.data
    cache, field = Path(settings.cache_dir).expanduser(), "config.data.test_folder"
    return folder.load(
        remote.local_folder(plan.test_folder, cache, field),
        own_images.decode_options(plan),
        cache,
        labelled=True,
        classes=names,
        drop_duplicates=False,
        field=field,
    )


def _data(settings: Settings, names: tuple[str, ...]) -> DataSet | None:
    """Returns no images, of the shape and classes that the teacher will see; None if not known."""
    if is_of_files(settings.dataset) and names and settings.data.size:
        none = np.empty((0, *own_images.decode_options(settings.data).shape), np.uint8)
        return own_images.unlabeled(settings.dataset, none, names, key="")
    # Loading a function does not look at the images, nor does loading a file that is missing.
    file = Path(settings.teacher.onnx.path).expanduser()
    if settings.teacher.kind == "python" or (
        settings.teacher.kind == "onnx" and not file.is_file()
    ):
        return own_images.unlabeled("", np.empty((0, 1, 1, 1), np.uint8), ("0", "1"), key="")
    return None
