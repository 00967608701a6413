"""Teachers: functions of the user's, and local networks trained once."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amkd import teachers
from amkd.config.teacher import TeacherSettings
from amkd.config.teacher_answers import Form
from amkd.configs import default
from amkd.core.errors import UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.data import sources
from amkd.data.dataset import DataSet
from amkd.models.saved_network import SavedNetwork
from amkd.querying import client
from amkd.reporting import metrics
from amkd.teachers import answers, local, python
from amkd.validation import from_config

# Functions.


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a module with teachers in the current directory."""
    (tmp_path / "my_teacher.py").write_text(
        "import numpy as np\n"
        "number = 3\n"
        "def ask(images):\n    return np.full((len(images), 4), 0.25)\n"
        "def other(images):\n    return np.eye(4)[images[:, 0, 0, 0] % 4]\n"
    )
    (tmp_path / "broken_teacher.py").write_text("def ask(images)\n    return 1\n")
    (tmp_path / "failing_teacher.py").write_text("open('/nowhere/weights')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])  # the current directory is not on it
    for name in ("my_teacher", "broken_teacher", "failing_teacher"):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    return "my_teacher"


def test_a_function_is_loaded_from_the_current_directory(module: str) -> None:
    teacher = python.load(f"{module}:other", "")
    assert teacher.identity == "python:my_teacher:other"
    asked = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1)
    assert np.array_equal(teacher.ask(asked), np.eye(4)[[0, 1, 2, 3, 0, 1]])
    assert python.load(f"{module}:ask", "").ask(asked).shape == (6, 4)


def test_the_configured_identity_wins(module: str) -> None:
    assert python.load(f"{module}:ask", "our model, version 2").identity == "our model, version 2"


@pytest.mark.parametrize(
    "path",
    [
        "my_teacher:aks",
        "my_taecher:ask",
        "my_teacher",
        "my_teacher:",
        ":ask",
        "",
        "my_teacher.ask",
        "broken_teacher:ask",
        "failing_teacher:ask",
        "my_teacher:number",
    ],
)
def test_what_cannot_be_loaded_is_told_of(module: str, path: str) -> None:
    with pytest.raises(UserError) as caught:
        python.load(path, "")
    assert f"config.teacher.function={path!r}" in str(caught.value)


# Local networks.


def tiny(**more: Any) -> TeacherSettings:
    """LeNet-5, trained for a moment; enough for the digits."""
    config = default.get_config()
    config.teacher.train.update(epochs=4, batch_size=64)
    loaded = from_config(config.to_dict()).teacher
    plan = {name: more.pop(name) for name in list(more) if hasattr(loaded.train, name)}
    return dataclasses.replace(loaded, **more, train=dataclasses.replace(loaded.train, **plan))


class Bars:
    """Counts the bars opened, which is what training does, and keeps what they are told."""

    def __init__(self, stop_after: int = 0) -> None:
        self.opened: list[int] = []
        self.steps: list[int] = []
        self.stop, self.stop_after = StopSignal(), stop_after

    @contextmanager
    def __call__(self, total: int, what: str, unit: str) -> Iterator[Callable[..., None]]:
        self.opened.append(total)

        def advance(step: int, **shown: str) -> None:
            self.steps.append(step)
            if self.stop_after and sum(self.steps) >= self.stop_after:
                self.stop.requested = True

        yield advance


def load(settings_: TeacherSettings, data: DataSet, cache: Path, bars: Bars) -> teachers.Teacher:
    return local.load(settings_, data, cache_dir=cache, bar=bars, stop=bars.stop, save_seconds=1e9)


def network_of(data: DataSet, cache: Path) -> SavedNetwork:
    return local.load_or_train(
        tiny(), data, cache_dir=cache, bar=Bars(), stop=StopSignal(), save_seconds=60
    )


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return sources.load("digits", cache_dir=tmp_path_factory.mktemp("unused"))


@pytest.fixture(scope="module")
def trained(digits: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the tiny teacher in it."""
    cache = tmp_path_factory.mktemp("teachers")
    bars = Bars()
    load(tiny(), digits, cache, bars)
    assert (bars.opened, bars.steps) == ([4], [0, 1, 1, 1, 1])
    return cache


def test_a_local_teacher_is_trained_once(digits: DataSet, trained: Path) -> None:
    bars = Bars()
    first = load(tiny(), digits, trained, bars)
    second = load(tiny(), digits, trained, bars)
    assert bars.opened == []
    told = [teacher.ask(digits.test_images[:100]) for teacher in (first, second)]
    assert told[0].tobytes() == told[1].tobytes()
    assert first.identity == second.identity
    left = [path for path in (trained / "teachers").iterdir() if path.is_dir()]
    assert left == [local.place(tiny(), digits, trained)]  # and no scratch


def test_a_local_teacher_has_learned_and_answers_probabilities(
    digits: DataSet, trained: Path
) -> None:
    teacher = load(tiny(), digits, trained, Bars())
    form = Form()
    rows = answers.raw(
        teacher.ask(digits.test_images),
        images=497,
        classes=10,
        form=form,
        identity=teacher.identity,
    )
    assert not any(answers.faults(rows, form))
    assert metrics.accuracy(rows, digits.test_labels) > 0.5
    assert teacher.identity.startswith("flax:lenet5:")


def test_its_card_tells_what_it_is(digits: DataSet, trained: Path) -> None:
    saved = network_of(digits, trained)
    order = np.random.default_rng((0, 2**31 - 1, 7)).permutation(
        900
    )  # held out of the training by seed
    held_out = digits.teacher_images[order[:100]], digits.teacher_labels[order[:100]]
    assert saved.card["validation_accuracy"] == metrics.accuracy(
        saved.predict(held_out[0]), held_out[1]
    )
    assert saved.card["validation_images"] == 100
    assert (saved.card["role"], saved.card["model"], saved.card["dataset"]) == (
        "teacher",
        "lenet5",
        "digits",
    )
    assert saved.card["recipe"]["train"]["epochs"] == 4


def test_a_teacher_below_the_asked_accuracy_is_refused(digits: DataSet, trained: Path) -> None:
    with pytest.raises(
        UserError, match=r"config\.teacher\.min_accuracy.*100\.0%.*--config\.teacher\.train"
    ) as caught:
        load(tiny(min_accuracy=1.0), digits, trained, Bars())
    accuracy = network_of(digits, trained).card["validation_accuracy"]
    assert f"{accuracy:.1%}" in str(caught.value)
    assert load(tiny(min_accuracy=accuracy), digits, trained, Bars())


def test_a_teacher_at_chance_is_refused(digits: DataSet, tmp_path: Path) -> None:
    settings_ = tiny(epochs=1, learning_rate=1e-9)
    for trained_now in (1, 0):  # nor is it taken from the cache
        bars = Bars()
        with pytest.raises(
            UserError, match=r"chance is 10\.0%, config\.teacher\.min_accuracy requires 20\.0%"
        ):
            load(settings_, digits, tmp_path, bars)
        assert len(bars.opened) == trained_now


def test_training_goes_on_where_it_was_stopped(
    digits: DataSet, trained: Path, tmp_path: Path
) -> None:
    bars = Bars(stop_after=2)
    with pytest.raises(Stopped):
        load(tiny(), digits, tmp_path, bars)
    assert bars.steps == [0, 1, 1]
    assert not local.place(
        tiny(), digits, tmp_path
    ).exists()  # nothing half done is taken for a teacher
    bars = Bars()
    resumed = load(tiny(), digits, tmp_path, bars)
    assert bars.steps == [2, 1, 1]
    assert resumed.identity == load(tiny(), digits, trained, Bars()).identity  # to the last bit
    left = [path for path in (tmp_path / "teachers").iterdir() if path.is_dir()]
    assert left == [local.place(tiny(), digits, tmp_path)]


@pytest.mark.parametrize("name", ["digits", "digits:1.0.0"])
def test_training_does_not_go_on_from_another_recipes(
    digits: DataSet, tmp_path: Path, name: str
) -> None:
    named = dataclasses.replace(digits, name=name)
    with pytest.raises(Stopped):
        load(tiny(), named, tmp_path, Bars(stop_after=2))
    bars = Bars(stop_after=1)
    with pytest.raises(Stopped):
        load(tiny(seed=1), named, tmp_path, bars)
    assert bars.steps == [0, 1]
    bars = Bars(stop_after=3)
    with pytest.raises(Stopped):
        load(tiny(), named, tmp_path, bars)
    assert bars.steps == [2, 1]


OTHER_RECIPES: dict[str, Any] = {
    "model": "lenet5_half",
    "seed": 1,
    "validation": 99,
    "images": 500,
    "epochs": 5,
    "min_steps": 7,
    "batch_size": 32,
    "optimizer": "sgd",
    "learning_rate": 1e-3,
    "momentum": 0.5,
    "weight_decay": 0.0,
    "schedule": "steps",
    "drops": (0.5,),
    "drop_factor": 0.5,
    "warmup": 0.1,
    "temperature": 2.0,
    "crop": 1,
    "flip": True,
    "dtype": "bfloat16",
}
SAME_RECIPE: dict[str, Any] = {
    "min_accuracy": 0.5,
    "function": "a:b",
    "identity": "x",
    "evaluate": "no",
    "batch": 7,
}


def test_the_key_changes_with_the_recipe(digits: DataSet, tmp_path: Path) -> None:
    places = {
        local.place(tiny(**{name: value}), digits, tmp_path)
        for name, value in OTHER_RECIPES.items()
    }
    places.add(local.place(tiny(), digits, tmp_path))
    assert len(places) == len(OTHER_RECIPES) + 1


@pytest.mark.parametrize("name", SAME_RECIPE)
def test_the_key_does_not_change_with_the_rest(digits: DataSet, tmp_path: Path, name: str) -> None:
    assert local.place(tiny(**{name: SAME_RECIPE[name]}), digits, tmp_path) == local.place(
        tiny(), digits, tmp_path
    )


def test_the_key_changes_with_the_training_data_only(digits: DataSet, tmp_path: Path) -> None:
    def place(**more: Any) -> Path:
        return local.place(tiny(), dataclasses.replace(digits, **more), tmp_path)

    pixels, labels = digits.teacher_images.copy(), digits.teacher_labels.copy()
    pixels[899, 7, 7, 0] ^= 1
    labels[0] ^= 1
    other = {
        place(),
        place(name="mnist"),
        place(teacher_images=pixels),
        place(teacher_labels=labels),
        place(teacher_images=digits.teacher_images[:-1], teacher_labels=digits.teacher_labels[:-1]),
        place(teacher_images=digits.teacher_images.reshape(900, 4, 16, 1)),
    }
    assert len(other) == 6
    assert place(pool_images=digits.pool_images[:9], test_images=digits.test_images[:9]) == place()


@pytest.mark.parametrize("name", ["digits", "imagenet_v2/matched-frequency:3.0.0", "cifar10:3.0.2"])
def test_the_place_is_one_folder_below_the_cache(
    digits: DataSet, tmp_path: Path, name: str
) -> None:
    found = local.place(tiny(), dataclasses.replace(digits, name=name), tmp_path)
    assert found.parent == tmp_path / "teachers"
    assert ":" not in found.name


@pytest.mark.parametrize("harm", ["flip", "no variables", "no card", "half a card"])
def test_a_damaged_teacher_is_told_of(
    digits: DataSet, trained: Path, tmp_path: Path, harm: str
) -> None:
    source, folder = local.place(tiny(), digits, trained), local.place(tiny(), digits, tmp_path)
    shutil.copytree(source, folder)
    assert load(tiny(), digits, tmp_path, Bars())  # the copy is whole

    biggest = max(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    content = bytearray(biggest.read_bytes())
    card = folder / "meta.json"
    if harm == "flip":
        content[len(content) // 2] ^= 1
        biggest.write_bytes(content)
    elif harm == "no variables":
        shutil.rmtree(folder / "arrays")
    elif harm == "no card":
        card.unlink()
    else:
        card.write_text(card.read_text()[:100])
    bars = Bars()
    with pytest.raises(UserError) as caught:
        load(tiny(), digits, tmp_path, bars)
    assert str(folder) in str(caught.value)
    assert "delete" in str(caught.value)
    assert bars.opened == []


def test_a_local_teacher_can_be_asked_through_a_ledger(
    digits: DataSet, trained: Path, tmp_path: Path
) -> None:
    """What it says does not depend on the company in which an image is asked about."""
    from amkd import ledger

    teacher = load(tiny(), digits, trained, Bars())
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    query_client = client.QueryClient(
        teacher=teacher, ledger=book, run="run", budget=40, classes=10, batch=16
    )
    told = client.ask(
        query_client,
        digits.pool_images[:40],
        client.DISTILL,
        round_=0,
        progress=lambda answered: None,
    )
    assert told.tobytes() == teacher.ask(digits.pool_images[:40]).tobytes()
    book.close()


def test_a_module_that_ends_the_process_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaving_teacher.py").write_text("import sys\n\nsys.exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"cannot be loaded: SystemExit: 0 .*leaving_teacher.py"):
        python.load("leaving_teacher:answer", "")
