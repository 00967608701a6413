"""Configurations: the shipped ones load, and what cannot work is refused before it costs
anything.
"""

import ast
import dataclasses
import importlib
import re
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from ml_collections import ConfigDict

from amkd import validation
from amkd.config import settings
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.planning import report
from amkd.run import allotment, experiment
from amkd.validation import from_config

CONFIGS = (
    *("default", "digits", "mnist", "fashion_mnist", "cifar10", "folder", "http"),
    *("best.mnist", "best.fashion_mnist"),
)
DEFAULTS = Path(__file__).resolve().parents[2] / "configs" / "default.py"


def default() -> dict[str, Any]:
    found: dict[str, Any] = importlib.import_module("configs.default").get_config().to_dict()
    return found


def changed(**fields: Any) -> dict[str, Any]:
    """The defaults with other values; ``__`` stands for the dot."""
    config = default()
    for name, value in fields.items():
        *groups, leaf = name.split("__")
        group = config
        for part in groups:
            group = group[part]
        group[leaf] = value
    return config


def complaint(**fields: Any) -> str:
    with pytest.raises(UserError) as caught:
        from_config(changed(**fields))
    return str(caught.value)


# The shipped configurations.


@pytest.mark.parametrize("preset", ["", "smoke"], ids=["full", "smoke"])
@pytest.mark.parametrize("name", CONFIGS)
def test_shipped_configurations_are_valid(name: str, preset: str) -> None:
    module = importlib.import_module(f"configs.{name}")
    config = module.get_config(preset).to_dict()
    loaded = from_config(config)
    assert loaded.dataset == {"default": "digits", "http": "folder"}.get(
        name, name.removeprefix("best.")
    )
    assert sum(loaded.queries_per_round()) == loaded.budget - loaded.n_real
    assert len(loaded.queries_per_round()) == loaded.rounds
    validation.check_devices(loaded, 8)
    # Nothing is lost or altered on the way.
    flat = settings.flatten(loaded)
    assert flat["train.epochs"] == config["train"]["epochs"]
    assert flat["teacher.train.learning_rate"] == config["teacher"]["train"]["learning_rate"]
    assert flat["train.drops"] == (0.4, 0.7, 0.9)
    assert list(flat) == list(settings.field_names())
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", CONFIGS)
def test_smoke_presets_are_smaller(name: str) -> None:
    module = importlib.import_module(f"configs.{name}")
    full, smoke = (from_config(module.get_config(preset).to_dict()) for preset in ("", "smoke"))
    assert smoke.budget < full.budget
    assert smoke.dataset == full.dataset
    assert smoke.student == full.student


@pytest.mark.parametrize("name", CONFIGS)
def test_an_unknown_preset_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="'smok' does not exist; there is: smoke"):
        importlib.import_module(f"configs.{name}").get_config("smok")


def test_every_field_is_explained_on_the_line_above_it() -> None:
    source = DEFAULTS.read_text()
    lines = source.splitlines()
    found: dict[str, list[tuple[str, int]]] = {}
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef):
            assigned = [node for node in function.body if isinstance(node, ast.Assign)]
            pairs = [(ast.unparse(node.targets[0]), node) for node in assigned]
            groups = {name for name, node in pairs if ast.unparse(node.value) == "ConfigDict()"}
            found[function.name] = [
                (name, node.lineno) for name, node in pairs if name not in groups
            ]
    names = []
    for function_name, fields in found.items():
        for name, number in fields:
            above = lines[number - 2].strip()
            assert re.match(r"# \S.{5,}", above), (
                f"{function_name}: {name} (line {number}) has no comment above it"
            )
            names.append(name.removeprefix("config."))
    recipe = [name.removeprefix("config.") for name, _ in found["recipe"]]
    for group in ("train", "teacher.train"):
        names += [f"{group}.{name}" for name in recipe]
        names.remove(group)
    assert sorted(set(names) - set(recipe)) == sorted(settings.field_names())


def test_no_field_is_hidden_by_a_method_of_its_group() -> None:
    """The command line reads fields as attributes, and there is ``ConfigDict.items``."""
    assert [
        name
        for name in settings.field_names()
        if any(hasattr(ConfigDict, part) for part in name.split("."))
    ] == []


# What cannot work.

IMPOSSIBLE = {
    "one real image": ({"n_real": 1}, "config.n_real=1"),
    "budget below n_real": ({"budget": 199}, "config.budget=199", "n_real=200"),
    "budget of n_real": ({"budget": 200}, "budget"),
    "negative budget": ({"budget": -5}, "config.budget=-5"),
    "more than the pool": ({"n_real": 10, "budget": 56, "rounds": 1}, "config.budget=56", "45"),
    "more than max_pairs": ({"search__max_pairs": 799}, "config.budget=1000", "799"),
    "lam_low 0": ({"search__lam_low": 0.0}, "config.search.lam_low=0.0"),
    "lam_high 1": ({"search__lam_high": 1.0}, "config.search.lam_high=1.0"),
    "lam_low nan": ({"search__lam_low": float("nan")}, "config.search.lam_low=nan"),
    "lam_low above lam_high": (
        {"search__lam_low": 0.8, "search__lam_high": 0.25},
        "config.search.lam_low=0.8",
        "lam_high=0.25",
    ),
    "lam_low next to 0": ({"search__lam_low": 1e-6}, "config.search.lam_low=1e-06"),
    "mixes and labels": (
        {"teacher__kind": "labels"},
        "config.method='active_mixup': labels answer real images",
    ),
    "too many variants": (
        {"search__variants": 25},
        "config.search.variants=25",
        "24 different shifts",
    ),
    "no lambda": ({"search__lam_count": 0}, "config.search.lam_count=0"),
    "minimiser": (
        {"search__minimiser": "refine"},
        "config.search.minimiser='refine'",
        "did you mean 'refined'?",
    ),
    "no evaluation": ({"search__evaluations": 0}, "config.search.evaluations=0"),
    "all of the k lowest": (
        {"search__recall": 1.0},
        "config.search.recall=1.0",
        "'refined' leaves nothing out",
    ),
    "none of the k lowest": ({"search__recall": 0.0}, "config.search.recall=0.0"),
    "no rounds": ({"rounds": 0}, "config.rounds=0"),
    "negative max_pairs": ({"search__max_pairs": -1}, "config.search.max_pairs=-1"),
    "chunk 0": ({"search__chunk": 0}, "config.search.chunk=0"),
    "negative tile": ({"search__tile": -1}, "config.search.tile=-1"),
    "negative table": ({"search__table_bytes": -1}, "config.search.table_bytes=-1"),
    "method": (
        {"method": "active_mixxup"},
        "config.method='active_mixxup'",
        "did you mean 'active_mixup'?",
    ),
    "student": ({"student": "lenet"}, "config.student='lenet'", "did you mean 'lenet5'?"),
    "teacher.kind": (
        {"teacher__kind": "flux"},
        "config.teacher.kind='flux'",
        "did you mean 'flax'?",
    ),
    "teacher.model": (
        {"teacher__model": "alexnot"},
        "config.teacher.model='alexnot'",
        "did you mean 'alexnet'?",
    ),
    "teacher.evaluate": (
        {"teacher__evaluate": "yess"},
        "config.teacher.evaluate='yess'",
        "did you mean 'yes'?",
    ),
    "nothing like it": ({"student": "42"}, "config.student='42'", "lenet5_half", "resnet18_224"),
    "python without a function": (
        {"teacher__kind": "python"},
        "config.teacher.function=''",
        "'python' needs it",
    ),
    "a function without a module": (
        {"teacher__kind": "python", "teacher__function": "answer"},
        "config.teacher.function='answer'",
        "module:function",
    ),
    "an unknown kind": (
        {"teacher__kind": "onyx"},
        "config.teacher.kind='onyx'",
        "did you mean 'onnx'?",
    ),
    "onnx without a file": ({"teacher__kind": "onnx"}, "config.teacher.onnx.path=''"),
    "oip without an address": (
        {"teacher__kind": "oip", "teacher__oip__model": "m"},
        "config.teacher.http.url=''",
    ),
    "oip without a model": (
        {"teacher__kind": "oip", "teacher__http__url": "http://h"},
        "config.teacher.oip.model=''",
    ),
    "an address for no service": (
        {"teacher__http__url": "http://h"},
        "config.teacher.http.url",
        "oip",
    ),
    "a file for no onnx": (
        {"teacher__onnx__path": "a.onnx"},
        "config.teacher.onnx.path='a.onnx'",
        "kind=onnx",
    ),
    "a limit without a price": (
        {"teacher__max_cost": 5.0},
        "config.teacher.max_cost=5.0",
        "config.teacher.price",
    ),
    "a negative price": ({"teacher__price": -1.0}, "config.teacher.price=-1.0"),
    "no request in flight": ({"teacher__in_flight": 0}, "config.teacher.in_flight=0"),
    "no attempt": ({"teacher__attempts": 0}, "config.teacher.attempts=0"),
    "a rate of infinity": (
        {"teacher__rate": float("inf")},
        "config.teacher.rate=inf",
        "0 for no limit",
    ),
    "no time to read": (
        {"teacher__http__read_timeout": 0.0},
        "config.teacher.http.read_timeout=0.0",
    ),
    "an unknown form": (
        {"teacher__answers__form": "labels"},
        "config.teacher.answers.form='labels'",
        "'label'?",
    ),
    "a temperature of 0": (
        {"teacher__answers__temperature": 0.0},
        "config.teacher.answers.temperature=0.0",
    ),
    "none of the top": ({"teacher__answers__top_k": 0}, "config.teacher.answers.top_k=0"),
    "an unknown layout": (
        {"teacher__pixels__layout": "chw"},
        "config.teacher.pixels.layout='chw'",
        "nchw",
    ),
    "pixels over 0": ({"teacher__pixels__divide": 0.0}, "config.teacher.pixels.divide=0.0"),
    "a folder of another data set": (
        {"data__folder": "p"},
        "config.data.folder='p'",
        "config.dataset=folder",
    ),
    "a folder without a name": (
        {"dataset": "folder"},
        "config.data.folder=''",
        "config.data.size=0",
    ),
    "a folder without classes": (
        {"dataset": "folder", "data__folder": "p"},
        "config.data.classes=''",
    ),
    "a folder for a local teacher": (
        {"dataset": "folder"},
        "config.teacher.kind='flax'",
        "labeled",
    ),
    "an unknown crop": ({"data__resize": "cut"}, "config.data.resize='cut'", "crop"),
    "an unknown format": ({"export__formats": "onnx,tflite"}, "config.export.formats='tflite'"),
    "negative seed": ({"seed": -1}, "config.seed=-1"),
    "negative teacher seed": ({"teacher__seed": -3}, "config.teacher.seed=-3"),
    "accuracy in percent": ({"teacher__min_accuracy": 95.0}, "config.teacher.min_accuracy=95.0"),
    "negative accuracy": ({"teacher__min_accuracy": -0.5}, "config.teacher.min_accuracy=-0.5"),
    "teacher.batch 0": ({"teacher__batch": 0}, "config.teacher.batch=0"),
    "validation 0": ({"teacher__validation": 0}, "config.teacher.validation=0"),
    "negative images": ({"teacher__images": -1}, "config.teacher.images=-1"),
    "negative size": ({"data__size": -28}, "config.data.size=-28"),
    "negative test images": ({"data__test_images": -1}, "config.data.test_images=-1"),
    "negative seconds": ({"checkpoint__seconds": -1.0}, "config.checkpoint.seconds=-1.0"),
    "schedule in words": (
        {"search__schedule": "evenly"},
        "config.search.schedule='evenly'",
        "'equal'",
        "'doubling'",
    ),
    "schedule of fractions": ({"search__schedule": "1.5,2,3"}, "config.search.schedule='1.5,2,3'"),
    "schedule with a hole": ({"search__schedule": "100,,200"}, "config.search.schedule='100,,200'"),
    "empty schedule": ({"search__schedule": ""}, "config.search.schedule=''"),
    "schedule too short": (
        {"search__schedule": "100,200"},
        "config.search.schedule='100,200'",
        "rounds=3",
    ),
    "schedule too long": (
        {"search__schedule": "1,2,3,4"},
        "config.search.schedule='1,2,3,4'",
        "rounds=3",
    ),
    "schedule of nothing": (
        {"search__schedule": "0,400,400"},
        "config.search.schedule='0,400,400'",
    ),
    "negative schedule": (
        {"search__schedule": "-1,400,400"},
        "config.search.schedule='-1,400,400'",
    ),
    "schedule beyond the budget": (
        {"search__schedule": "300,300,201"},
        "300,300,201",
        "801",
        "budget=1000",
    ),
    "more rounds than mixes": ({"budget": 202}, "rounds=3"),
    "too many rounds to double": (
        {"budget": 210, "rounds": 5, "search__schedule": "doubling"},
        "'doubling'",
        "rounds",
    ),
}
IMPOSSIBLE_RECIPES = {
    "epochs": 0,
    "min_steps": -1,
    "batch_size": 0,
    "optimizer": "adam",
    "learning_rate": 0.0,
    "momentum": 1.0,
    "weight_decay": -1e-4,
    "schedule": "step",
    "drops": (0.7, 0.4),
    "drop_factor": 0.0,
    "warmup": 1.0,
    "temperature": 0.0,
    "pad_warmup": 1.0,
    "mix_share": 1.5,
    "mix_beta": 0.0,
    "mix_as_released": True,
    "weighting": "hard",
    "weighting_share": 1.0,
    "weighting_power": 0.0,
    "weighting_fidelity": 1.5,
    "crop": -1,
    "dtype": "float16",
    "steps_per_dispatch": -1,
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_values_are_named(case: str) -> None:
    fields, *expected = IMPOSSIBLE[case]
    message = complaint(**fields)
    for part in expected:
        assert part in message


@pytest.mark.parametrize("group", ["train", "teacher.train"])
@pytest.mark.parametrize("name", IMPOSSIBLE_RECIPES)
def test_impossible_recipes_are_named(group: str, name: str) -> None:
    value = IMPOSSIBLE_RECIPES[name]
    message = complaint(**{f"{group}.{name}".replace(".", "__"): value})
    assert f"config.{group}.{name}={value!r}" in message
    assert len(message.splitlines()) == 2  # that, and nothing else


@pytest.mark.parametrize(
    ("group", "fields"),
    [
        ("teacher.train", {}),
        ("train", {"method": "supervised_real"}),
        ("train", {"teacher__kind": "labels"}),
    ],
)
def test_true_labels_are_no_answers(group: str, fields: dict[str, str]) -> None:
    prefix = group.replace(".", "__")
    message = complaint(**{f"{prefix}__weighting": "fidelity"}, **fields)
    assert f"config.{group}.weighting='fidelity'" in message and "true labels have none" in message
    message = complaint(**{f"{prefix}__loss": "pad_kl"}, **fields)
    assert f"config.{group}.loss='pad_kl': is for a teacher's answers" in message


def test_features_are_for_a_teacher_that_shows_them() -> None:
    message = complaint(train__loss="pad_l2", teacher__kind="python", teacher__function="a:b")
    assert (
        "config.train.loss='pad_l2': learns from the features of the teacher's network" in message
    )
    assert (
        "config.teacher.kind='python' is a black box; only teacher.kind=flax shows them" in message
    )
    assert "Answers are enough for soft, standardised, pad_kl" in message
    assert "is for a teacher's answers" in complaint(train__loss="pad_l2", teacher__kind="labels")
    assert from_config(changed(train__loss="pad_l2")).train.shows == "features"


def test_views_of_an_image_are_compared_where_all_are_asked_about() -> None:
    whole = {"train__loss": "sskd", "method": "sskd", "n_real": 30, "budget": 120}
    assert from_config(changed(**whole)).train.together == 4
    told = {
        "method": (
            "random_mixup",
            "config.method='random_mixup': loss 'sskd' compares 4 views of each image",
        ),
        "budget": (
            119,
            "config.budget=119: loss 'sskd' compares 4 views of each of n_real=30 images; set"
            " --config.budget=120",
        ),
        "train__batch_size": (
            6,
            "batch_size=6: must be a multiple of the 4 views of an image, and hold two images or",
        ),
        "train__mix_share": (
            0.5,
            "config.train.mix_share=0.5: loss 'sskd' compares images as they are; set it to 0",
        ),
        "train__weighting": (
            "softmax",
            "config.train.weighting='softmax': loss 'sskd' finds weights itself",
        ),
    }
    for name, (value, reason) in told.items():
        assert reason in complaint(**{**whole, name: value})
    assert "batch_size=4: must be" in complaint(
        **whole, train__batch_size=4
    )  # nothing to compare an image with
    black = complaint(**whole, teacher__kind="python", teacher__function="a:b")
    assert "config.train.loss='sskd': learns from the features of the teacher's network" in black


def test_weights_are_found_once() -> None:
    message = complaint(train__loss="pad_kl", train__weighting="softmax")
    assert "config.train.weighting='softmax': loss 'pad_kl' finds weights itself" in message


@pytest.mark.parametrize("drops", [(0.0, 0.5), (0.5, 1.0), (0.4, 0.3), (float("nan"),)])
def test_impossible_drops_are_named(drops: tuple[float, ...]) -> None:
    assert f"config.train.drops={drops!r}" in complaint(train__drops=drops)


@pytest.mark.parametrize("name", ["optimizer", "schedule", "dtype"])
def test_near_misses_in_recipes_are_hinted_at(name: str) -> None:
    value, meant = {
        "optimizer": ("adam", "adamw"),
        "schedule": ("cosin", "cosine"),
        "dtype": ("float16", "float32"),
    }[name]
    message = complaint(**{f"train__{name}": value})
    assert meant in message
    assert "did you mean" in message


@pytest.mark.parametrize(
    ("name", "value"), [("learning_rate", float("inf")), ("temperature", float("nan"))]
)
def test_infinite_rates_are_named(name: str, value: float) -> None:
    assert f"config.train.{name}={value!r}" in complaint(**{f"train__{name}": value})


WRONG_TYPES = {
    "string for int": ("n_real", "200"),
    "float for int": ("budget", 1000.0),
    "true for int": ("seed", True),
    "none for int": ("rounds", None),
    "string for float": ("search.lam_low", "0.3"),
    "true for float": ("train.learning_rate", True),
    "int for bool": ("warm_start", 1),
    "string for bool": ("report.plots", "yes"),
    "int for string": ("method", 3),
    "number for tuple": ("train.drops", 0.5),
    "letters in tuple": ("train.drops", ("a", "b")),
    "none in tuple": ("train.drops", (None,)),
    "string for tuple": ("train.drops", "0.4,0.7"),
    "int for group": ("search", 3),
    "none for group": ("teacher.train", None),
}


@pytest.mark.parametrize("case", WRONG_TYPES)
def test_wrong_types_are_named(case: str) -> None:
    name, value = WRONG_TYPES[case]
    assert f"config.{name}={value!r}" in complaint(**{name.replace(".", "__"): value})


def test_whole_numbers_serve_as_floats() -> None:
    loaded = from_config(changed(train__learning_rate=1, checkpoint__seconds=0, train__drops=[0.5]))
    assert (loaded.train.learning_rate, loaded.checkpoint.seconds, loaded.train.drops) == (
        1.0,
        0.0,
        (0.5,),
    )
    assert isinstance(loaded.train.learning_rate, float)


def test_the_edges_of_the_possible_are_possible() -> None:
    loaded = from_config(
        changed(
            n_real=2,
            budget=3,
            rounds=1,
            seed=0,
            search__lam_low=0.5,
            search__lam_high=0.5,
            search__lam_count=1,
            train__epochs=1,
            train__momentum=0.0,
            train__drops=(),
            train__drop_factor=1.0,
            teacher__min_accuracy=1.0,
            checkpoint__seconds=0.0,
        )
    )
    assert loaded.queries_per_round() == [1]


def test_all_problems_are_told_at_once() -> None:
    message = complaint(
        rounds=0, method="x", search__lam_count=0, train__momentum=2.0, teacher__train__dtype="int8"
    )
    for name in (
        "rounds=0",
        "method='x'",
        "search.lam_count=0",
        "train.momentum=2.0",
        "teacher.train.dtype='int8'",
    ):
        assert f"config.{name}" in message
    assert len(message.splitlines()) == 6


def test_all_wrong_types_and_names_are_told_at_once() -> None:
    config = changed(seed="x", train__epochs="y")
    config["n_rael"] = 5
    del config["teacher"]["batch"]
    with pytest.raises(UserError) as caught:
        from_config(config)
    for part in (
        "config.seed='x'",
        "config.train.epochs='y'",
        "config.n_rael",
        "config.teacher.batch: missing",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("n_rael", "n_real"),
        ("buget", "budget"),
        ("search.lam_lo", "search.lam_low"),
        ("serach.lam_low", "search.lam_low"),
        ("lam_count", "search.lam_count"),
        ("train.learnig_rate", "train.learning_rate"),
        ("teacher.train.epoch", "teacher.train.epochs"),
        ("teacher.modle", "teacher.model"),
    ],
)
def test_misspelt_fields_suggest_the_right_one(wrong: str, right: str) -> None:
    assert (
        settings.unknown_field(wrong)
        == f"config.{wrong}: there is no such field; did you mean config.{right}?"
    )
    config = default()
    *groups, leaf = wrong.split(".")
    group = config
    for part in groups:
        group = group.setdefault(part, {})
    group[leaf] = 1
    with pytest.raises(UserError, match="there is no such field"):
        from_config(config)


def test_fields_like_no_other_point_to_the_list() -> None:
    assert "--help" in settings.unknown_field("zzz")


# What depends on the machine and on the data.


@pytest.mark.parametrize("group", ["train", "teacher.train"])
def test_batches_must_split_evenly_over_devices(group: str) -> None:
    loaded = from_config(changed(**{f"{group}.batch_size".replace(".", "__"): 36}))
    validation.check_devices(loaded, 4)
    with pytest.raises(UserError, match=rf"config\.{group}\.batch_size=36.* 8 devices"):
        validation.check_devices(loaded, 8)


def some_data(pool: int, labeled: int, test: int = 5) -> DataSet:
    pictures, labels = (
        np.zeros((max(pool, labeled, test), 2, 2, 1), np.uint8),
        np.zeros(max(labeled, test), np.int32),
    )
    return DataSet(
        "digits",
        10,
        pictures[:labeled],
        labels[:labeled],
        pictures[:pool],
        pictures[:test],
        labels[:test],
    )


def test_the_data_must_be_enough() -> None:
    loaded = from_config(changed(teacher__images=300))
    validation.check_data(loaded, some_data(200, 400))
    with pytest.raises(UserError, match=r"config\.n_real=200.*digits.* 199 .*--config\.n_real=199"):
        validation.check_data(loaded, some_data(199, 400))
    with pytest.raises(UserError, match=r"config\.teacher\.validation=100 .*images=300.* 399 "):
        validation.check_data(loaded, some_data(200, 399))
    # A teacher that is somebody else's needs no labels.
    asked = from_config(changed(teacher__kind="python", teacher__function="a:b"))
    validation.check_data(asked, some_data(200, 0))
    # Held-out images are not drawn.
    held_out = dataclasses.replace(some_data(200, 400), pool_indices=np.arange(150))
    with pytest.raises(UserError, match=r"config\.n_real=200.* 150 "):
        validation.check_data(loaded, held_out)
    top = from_config(changed(teacher__answers__form="top_k", teacher__answers__top_k=11))
    with pytest.raises(UserError, match=r"config\.teacher\.answers\.top_k=11.* 10 classes"):
        validation.check_data(top, some_data(200, 400))


def test_only_square_images_can_be_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    turned, wide = from_config(changed(method="sskd")), some_data(200, 400)
    validation.check_data(turned, wide)
    wide = dataclasses.replace(
        wide,
        pool_images=np.zeros((200, 2, 3, 1), np.uint8), teacher_images=np.zeros((400, 2, 3, 1))
    )
    with pytest.raises(
        UserError, match=r"config\.method='sskd': turns images by 90 degrees, and these are 2x3"
    ):
        validation.check_data(turned, wide)
    monkeypatch.setattr(experiment, "load_data", lambda _: wide)
    with pytest.raises(UserError, match="these are 2x3"):
        report.report(turned, None, StopSignal())


def test_evaluation_is_free_only_with_a_local_teacher() -> None:
    python = {"teacher__kind": "python", "teacher__function": "a:b"}
    for fields, evaluate, labelled, expected in (
        ({}, "auto", True, True),
        ({}, "no", True, False),
        (python, "auto", True, False),
        (python, "yes", True, True),
        (
            python,
            "auto",
            False,
            True,
        ),  # without labels there is nothing else to judge the student by
        (python, "no", False, False),
    ):
        loaded = from_config(changed(**fields, teacher__evaluate=evaluate))
        assert loaded.asks_for_evaluation(labelled) is expected


# Schedules.


def test_equal_rounds() -> None:
    assert allotment.schedule("equal", 4, 22000) == [5500] * 4
    assert allotment.schedule("equal", 3, 10) == [3, 3, 4]
    assert allotment.schedule("equal", 1, 7) == [7]


def test_doubling_rounds() -> None:
    assert allotment.schedule("doubling", 4, 800) == [100, 100, 200, 400]
    assert allotment.schedule("doubling", 1, 7) == [7]
    assert allotment.schedule("doubling", 3, 1001) == [250, 250, 501]


def test_explicit_rounds() -> None:
    assert allotment.schedule("1000,2000,4000", 3, 7000) == [1000, 2000, 4000]
    assert allotment.schedule("5, 6", 2, 11) == [5, 6]
    loaded = from_config(changed(search__schedule="100,200,500"))
    assert loaded.queries_per_round() == [100, 200, 500]


@pytest.mark.parametrize("kind", ["", "equally", "1,x", "1,,2", "2.5", "doubling,1"])
def test_malformed_schedules(kind: str) -> None:
    with pytest.raises(ValueError):
        allotment.schedule(kind, 2, 100)


@hypothesis.given(rounds=st.integers(1, 12), total=st.integers(1, 10**6))
def test_rounds_add_up_to_the_total(rounds: int, total: int) -> None:
    equal, doubling = (allotment.schedule(kind, rounds, total) for kind in ("equal", "doubling"))
    assert len(equal) == len(doubling) == rounds
    assert sum(equal) == sum(doubling) == total
    assert max(equal) - min(equal) <= 1
    for t in range(
        1, rounds
    ):  # the number selected so far doubles with every round, up to rounding
        assert sum(doubling[: t + 1]) - 2 * sum(doubling[:t]) in (0, 1)


# What a workdir may be resumed with.

FREE = (
    *(
        "cache_dir",
        "data.dir",
        "data.folder",
        "data.test_folder",
        "data.broken",
        "ledger.path",
        "search.chunk",
    ),
    *(
        "teacher.batch",
        "teacher.in_flight",
        "teacher.rate",
        "teacher.attempts",
        "teacher.first_wait",
    ),
    *(
        "teacher.longest_wait",
        "teacher.price",
        "teacher.currency",
        "teacher.max_cost",
        "teacher.oip.binary",
    ),
    *(
        "teacher.http.url",
        "teacher.http.connect_timeout",
        "teacher.http.read_timeout",
        "teacher.http.auth_header",
    ),
    *(
        "teacher.http.auth_scheme",
        "teacher.http.auth_env",
        "teacher.http.auth_file",
        "teacher.http.ca_file",
    ),
    *("teacher.labels", "teacher.onnx.path", "checkpoint.seconds"),
    *("report.progress", "report.tensorboard", "report.plots", "report.html"),
    *("export.formats", "export.license"),
)


def test_differences_name_what_matters_and_nothing_else() -> None:
    old = settings.flatten(from_config(default()))
    assert settings.differences(old, dict(old)) == []
    for name, value in old.items():
        found = settings.differences(old, {**old, name: "other"})
        assert found == ([] if name in FREE else [f"config.{name}: {value!r} -> 'other'"])
    assert set(FREE) <= old.keys()


def test_differences_of_several_fields_and_of_absent_ones() -> None:
    old = {"seed": 0, "budget": 10, "data.dir": "a", "gone": 1}
    new = {"seed": 1, "budget": 20, "data.dir": "b", "new": 2}
    assert settings.differences(old, new) == [
        "config.seed: 0 -> 1",
        "config.budget: 10 -> 20",
        "config.gone: 1 -> 'absent'",
        "config.new: 'absent' -> 2",
    ]
