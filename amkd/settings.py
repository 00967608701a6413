"""A configuration, checked as a whole and frozen, before anything is loaded or paid for.

Defaults live in ``configs/default.py`` and nowhere else; this module knows which fields there
are, their types, and what makes a value impossible.
"""

import dataclasses
import difflib
import itertools
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from amkd import models, pairs, recipe
from amkd.errors import UserError
from amkd.recipe import Recipe

METHODS = ("active_mixup", "random_mixup")
TEACHER_KINDS = ("flax", "python")
CHOICES = ("auto", "yes", "no")

# Fields that change neither the result nor what is paid: a workdir may be resumed with others.
FREE = ("cache_dir", "data.dir", "ledger.path", "search.chunk", "teacher.batch", "checkpoint.", "report.")


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """The ``data.*`` group."""

    dir: str
    size: int
    test_images: int


@dataclasses.dataclass(frozen=True)
class TeacherSettings:
    """The ``teacher.*`` group."""

    kind: str
    model: str
    seed: int
    validation: int
    images: int
    min_accuracy: float
    function: str
    identity: str
    evaluate: str
    batch: int
    train: Recipe

    def recipe_key(self) -> dict[str, Any]:
        """What the weights of a local teacher follow from, besides the data."""
        kept = ("model", "seed", "validation", "images", "train")
        return {name: value for name, value in dataclasses.asdict(self).items() if name in kept}


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """The ``search.*`` group."""

    lam_low: float
    lam_high: float
    lam_count: int
    max_pairs: int
    schedule: str
    chunk: int
    tile: int
    table_bytes: int


@dataclasses.dataclass(frozen=True)
class LedgerSettings:
    """The ``ledger.*`` group."""

    path: str


@dataclasses.dataclass(frozen=True)
class CheckpointSettings:
    """The ``checkpoint.*`` group."""

    seconds: float


@dataclasses.dataclass(frozen=True)
class ReportSettings:
    """The ``report.*`` group."""

    progress: bool
    tensorboard: bool
    plots: bool


@dataclasses.dataclass(frozen=True)
class Settings:
    """A whole configuration; ``configs/default.py`` explains every field."""

    seed: int
    dataset: str
    n_real: int
    budget: int
    rounds: int
    method: str
    student: str
    warm_start: bool
    cache_dir: str
    data: DataSettings
    teacher: TeacherSettings
    search: SearchSettings
    train: Recipe
    ledger: LedgerSettings
    checkpoint: CheckpointSettings
    report: ReportSettings

    def queries_per_round(self) -> list[int]:
        """k of each round 1..rounds, by the schedule (see ``search.schedule``)."""
        return schedule(self.search.schedule, self.rounds, self.budget - self.n_real)

    def asks_for_evaluation(self) -> bool:
        """Whether the teacher is asked about test images: by default only if it costs nothing."""
        return self.teacher.evaluate == "yes" or (self.teacher.evaluate == "auto" and self.teacher.kind == "flax")


def schedule(kind: str, rounds: int, total: int) -> list[int]:
    """Images to select in each round.

    Args:
      kind: ``equal`` shares; ``doubling``: the number selected so far doubles with every round; or
        the numbers themselves, as in ``1000,2000``.
      rounds: number of rounds.
      total: images to select in all rounds together.

    Raises:
      ValueError: ``kind`` is none of these.
    """
    if kind == "equal":
        return [total * t // rounds - total * (t - 1) // rounds for t in range(1, rounds + 1)]
    if kind == "doubling":
        so_far = [0, *(max(total >> (rounds - t), 0) for t in range(1, rounds + 1))]
        return [b - a for a, b in itertools.pairwise(so_far)]
    return [int(part) for part in kind.split(",")]


def flatten(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Every field by its dotted name."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        name = prefix + field.name
        flat.update(flatten(value, name + ".") if dataclasses.is_dataclass(value) else {name: value})
    return flat


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Fields that matter and differ, as ``name: old -> new``."""
    names = [name for name in {**old, **new} if not name.startswith(FREE)]
    pairs_ = ((name, old.get(name, "absent"), new.get(name, "absent")) for name in names)
    return [f"config.{name}: {a!r} -> {b!r}" for name, a, b in pairs_ if a != b]


def from_config(config: Mapping[str, Any]) -> Settings:
    """Checks a configuration and freezes it.

    Args:
      config: nested mapping, such as a ``ConfigDict``'s ``to_dict()``.

    Raises:
      UserError: names every field at fault, its value and the remedy, all at once.
    """
    problems: list[str] = []
    settings = _build(Settings, config, "", problems)
    if not problems:
        problems = list(_impossible(settings))
    if problems:
        raise UserError("the configuration cannot work:\n" + "\n".join(f"  {line}" for line in problems))
    return settings


def unknown_field(name: str) -> str:
    """What to say of a field that does not exist, with the nearest that does."""
    known = list(field_names())
    near = difflib.get_close_matches(name, known, 1, 0.6)
    leaf = name.rpartition(".")[2]
    near = near or [full for full in known if full.rpartition(".")[2] == leaf]
    near = near or [n for n in known if difflib.SequenceMatcher(None, leaf, n.rpartition(".")[2]).ratio() > 0.75]
    hint = f"; did you mean config.{near[0]}?" if near else "; --help lists every field"
    return f"config.{name}: there is no such field{hint}"


def field_names(kind: Any = Settings, prefix: str = "") -> Iterator[str]:
    """Every field's dotted name."""
    for field in dataclasses.fields(kind):
        field_type = typing.get_type_hints(kind)[field.name]
        if dataclasses.is_dataclass(field_type):
            yield from field_names(field_type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


def _build(kind: Any, values: Mapping[str, Any], prefix: str, problems: list[str]) -> Any:
    """A settings group from a mapping; what is wrong goes to ``problems``."""
    types = typing.get_type_hints(kind)
    problems += [unknown_field(prefix + name) for name in values if name not in types]
    found = {}
    for name, wanted in types.items():
        if name not in values:
            problems.append(f"config.{prefix}{name}: missing; see configs/default.py")
        elif dataclasses.is_dataclass(wanted):
            found[name] = _build(wanted, values[name], f"{prefix}{name}.", problems)
        else:
            found[name] = _convert(values[name], wanted, f"config.{prefix}{name}", problems)
    return kind(**found) if len(found) == len(types) else None


def _convert(value: Any, wanted: Any, name: str, problems: list[str]) -> Any:
    plain = typing.get_origin(wanted) or wanted
    if plain is tuple and isinstance(value, (tuple, list)):
        return tuple(float(part) for part in value)
    if plain is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, plain) and (plain is bool) == isinstance(value, bool):
        return value
    problems.append(f"{name}={value!r}: must be a {plain.__name__}")
    return value


def _impossible(s: Settings) -> Iterator[str]:
    """Every reason why these settings cannot work, as far as they can be known without the data."""

    def choice(name: str, value: str, valid: tuple[str, ...] | list[str]) -> Iterator[str]:
        if value not in valid:
            near = difflib.get_close_matches(value, valid, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            yield f"config.{name}={value!r}: must be one of {', '.join(valid)}{hint}"

    def least(name: str, value: float, low: float) -> Iterator[str]:
        if not value >= low:
            yield f"config.{name}={value!r}: must be at least {low}"

    yield from choice("method", s.method, METHODS)
    yield from choice("student", s.student, list(models.MODELS))
    yield from choice("teacher.kind", s.teacher.kind, TEACHER_KINDS)
    yield from choice("teacher.model", s.teacher.model, list(models.MODELS))
    yield from choice("teacher.evaluate", s.teacher.evaluate, CHOICES)
    if s.teacher.kind == "python" and ":" not in s.teacher.function:
        yield f"config.teacher.function={s.teacher.function!r}: teacher.kind 'python' needs 'module:function'"
    yield from least("seed", s.seed, 0)
    yield from least("n_real", s.n_real, 2)
    yield from least("rounds", s.rounds, 1)
    yield from least("data.size", s.data.size, 0)
    yield from least("data.test_images", s.data.test_images, 0)
    yield from least("teacher.batch", s.teacher.batch, 1)
    yield from least("teacher.validation", s.teacher.validation, 1)
    yield from least("teacher.images", s.teacher.images, 0)
    yield from least("checkpoint.seconds", s.checkpoint.seconds, 0)
    yield from _impossible_search(s, least)
    for group, plan in (("train", s.train), ("teacher.train", s.teacher.train)):
        yield from _impossible_recipe(group, plan, choice, least)


def _impossible_search(s: Settings, least: Any) -> Iterator[str]:
    search = s.search
    for name, value in (("lam_low", search.lam_low), ("lam_high", search.lam_high)):
        if not 0 < value < 1:
            yield (
                f"config.search.{name}={value!r}: must lie inside (0, 1); at 0 and 1 a mix is a real"
                " image, already answered"
            )
    if search.lam_low > search.lam_high:
        yield f"config.search.lam_low={search.lam_low!r}: must not exceed lam_high={search.lam_high!r}"
    yield from least("search.lam_count", search.lam_count, 1)
    yield from least("search.max_pairs", search.max_pairs, 0)
    yield from least("search.chunk", search.chunk, 1)
    yield from least("search.tile", search.tile, 0)
    yield from least("search.table_bytes", search.table_bytes, 0)
    if s.n_real < 2 or s.rounds < 1:
        return
    if s.budget < s.n_real:
        yield f"config.budget={s.budget}: must be at least n_real={s.n_real}, whose queries it includes"
        return
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
    size = min(pairs.count(s.n_real), search.max_pairs or pairs.count(s.n_real))
    if sum(ks) > size:
        yield (
            f"config.budget={s.budget}: {sum(ks)} pairs are to be chosen, and the pool has {size}; lower"
            " the budget, or raise n_real or search.max_pairs"
        )


def _impossible_recipe(group: str, plan: Recipe, choice: Any, least: Any) -> Iterator[str]:
    yield from choice(f"{group}.optimizer", plan.optimizer, recipe.OPTIMIZERS)
    yield from choice(f"{group}.schedule", plan.schedule, recipe.SCHEDULES)
    yield from choice(f"{group}.dtype", plan.dtype, recipe.DTYPES)
    yield from least(f"{group}.epochs", plan.epochs, 1)
    yield from least(f"{group}.min_steps", plan.min_steps, 0)
    yield from least(f"{group}.batch_size", plan.batch_size, 1)
    yield from least(f"{group}.weight_decay", plan.weight_decay, 0)
    yield from least(f"{group}.crop", plan.crop, 0)
    yield from least(f"{group}.steps_per_dispatch", plan.steps_per_dispatch, 0)
    for name in ("learning_rate", "temperature"):
        value = getattr(plan, name)
        if not 0 < value < float("inf"):
            yield f"config.{group}.{name}={value!r}: must be positive"
    for name in ("momentum", "warmup"):
        value = getattr(plan, name)
        if not 0 <= value < 1:
            yield f"config.{group}.{name}={value!r}: must be at least 0 and below 1"
    if not 0 < plan.drop_factor <= 1:
        yield f"config.{group}.drop_factor={plan.drop_factor!r}: must be above 0 and at most 1"
    if any(not 0 < drop < 1 for drop in plan.drops) or list(plan.drops) != sorted(plan.drops):
        yield f"config.{group}.drops={plan.drops!r}: must be ascending fractions of the training, inside (0, 1)"


def check_devices(settings: Settings, devices: int) -> None:
    """Refuses batches that do not split evenly over the devices.

    Raises:
      UserError: names the field.
    """
    for group, plan in (("train", settings.train), ("teacher.train", settings.teacher.train)):
        if plan.batch_size % devices:
            raise UserError(f"config.{group}.batch_size={plan.batch_size}: must be a multiple of the {devices} devices")


def check_data(settings: Settings, pool: int, labeled: int) -> None:
    """Refuses what the data cannot give.

    Args:
      settings: the settings.
      pool: images that the real ones are drawn from.
      labeled: images that a local teacher can be trained on.

    Raises:
      UserError: names the field.
    """
    if settings.n_real > pool:
        raise UserError(f"config.n_real={settings.n_real}: {settings.dataset} has only {pool} images to draw from")
    needed = settings.teacher.validation + max(settings.teacher.images, 1)
    if settings.teacher.kind == "flax" and needed > labeled:
        raise UserError(
            f"config.teacher.validation={settings.teacher.validation} and images={settings.teacher.images}:"
            f" {settings.dataset} has only {labeled} labeled images"
        )
