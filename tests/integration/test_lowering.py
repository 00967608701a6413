"""What an accelerator would get of every program, without one: each is lowered for CUDA and TPU.

This shows that XLA for these platforms is given nothing that it cannot run, and nothing that was
made for a CPU. It shows nothing about speed or memory.
"""

import functools
import re
from pathlib import Path

import jax
import numpy as np
import pytest

import amkd
from amkd import models
from amkd.acquisitions import distillation_gap
from amkd.candidates import (
    coverage,
    gradients,
    herding,
    joint_information,
    loss_prediction,
    transduction,
)
from amkd.core import broadcast, devices, keys
from amkd.data import augment
from amkd.data.records import Records, mixes, real_records
from amkd.methods import active_mixup
from amkd.models import inference, prediction, uncertainty
from amkd.search import pairs
from amkd.search.selection import SelectionInputs
from amkd.synthesis import impression_views, impressions, pseudo_examples
from amkd.tasks.one_class import total_variation
from amkd.training import losses, teacher_features, training_set
from amkd.training.train import Training, train_network
from amkd.validation import from_config
from tests.support import other_backend, recipes

SHAPES = {"lenet5_half": (28, 28, 1), "alexnet_half": (16, 16, 3), "resnet18": (8, 8, 3)}
CONVOLUTIONS = {"lenet5_half": 2, "alexnet_half": 5, "resnet18": 20}
LARGEST = 800_000  # characters of StableHLO for both platforms; ResNet-18's training is the largest
CPU_ONLY = "search.device_search._score"  # accelerators have _score_first
PARTITIONING = {"Sharding", "SPMDFullToShardShape", "SPMDShardToFullShape"}  # part of XLA itself

RNG = np.random.default_rng(0)
KEY = keys.key(0, 0, keys.Purpose.INIT)
FEW = Records(*np.ones((3, 16), np.int32))
POINTS = RNG.random((12, 6), np.float32)  # features of 12 images
SHARES = np.full((12, 3), 1 / 3, np.float32)


def images(model, count=12):
    return RNG.integers(0, 256, (count, *SHAPES[model]), np.uint8)


@functools.cache
def variables_of(model):
    """Ones of the shapes of a network's variables."""
    network = models.build(model, 10, SHAPES[model])
    shapes = jax.eval_shape(lambda: inference.init(network, SHAPES[model], KEY))
    return jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), shapes)


def search(model, minimiser="grid", count=12, **fields):
    """A round's search of all pairs."""
    plan = {"minimiser": minimiser, "lam_count": 2, "evaluations": 3, "tile": 4, "chunk": 16}
    real = images(model, count)
    active_mixup.choose(
        SelectionInputs(
            images=real,
            pool=pairs.make_pair_pool(len(real), 0, 0),
            chosen=np.empty(0, np.int64),
            records=real_records(len(real)),
            k=3,
            stream=(0, 1),
            network=models.build(model, 10, SHAPES[model]),
            variables=variables_of(model),
            settings=from_config({"search": {**plan, **fields}}).search,
            progress=lambda _: None,
        )
    )


def train(model, steps=1, **fields):
    """An epoch of so many steps."""
    plan = recipes.plan(epochs=1, batch_size=16, **fields)
    count = 16 * steps
    shown = np.zeros((count, 7), np.float32) if losses.needed_of_teacher(plan) else None
    records = Records(*np.ones((3, count), np.int32))
    data = training_set.make(
        images(model),
        records,
        np.full((count, 10), 0.1, np.float32),
        capacity=count,
        teacher_features=shown,
    )
    network = models.build(model, 10, SHAPES[model])
    training = Training(network=network, recipe=plan, data=data, count=count, stream=(0, 1))
    with jax.numpy_dtype_promotion("standard"):  # of bfloat16, by linen's BatchNorm
        train_network(training, first_variables=variables_of(model))


def train_head():
    """An epoch of a last layer, on cached features."""
    network = models.build("lenet5_half", 10, SHAPES["lenet5_half"])
    variables = variables_of("lenet5_half")
    shape = (16, 2, network.feature_count(variables))
    data = training_set.make(
        images("lenet5_half")[:1],
        FEW,
        np.full((16, 10), 0.1, np.float32),
        capacity=16,
        features=np.ones(shape, np.float16),
    )
    plan = recipes.plan(epochs=1, batch_size=16, freeze="backbone", views=2, mix_share=0.5)
    whole = Training(network=network, recipe=plan, data=data, count=16, stream=(0, 1))
    train_network(whole.of_head(variables))


def predict(model):
    """All that is asked of a network but training and search."""
    network, some = models.build(model, 10, SHAPES[model]), images(model)
    variables = variables_of(model)
    prediction.predict(network, variables, some)
    prediction.predict_with_features(network, variables, some)
    if models.MODELS[model].dropout:
        prediction.predict_with_dropout(network, variables, [some], passes=3, key=KEY)


def choose():
    """Every choice among candidates."""
    coverage.k_center(POINTS, POINTS[:2], 3)
    coverage.worthy_and_diverse(POINTS[:, 0], POINTS, 1.0, 4, 3)
    gradients.badge(SHARES, POINTS, 3, KEY)
    loss_prediction.predicted_losses(POINTS, POINTS[:, 0], POINTS, 5, KEY)
    square = np.eye(POINTS.shape[-1], dtype=np.float32)
    transduction.least_variance(POINTS, square, square, np.float32(0.01), 3)
    herding.cover(POINTS, POINTS, np.arange(4, dtype=np.int32), POINTS[:4, 0], 3)
    joint_information.epig(SHARES[:, None], SHARES[:2, None])
    distillation_gap.contrasts(total_variation, SHARES, SHARES, SHARES)
    devices.each(uncertainty.entropy, SHARES)


def make_images():
    """Every image that is made: mixes, views, impressions, pseudo examples."""
    some = images("lenet5_half")
    list(mixes(some, Records(*np.array([[0], [1], [9]], np.int32))))
    views = augment.Views(crop=2, flip=True, rotate=10.0, zoom=0.1)
    augment.random_views(some, views, key=KEY, first=0)
    network = models.build("lenet5_half", 3, SHAPES["lenet5_half"])
    variables = prediction.init(network, SHAPES["lenet5_half"], KEY)
    alpha = impressions.concentrations(variables["params"]["fc3"]["kernel"], np.float32(1))
    impressions.draw_answers(np.asarray(alpha), np.arange(3), KEY)
    no_stop = {"check": lambda: None}
    impressions.make_impressions(
        network,
        variables,
        SHARES,
        shape=SHAPES["lenet5_half"],
        descent=impressions.Descent(20.0, 0.01),
        steps=1,
        key=KEY,
        **no_stop,
    )
    impression_views.show(some, [impression_views.View(turn=10.0)] * len(some), RNG)
    pair = network, variables
    ascent = pseudo_examples.Ascent("adam", 0.01)
    pseudo_examples.climb(pair, pair, some, ascent=ascent, steps=1, **no_stop)
    teacher_features.project_relations(POINTS, 4, 0)


WORK = {
    "tell other processes": lambda: broadcast._sum(np.zeros((devices.count(), 4), np.uint32)),
    "search lenet5_half": lambda: search("lenet5_half"),
    "search lenet5_half refined": lambda: search("lenet5_half", "refined"),
    "search lenet5_half, images mixed": lambda: search("lenet5_half", table_bytes=0),
    "search alexnet_half": lambda: search("alexnet_half"),
    "search resnet18": lambda: search("resnet18"),
    "train lenet5_half": lambda: train("lenet5_half", crop=2, flip=True, rotate=9.0, zoom=0.1),
    "train lenet5_half, pad_l2": lambda: train("lenet5_half", loss="pad_l2", average=0.9),
    "train lenet5_half, mixed anew": lambda: train("lenet5_half", mix_share=0.5),
    "train alexnet_half, bfloat16": lambda: train("alexnet_half", dtype="bfloat16"),
    "train resnet18": lambda: train("resnet18", optimizer="adamw"),
    "train a head": train_head,
    "predict alexnet_half": lambda: predict("alexnet_half"),
    "predict resnet18": lambda: predict("resnet18"),
    "choose": choose,
    "make images": make_images,
}


@pytest.fixture(scope="module")
def lowered():
    """The programs of all the work, by the name of the work."""
    found = {}
    for name, work in WORK.items():
        with other_backend.lowering() as programs:
            work()
        found[name] = programs
    return found


def test_every_declared_program_is_lowered(lowered):
    """A new program must get a piece of work above."""
    names = set(other_backend.declared().values()) - {CPU_ONLY}
    assert names == {program.name for programs in lowered.values() for program in programs}


def test_programs_are_declared_where_they_are_found():
    """None is hidden inside a function or an object."""
    root = Path(amkd.__file__).parent
    texts = [path.read_text() for path in root.rglob("*.py") if path.name != "compilation.py"]
    declarations = sum(len(re.findall(r"(?:@|= )(?:compiled|mapped)\(", text)) for text in texts)
    assert declarations == len(other_backend.declared())


def test_nothing_calls_back_or_is_foreign_or_double(lowered):
    for work, programs in lowered.items():
        for program in programs:
            assert program.custom_calls <= PARTITIONING, (work, program.name)
            assert not re.search(r"f64>|callback|infeed|outfeed", program.text), (
                work,
                program.name,
            )


def test_programs_are_small(lowered):
    sizes = {
        (work, program.name): len(program.text)
        for work, programs in lowered.items()
        for program in programs
    }
    assert max(sizes.values()) < LARGEST, max(sizes, key=sizes.get)


def test_many_steps_are_a_loop_of_one():
    """A dispatch of eight steps is about as large as one of a single step."""
    sizes = []
    for steps in (1, 8):
        with other_backend.lowering() as programs:
            train("lenet5_half", steps=steps, steps_per_dispatch=steps)
        (program,) = [one for one in programs if one.name == "training.train_step.train_steps"]
        sizes.append(len(program.text))
    assert sizes[1] < 1.1 * sizes[0]


@pytest.mark.parametrize("model", SHAPES)
def test_convolutions_are_xlas_own(lowered, model):
    """The stem is computed once for each image; a step has the derivatives of all but the first
    convolution's input.
    """
    of = CONVOLUTIONS[model]
    works = [work for work in lowered if re.match(f"(search|train) {model}(, bfloat16)?$", work)]
    found = {
        (program.name.partition("_score")[0], program.convolutions)
        for work in works
        for program in lowered[work]
        if program.name.startswith(("search.device_search._score", "training.train_step"))
    }
    assert found == {
        ("search.device_search.", of - 1),
        ("training.train_step.train_steps", 3 * of - 1),
    }


def test_a_cpus_own_forms_would_be_seen():
    """The same search in its CPU form has no convolution left to count."""
    with other_backend.lowering(backend="cpu") as programs:
        search("lenet5_half")
    scoring = [program for program in programs if "_score" in program.name]
    assert scoring and all(program.convolutions == 0 for program in scoring)
