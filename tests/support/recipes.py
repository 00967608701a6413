"""Recipes for tests."""

import dataclasses

from amkd.config.recipe import Recipe

PLAN = Recipe(
    epochs=10,
    min_steps=0,
    batch_size=8,
    optimizer="sgd",
    learning_rate=0.5,
    momentum=0.9,
    weight_decay=0.01,
    schedule="constant",
    drops=(0.4, 0.7, 0.9),
    drop_factor=0.1,
    warmup=0.0,
    temperature=1.0,
    crop=0,
    flip=False,
    rotate=0.0,
    zoom=0.0,
    mix_share=0.0,
    mix_beta=1.0,
    mix_as_released=False,
    average=0.0,
    loss="soft",
    pad_warmup=0.0,
    weighting="even",
    weighting_share=0.25,
    weighting_power=1.0,
    weighting_fidelity=0.5,
    dtype="float32",
    steps_per_dispatch=1,
)


def plan(**fields):
    return dataclasses.replace(PLAN, **fields)
