"""What can be checked of a run whose images are missing: its teacher, its cost, its folders."""

import dataclasses
from pathlib import Path

import numpy as np

from amkd.config.data import is_of_files
from amkd.config.settings import Settings
from amkd.core.stopping import StopSignal
from amkd.data import folder, own_images, remote
from amkd.data.dataset import DataSet
from amkd.methods import find
from amkd.planning.cost import Cost, Held, check_cost
from amkd.planning.problems import Problems
from amkd.run import workdir as workdirs
from amkd.run.facts import facts_of_run
from amkd.teachers import loading
from amkd.validation import real_images
from amkd.validation.budget import ignores_rounds


def add_problems(
    settings: Settings, workdir: Path | None, problems: Problems, stop: StopSignal
) -> None:
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
    held = workdirs.ledger_path(settings, workdir or Path()).exists()  # it may hold answers
    if not held and not problems.of_budget:
        problems.attempt(lambda: check_cost(settings, _least_cost(settings)))


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


def _least_cost(settings: Settings) -> Cost:
    """Returns the cost of the queries alone, without evaluation images."""
    method = find(settings.method)
    if not settings.n_real and method.selector.takes_images:  # as many as there are
        settings = dataclasses.replace(settings, method="real_only", n_real=2)
    elif not settings.n_real and ignores_rounds(method):  # their number is not known
        settings = dataclasses.replace(settings, n_real=2)
    # All others spend the budget, with as many images as there may be.
    settings = real_images.with_real_count(settings, settings.budget)
    facts = facts_of_run(settings, drawable=settings.n_real, labelled=True)
    return Cost(
        total=facts.first_count + sum(facts.ks),
        evaluation_queries=0,
        both=0,
        held=Held(),
        price=0.0 if facts.from_labels else settings.teacher.price,
        currency=settings.teacher.currency,
    )
