"""Recipes that cannot work are refused."""

import pytest

from amkd.training import losses
from amkd.validation import from_config
from tests.support.configuring import changed, complaint

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
    assert f"config.{group}.weighting='fidelity'" in message
    assert "ground-truth labels have none" in message
    message = complaint(**{f"{prefix}__loss": "pad_kl"}, **fields)
    assert f"config.{group}.loss='pad_kl': needs a teacher's answers" in message


def test_features_are_for_a_teacher_that_shows_them() -> None:
    message = complaint(train__loss="pad_l2", teacher__kind="python", teacher__function="a:b")
    assert "config.train.loss='pad_l2': needs the features of the teacher's network" in message
    assert "config.teacher.kind='python' is a black box; only teacher.kind=flax provides" in message
    assert "Losses that need only answers are soft, standardised, pad_kl" in message
    assert "needs a teacher's answers" in complaint(train__loss="pad_l2", teacher__kind="labels")
    assert losses.needed_of_teacher(from_config(changed(train__loss="pad_l2")).train) == "features"


def test_views_of_an_image_are_compared_where_all_are_asked_about() -> None:
    whole = {"train__loss": "sskd", "method": "sskd", "n_real": 30, "budget": 120}
    assert losses.views_compared(from_config(changed(**whole)).train) == 4
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
            "batch_size=6: must be a multiple of the 4 views of an image, and contain at least",
        ),
        "train__mix_share": (
            0.5,
            "config.train.mix_share=0.5: loss 'sskd' compares images as they are; set it to 0",
        ),
        "train__weighting": (
            "softmax",
            "config.train.weighting='softmax': loss 'sskd' computes the weights itself",
        ),
    }
    for name, (value, reason) in told.items():
        assert reason in complaint(**{**whole, name: value})
    assert "batch_size=4: must be" in complaint(
        **whole, train__batch_size=4
    )  # nothing to compare an image with
    black = complaint(**whole, teacher__kind="python", teacher__function="a:b")
    assert "config.train.loss='sskd': needs the features of the teacher's network" in black


def test_weights_are_found_once() -> None:
    message = complaint(train__loss="pad_kl", train__weighting="softmax")
    assert "config.train.weighting='softmax': loss 'pad_kl' computes the weights itself" in message


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
