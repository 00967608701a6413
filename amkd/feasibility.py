"""What makes settings impossible: every reason names the field, its value and the remedy."""

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from amkd import losses, mixing, models, pairs, recipe
from amkd.acquisitions import ACQUISITIONS
from amkd.errors import UserError
from amkd.images import pictures, resize, variants
from amkd.methods import METHODS
from amkd.recipe import Recipe
from amkd.teachers import demands

if TYPE_CHECKING:
    from amkd.images import DataSet
    from amkd.settings import Settings

MINIMISERS = ("grid", "refined", "screened")
RANDOM_LAMS = ("half", "grid")
CHOICES = ("auto", "yes", "no")
# Methods, and whether the acquisition is another than the lowest: as many candidates as are wanted are no choice.
_NO_CHOICE = (("active_mixup", True), ("pooled_mixup", True), ("pooled_mixup", False))
JUDGES = ("test", "train")
EXPORTS = ("stablehlo", "onnx")


def reasons(s: "Settings") -> Iterator[str]:
    """Every reason why these settings cannot work, as far as they can be known without the data."""

    def choice(name: str, value: str, valid: tuple[str, ...] | list[str]) -> Iterator[str]:
        if value not in valid:
            near = difflib.get_close_matches(value, valid, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            yield f"config.{name}={value!r}: must be one of {', '.join(valid)}{hint}"

    def least(name: str, value: float, low: float) -> Iterator[str]:
        if not value >= low:
            yield f"config.{name}={value!r}: must be at least {low}"

    yield from choice("method", s.method, list(METHODS))
    yield from choice("student", s.student, list(models.MODELS))
    yield from demands.reasons(s.teacher, choice, least)
    yield from choice("teacher.model", s.teacher.model, list(models.MODELS))
    yield from choice("teacher.evaluate", s.teacher.evaluate, CHOICES)
    yield from least("seed", s.seed, 0)
    yield from least("teacher.seed", s.teacher.seed, 0)
    for name, seed in (("seed", s.seed), ("teacher.seed", s.teacher.seed)):
        if seed >= 2**32:
            yield f"config.{name}={seed}: must be below 2**32"
    if not 0 <= s.teacher.min_accuracy <= 1:
        yield f"config.teacher.min_accuracy={s.teacher.min_accuracy!r}: must be a share between 0 and 1"
    yield from least("n_real", s.n_real, 2)
    yield from _impossible_making(s, least)
    yield from least("rounds", s.rounds, 1)
    yield from least("last_epochs", s.last_epochs, 0)
    yield from least("data.size", s.data.size, 0)
    yield from least("data.test_images", s.data.test_images, 0)
    yield from _impossible_judge(s, choice)
    yield from least("teacher.validation", s.teacher.validation, 1)
    yield from least("teacher.images", s.teacher.images, 0)
    yield from least("checkpoint.seconds", s.checkpoint.seconds, 0)
    yield from _impossible_folder(s, choice, least)
    for name in s.export.formats.split(","):
        yield from choice("export.formats", name, EXPORTS)
    yield from _impossible_search(s, choice, least)
    for group, plan in (("train", s.train), ("teacher.train", s.teacher.train)):
        yield from _impossible_recipe(group, plan, choice, least)


def _impossible_judge(s: "Settings", choice: Any) -> Iterator[str]:
    yield from choice("data.judge", s.data.judge, JUDGES)
    if s.data.judge != "train" or s.method not in METHODS:
        return
    if s.dataset == "folder":
        yield "config.data.judge='train': data.held_out of a folder's pictures judge the student; use 'test'"
    elif s.uses_labels or s.teacher.evaluate == "no":
        yield "config.data.judge='train': only the teacher's answers judge there, and this run does not ask for them"


def _impossible_making(s: "Settings", least: Any) -> Iterator[str]:
    plan = s.zskd
    for name, low in (("steps", 1), ("batch", 1), ("copies", 0)):
        yield from least(f"zskd.{name}", getattr(plan, name), low)
    for name in ("learning_rate", "temperature"):
        if not 0 < getattr(plan, name) < float("inf"):
            yield f"config.zskd.{name}={getattr(plan, name)!r}: must be positive"
    if not plan.betas or not all(0 < beta < float("inf") for beta in plan.betas):
        yield f"config.zskd.betas={plan.betas!r}: must be one or more positive numbers"
    if s.method not in METHODS or not METHODS[s.method].make:
        return
    if s.teacher.kind != "flax":
        yield (
            f"config.teacher.kind={s.teacher.kind!r}: method {s.method!r} makes its images from the weights and"
            " gradients of the teacher's network, and this one is a black box; only teacher.kind=flax shows them"
        )
    elif s.data.real:
        yield f"config.data.real={s.data.real!r}: method {s.method!r} draws no real images; leave it out"
    elif s.budget <= plan.copies:
        yield f"config.budget={s.budget}: must be more than zskd.copies={plan.copies}, so that an image can be made"


def _impossible_folder(s: "Settings", choice: Any, least: Any) -> Iterator[str]:
    data = s.data
    yield from choice("data.resize", data.resize, resize.WAYS)
    yield from choice("data.mode", data.mode, tuple(pictures.MODES))
    yield from choice("data.broken", data.broken, pictures.BROKEN)
    yield from least("data.held_out", data.held_out, 0)
    if s.dataset != "folder":
        if data.folder or data.test_folder:
            place = "folder" if data.folder else "test_folder"
            yield f"config.data.{place}={data.folder or data.test_folder!r}: add --config.dataset=folder"
        return
    if not data.folder:
        yield "config.data.folder='': dataset 'folder' needs it: the folder that holds your pictures"
    if not data.size:
        yield "config.data.size=0: dataset 'folder' needs it: pictures are brought to so many pixels a side"
    if not data.classes and not data.test_folder:
        yield (
            "config.data.classes='': how many classes has the teacher? Name them, their number, or a file with one"
            " name a line"
        )
    if s.teacher.kind == "flax":
        yield (
            "config.teacher.kind='flax': a local teacher is trained on labeled images, and a folder has none; choose"
            " python, onnx, oip, tfserving or json"
        )


def _impossible_search(s: "Settings", choice: Any, least: Any) -> Iterator[str]:
    search = s.search
    for name, value in (("lam_low", search.lam_low), ("lam_high", search.lam_high)):
        if not 0 < value < 1 or not 0 < round(value * mixing.ONE) < mixing.ONE:
            yield (
                f"config.search.{name}={value!r}: must lie inside (0, 1); at 0 and 1 a mix is a real"
                " image, already answered"
            )
    if search.lam_low > search.lam_high:
        yield f"config.search.lam_low={search.lam_low!r}: must not exceed lam_high={search.lam_high!r}"
    yield from choice("search.minimiser", search.minimiser, MINIMISERS)
    yield from least("search.lam_count", search.lam_count, 1)
    yield from least("search.evaluations", search.evaluations, 1)
    if not 0 < search.recall < 1:
        yield (
            f"config.search.recall={search.recall!r}: must be a share above 0 and below 1; minimiser 'refined' leaves"
            " nothing out"
        )
    for name in ("variants", "variant_crop", "max_pairs"):
        yield from least(f"search.{name}", getattr(search, name), 0)
    yield from least("search.chunk", search.chunk, 1)
    yield from least("search.tile", search.tile, 0)
    yield from least("search.table_bytes", search.table_bytes, 0)
    yield from _impossible_views("search.variant_", search.variant_rotate, search.variant_zoom)
    if search.variants > (most := variants.most(search.views)):
        yield (
            f"config.search.variants={search.variants}: an image has {most} different shifts of up to"
            f" search.variant_crop={search.variant_crop} pixels; raise that, or lower variants"
        )
    yield from choice("search.random_lam", search.random_lam, RANDOM_LAMS)
    yield from choice("search.acquisition", search.acquisition, list(ACQUISITIONS))
    yield from least("search.per_image", search.per_image, 1)
    yield from least("search.committee", search.committee, 2)
    if search.acquisition == "bald" and s.student in models.MODELS and not models.MODELS[s.student].dropout:
        with_dropout = ", ".join(name for name, entry in models.MODELS.items() if entry.dropout)
        yield (
            f"config.search.acquisition='bald': student {s.student!r} has no dropout; choose 'ensemble', or one of"
            f" {with_dropout}"
        )
    if not 1 <= search.candidates < float("inf"):
        yield f"config.search.candidates={search.candidates!r}: must be at least 1, times the mixes that are wanted"
    elif search.candidates == 1 and (s.method, search.acquisition != "lowest") in _NO_CHOICE:
        yield (
            f"config.search.acquisition={search.acquisition!r}: {s.method} has no choice among as many candidates as"
            " are wanted; set --config.search.candidates=5, or another number above 1"
        )
    if not 0 <= search.random_share < 1:
        yield (
            f"config.search.random_share={search.random_share!r}: must be a share from 0 to below 1; method"
            " 'random_mixup' takes all at random"
        )
    if s.n_real >= 2 and s.rounds >= 1 and search.variants >= 0:
        yield from _impossible_rounds(s)


def _impossible_rounds(s: "Settings") -> Iterator[str]:
    """What the rounds ask for and the budget, or the pool, cannot give."""
    search = s.search
    if s.method in METHODS and METHODS[s.method].make:  # of which n_real is no part
        return
    if s.method in METHODS and s.uses_labels and search.as_released:
        yield "config.search.as_released=True: labels are of the data set's own bytes, which it changes; leave it out"
    if s.budget < s.n_real:
        yield f"config.budget={s.budget}: must be at least n_real={s.n_real}, whose queries it includes"
        return
    if s.method not in METHODS or METHODS[s.method].choose is None:
        return
    if s.uses_labels and METHODS[s.method].mixes:
        yield f"config.method={s.method!r}: labels answer real images, and no mixes; choose real_only"
    try:
        ks = s.queries_per_round()
    except ValueError:
        yield (
            f"config.search.schedule={search.schedule!r}: must be 'equal', 'doubling' or numbers such as"
            " '1000,2000,4000'"
        )
        return
    if len(ks) != s.rounds or min(ks) < 1:
        yield (
            f"config.search.schedule={search.schedule!r} makes rounds of {ks} images: there must be"
            f" rounds={s.rounds} of them, each of 1 or more; change rounds, budget or schedule"
        )
    elif sum(ks) > s.budget - s.n_real:
        yield (
            f"config.search.schedule={search.schedule!r} selects {sum(ks)} images, and budget={s.budget} less"
            f" n_real={s.n_real} leaves {s.budget - s.n_real}"
        )
    if not METHODS[s.method].mixes:
        if search.variants:
            yield f"config.search.variants={search.variants}: {s.method} mixes nothing; set it to 0"
        return
    whole = pairs.count(s.mixed_images(s.n_real))
    size = min(whole, search.max_pairs or whole)
    if sum(ks) > size:
        yield (
            f"config.budget={s.budget}: {sum(ks)} pairs are to be chosen, and the pool has {size}; lower"
            " the budget, or raise n_real or search.max_pairs"
        )


def _impossible_recipe(group: str, plan: Recipe, choice: Any, least: Any) -> Iterator[str]:
    yield from choice(f"{group}.optimizer", plan.optimizer, recipe.OPTIMIZERS)
    yield from choice(f"{group}.schedule", plan.schedule, recipe.SCHEDULES)
    yield from choice(f"{group}.dtype", plan.dtype, recipe.DTYPES)
    yield from choice(f"{group}.loss", plan.loss, list(losses.LOSSES))
    if plan.loss == "standardised" and plan.temperature != 1:
        yield f"config.{group}.temperature={plan.temperature}: loss 'standardised' has none; set it to 1"
    if not 0 <= plan.mix_share <= 1:
        yield f"config.{group}.mix_share={plan.mix_share!r}: must be a share between 0 and 1"
    yield from least(f"{group}.epochs", plan.epochs, 1)
    yield from least(f"{group}.min_steps", plan.min_steps, 0)
    yield from least(f"{group}.batch_size", plan.batch_size, 1)
    yield from least(f"{group}.weight_decay", plan.weight_decay, 0)
    yield from least(f"{group}.crop", plan.crop, 0)
    yield from _impossible_views(f"{group}.", plan.rotate, plan.zoom)
    yield from least(f"{group}.steps_per_dispatch", plan.steps_per_dispatch, 0)
    for name in ("learning_rate", "temperature", "mix_beta"):
        value = getattr(plan, name)
        if not 0 < value < float("inf"):
            yield f"config.{group}.{name}={value!r}: must be positive"
    for name in ("momentum", "warmup", "average"):
        value = getattr(plan, name)
        if not 0 <= value < 1:
            yield f"config.{group}.{name}={value!r}: must be at least 0 and below 1"
    if not 0 < plan.drop_factor <= 1:
        yield f"config.{group}.drop_factor={plan.drop_factor!r}: must be above 0 and at most 1"
    if any(not 0 < drop < 1 for drop in plan.drops) or list(plan.drops) != sorted(plan.drops):
        yield f"config.{group}.drops={plan.drops!r}: must be ascending fractions of the training, inside (0, 1)"


def _impossible_views(prefix: str, rotate: float, zoom: float) -> Iterator[str]:
    if not 0 <= rotate <= 180:
        yield f"config.{prefix}rotate={rotate!r}: must be degrees, from 0 to 180"
    if not 0 <= zoom < 10:
        yield f"config.{prefix}zoom={zoom!r}: must be at least 0 and below 10; 0.25 is from 0.8 to 1.25"


def check_devices(settings: "Settings", devices: int) -> None:
    """Refuses batches that do not split evenly over the devices.

    Raises:
      UserError: names the field.
    """
    plans = {"train": settings.train}
    if settings.teacher.kind == "flax":
        plans["teacher.train"] = settings.teacher.train
    for group, plan in plans.items():
        if plan.batch_size % devices:
            raise UserError(f"config.{group}.batch_size={plan.batch_size}: must be a multiple of the {devices} devices")


def check_data(settings: "Settings", data: "DataSet") -> None:
    """Refuses what the data cannot give.

    Raises:
      UserError: names the field.
    """
    real = settings.real_images(data.pool_size)
    if real > settings.budget:
        raise UserError(
            f"config.budget={settings.budget}: {settings.method} asks about all {real} images of"
            f" {settings.dataset}; set --config.budget={real}"
        )
    if settings.n_real > data.pool_size:
        raise UserError(
            f"config.n_real={settings.n_real}: {settings.dataset} has only {data.pool_size} images to draw from; set"
            f" --config.n_real={data.pool_size} or less"
        )
    if not settings.way.mixes and settings.budget > data.pool_size:
        raise UserError(
            f"config.budget={settings.budget}: {settings.method} asks about images of {settings.dataset}, which has"
            f" {data.pool_size} to draw from; lower the budget to that"
        )
    labeled = len(data.teacher_images)
    needed = settings.teacher.validation + max(settings.teacher.images, 1)
    if settings.teacher.kind == "flax" and needed > labeled:
        raise UserError(
            f"config.teacher.validation={settings.teacher.validation} and images={settings.teacher.images}:"
            f" {settings.dataset} has only {labeled} labeled images"
        )
    if settings.teacher.answers.form == "top_k" and settings.teacher.answers.top_k > data.classes:
        raise UserError(
            f"config.teacher.answers.top_k={settings.teacher.answers.top_k}: there are only {data.classes} classes"
        )
