"""The run from Python: a function and an array in, a student out."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import amkd
from amkd import api, api_arguments
from amkd.core.errors import UserError
from amkd.models.saved_network import load_network
from amkd.run import experiment, inputs
from tests.support import command
from tests.support.small import digits

ROOT = Path(__file__).parent.parent
QUICK = {
    "rounds": 1,
    "n_real": 16,
    "train.epochs": 2,
    "train.batch_size": 16,
    "report.progress": False,
    "report.tensorboard": False,
    "report.plots": False,
}
IMAGES, LABELS = digits(0, 60)
OWN = """
from amkd.configs import digits

def get_config(preset=""):
    config = digits.get_config()
    config.rounds = 9 if preset == "long" else 2
    return config
"""
HELP = """
import sys
from amkd.cli.main import run
sys.argv = ["amkd", "--help"]
try:
    run()
except SystemExit as end:
    assert end.code == 0
"""


class Service:
    """A black box that notes what it is shown; from ``limit`` images on it fails."""

    def __init__(self, told=lambda odds: odds, limit=10**9):
        self.seen, self.told, self.limit = [], told, limit

    def __call__(self, images):
        if len(self.seen) + len(images) > self.limit:
            raise ConnectionError("down")
        assert images.dtype == np.uint8 and images.shape[1:] == (8, 8, 1)
        self.seen += [image.tobytes() for image in images]
        return self.told(odds_of(images))


def odds_of(images):
    """Probabilities of three classes, by the brightness of the left, the middle and the right."""
    parts = [images[:, :, part].mean((1, 2, 3)) for part in (slice(0, 3), slice(3, 5), slice(5, 8))]
    odds = np.stack(parts, -1) + 1
    return odds / odds.sum(-1, keepdims=True)


def complaint(**changes):
    """What is said of a call with other arguments; nothing may be asked or written."""
    given = {
        "images": IMAGES,
        "answer": Service(limit=0),
        "classes": 3,
        "budget": 20,
        "workdir": "/nowhere/to/be/made",
    }
    with pytest.raises(UserError) as caught:
        api.distill(**{**given, "fields": QUICK, **changes})
    return str(caught.value)


@pytest.mark.parametrize(("most", "told"), [(0, True), (1, True), (2, False), (255, False)])
def test_shares_of_white_in_the_place_of_bytes_are_warned_of(most, told, capsys):
    api_arguments.check_images("images", np.full((2, 4, 4, 1), most, np.uint8))
    warning = "warning: no value of images is above 1, so all of them are black: white is 255\n"
    assert capsys.readouterr().err == (warning if told else "")


# Runs.


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir, service = tmp_path_factory.mktemp("finished") / "run", Service()
    student = api.distill(
        IMAGES,
        service,
        ("left", "middle", "right"),
        budget=30,
        workdir=workdir,
        identity="service",
        fields=QUICK,
    )
    return workdir, service, student


def test_student_predicts_and_tells_what_it_is(finished):
    workdir, _, student = finished
    answers = student.predict(IMAGES)
    assert answers.shape == (60, 3) and answers.dtype == np.float32
    assert np.allclose(answers.sum(-1), 1, atol=1e-5)
    assert np.array_equal(load_network(workdir / "student").predict(IMAGES), answers)
    told = {
        name: student.card[name]
        for name in ("role", "classes", "class_names", "shape", "teacher", "queries")
    }
    assert told == {
        "role": "student",
        "classes": 3,
        "class_names": ["left", "middle", "right"],
        "shape": [8, 8, 1],
        "teacher": "service",
        "queries": 30,
    }


def test_without_labels_it_is_evaluated_by_agreement_on_held_out_images(finished):
    """A tenth of the 60 images; they are asked about on top of the budget, and never learnt
    from.
    """
    _, service, student = finished
    assert len(service.seen) == len(set(service.seen)) == 30 + 6
    card = student.card
    assert (card["evaluation_queries"], card["agreement_images"], card["test_accuracy"]) == (
        6,
        6,
        None,
    )
    # The evaluation images are sent first.
    held_out = np.stack(
        [np.frombuffer(seen, np.uint8).reshape(8, 8, 1) for seen in service.seen[:6]]
    )
    same = student.predict(held_out).argmax(-1) == odds_of(held_out).argmax(-1)
    assert card["agreement"] == same.mean()
    assert {image.tobytes() for image in held_out} < {image.tobytes() for image in IMAGES}


def test_the_same_call_again_asks_nothing(finished):
    workdir, _, student = finished
    names = ["left", "middle", "right"]
    again = api.distill(
        IMAGES,
        Service(limit=0),
        names,
        budget=30,
        workdir=str(workdir),
        identity="service",
        fields=dict(QUICK),
    )
    assert again.card == student.card


def test_a_teacher_is_a_function_and_its_identity(finished):
    workdir, _, student = finished
    names, teacher = ("left", "middle", "right"), amkd.Teacher("service", Service(limit=0))
    call = {"budget": 30, "workdir": workdir, "fields": QUICK}
    assert amkd.distill(IMAGES, teacher, names, **call).card == student.card
    with pytest.raises(UserError, match="identity='other': the teacher has its own, 'service'"):
        amkd.distill(IMAGES, teacher, names, identity="other", **call)


def test_a_finished_workdir_does_not_pass_for_another_run(finished):
    workdir, *_ = finished
    call = {
        "answer": Service(limit=0),
        "classes": 3,
        "budget": 30,
        "workdir": workdir,
        "identity": "service",
        "fields": QUICK,
    }
    with pytest.raises(UserError, match="started with other images"):
        api.distill(IMAGES[::-1], **call)
    with pytest.raises(UserError, match=r"config.teacher.identity: 'service' -> 'another'"):
        api.distill(IMAGES, **{**call, "identity": "another"})
    with pytest.raises(UserError, match=r"config.budget: 30 -> 31"):
        api.distill(IMAGES, **{**call, "budget": 31})


def test_an_interrupted_call_goes_on_where_it_was(tmp_path):
    fields, down, service = {**QUICK, "teacher.batch": 4}, Service(limit=12), Service()
    with pytest.raises(
        UserError, match="teacher service failed on 4 images: ConnectionError: down"
    ):
        api.distill(
            IMAGES, down, 3, budget=20, workdir=tmp_path / "run", identity="service", fields=fields
        )
    with pytest.raises(UserError, match="started with other images"):
        api.distill(
            IMAGES[::-1],
            service,
            3,
            budget=20,
            workdir=tmp_path / "run",
            identity="service",
            fields=fields,
        )
    assert 6 < len(down.seen) <= 12 and not service.seen
    api.distill(
        IMAGES, service, 3, budget=20, workdir=tmp_path / "run", identity="service", fields=fields
    )
    asked = down.seen + service.seen
    assert len(asked) == len(set(asked)) == 20 + 6


def test_a_run_does_not_go_on_with_another_ledger(tmp_path, monkeypatch):
    """A relative path is of the folder in which the run began."""
    call = {"budget": 20, "workdir": tmp_path / "run", "identity": "service"}
    fields = {**QUICK, "teacher.batch": 4, "ledger.path": "paid.sqlite"}
    down, service = Service(limit=12), Service()
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UserError, match="ConnectionError: down"):
        api.distill(IMAGES, down, 3, **call, fields=fields)
    monkeypatch.chdir(tmp_path / "there")
    with pytest.raises(UserError, match=r"ledger paid.sqlite does not contain the run .*here/paid"):
        api.distill(IMAGES, service, 3, **call, fields=fields)
    assert not service.seen and not (tmp_path / "there" / "paid.sqlite").exists()
    kept = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert kept["ledger.path"] == str(tmp_path / "here" / "paid.sqlite")
    fields["ledger.path"] = kept["ledger.path"]
    api.distill(IMAGES, service, 3, **call, fields=fields)
    asked = down.seen + service.seen
    assert len(asked) == len(set(asked)) == 20 + 6


def test_fewer_evaluation_images_are_paid_for_if_that_is_set(tmp_path):
    service = Service()
    fields = {**QUICK, "data.held_out": 12, "data.test_images": 5}
    student = api.distill(
        IMAGES, service, 3, budget=20, workdir=tmp_path / "run", identity="s", fields=fields
    )
    assert student.card["evaluation_queries"] == 5 and len(service.seen) == 25


def test_fields_of_image_files_are_refused_for_an_array():
    for name, value in (("data.size", 4), ("data.folder", "pictures"), ("data.mode", "rgb")):
        told = complaint(fields={**QUICK, name: value})
        assert told.startswith(f"config.{name}: has no effect on images that are given as an array")


def test_labels_give_the_accuracy_and_cost_no_query(tmp_path):
    service, test = Service(), (IMAGES[40:], LABELS[40:] % 3)
    student = api.distill(
        IMAGES[:40], service, 3, budget=20, workdir=tmp_path / "run", test=test, fields=QUICK
    )
    assert len(service.seen) == 20
    assert not set(service.seen) & {image.tobytes() for image in test[0]}
    assert student.card["test_accuracy"] == np.mean(student.predict(test[0]).argmax(-1) == test[1])
    assert student.card["agreement"] is None and student.card["evaluation_queries"] == 0
    assert student.card["teacher"] == "python:tests.test_api:Service"  # of an object, its class


def best_two(odds):
    return np.where(odds == odds.min(-1, keepdims=True), np.nan, odds)


@pytest.mark.parametrize(
    ("form", "told", "fields"),
    [
        ("label", lambda odds: odds.argmax(-1), {}),
        ("logits", lambda odds: 7 * np.log(odds) + 5, {"teacher.answers.temperature": 7.0}),
        ("percentages", lambda odds: np.rint(100 * odds), {}),
        ("top_k", best_two, {"teacher.answers.top_k": 2}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_form_of_answer(tmp_path, monkeypatch, form, told, fields):
    """What the student learns from is what the form means; the training itself is not of interest
    here.
    """
    learnt = []

    def read(context, state):
        state, answers = chosen(context, state)
        learnt.append((context.images, answers))
        raise InterruptedError

    chosen = experiment.rounds.query
    monkeypatch.setattr(experiment.rounds, "query", read)
    with pytest.raises(InterruptedError):
        more = {**QUICK, "teacher.answers.form": form, **fields}
        api.distill(
            IMAGES,
            Service(told),
            3,
            budget=20,
            workdir=tmp_path / "run",
            identity="service",
            fields=more,
        )
    ((real, answers),) = learnt
    odds = odds_of(real)
    expected = {
        "label": np.eye(3)[odds.argmax(-1)],
        "logits": odds,
        "percentages": np.rint(100 * odds) / np.rint(100 * odds).sum(-1, keepdims=True),
        "top_k": odds,  # what two of three leave is the third's
    }[form]
    assert np.allclose(answers, expected, rtol=0, atol=1e-6)


def test_by_default_every_image_is_a_real_one(tmp_path, monkeypatch):
    made = []
    many = np.arange(2500 * 48, dtype=np.uint32).view(np.uint8).reshape(2500, 8, 8, 3)

    def run(config, folder, stop, data, teacher):
        made.append((config, data))
        raise InterruptedError

    monkeypatch.setattr(experiment, "run", run)
    for images, test, expected in (
        (IMAGES, None, (54, 6)),
        (IMAGES, (255 - IMAGES[:3], [0, 1, 2]), (60, 0)),
        (IMAGES, (IMAGES[:3], [0, 1, 2]), (57, 0)),  # evaluation images are not drawn
        (IMAGES[:5], None, (4, 1)),
        (many, None, (2300, 200)),
    ):
        with pytest.raises(InterruptedError):
            api.distill(
                images,
                Service(limit=0),
                3,
                budget=expected[0] + 2,
                workdir=tmp_path,
                test=test,
                fields={"rounds": 1},
            )
        config, data = made[-1]
        assert config.n_real == 0
        counted = inputs.with_real_count(config, data)
        assert (counted.n_real, config.data.held_out, data.drawable_count) == (
            expected[0],
            expected[1],
            expected[0],
        )
    assert made[1][1].test_labels.dtype == np.int32


def test_with_more_images_than_the_budget_some_are_asked_about(tmp_path):
    fields = {name: value for name, value in QUICK.items() if name != "n_real"}
    service = Service(limit=26)
    student = api.distill(IMAGES, service, 3, budget=20, workdir=tmp_path / "run", fields=fields)
    assert (student.card["queries"], len({*service.seen})) == (20, 26)  # 6 are held out
    assert command.summary(tmp_path / "run")["method"] == "real_only"
    assert student.card["n_real"] == 20 and student.card["config"]["n_real"] == 0


# Mistakes.


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (IMAGES / 255, "float64[60, 8, 8, 1]"),
        (IMAGES.astype(np.int32), "int32[60, 8, 8, 1]"),
        (IMAGES[..., 0], "uint8[60, 8, 8]"),
        ([[1]], "list"),
        (5, "int"),
        (None, "NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_images_of_another_kind(images, found):
    told = complaint(images=images)
    assert (
        told == f"images must be a NumPy array uint8[M, H, W, C] of values 0..255, and is {found}"
    )
    if images is not None:
        assert complaint(test=(images, LABELS)).startswith("test images must be") and found in told


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ((IMAGES, LABELS[:59]), "one label each; it is [60, 8, 8, 1] and [59]"),
        ((IMAGES, np.eye(10)[LABELS]), "one label each; it is [60, 8, 8, 1] and [60, 10]"),
        ((IMAGES[:, :7], LABELS), "images like [8, 8, 1] and one label each; it is [60, 7, 8, 1]"),
        ((IMAGES, LABELS), "class numbers from 0 to 2"),
        ((IMAGES[:2], [0, -1]), "class numbers from 0 to 2"),
        ((IMAGES[:2], [0.0, 0.5]), "as integers"),
        ((IMAGES[:2], ["left", "right"]), "as integers"),
    ],
    ids=["too few", "one-hot", "other size", "too high", "negative", "floats", "names"],
)
def test_labels_of_another_kind(test, message):
    assert message in complaint(test=test)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"train.epoch": 3},
            "config.train.epoch: there is no such field; did you mean config.train.epochs?",
        ),
        ({"epochs": 3}, "config.epochs: there is no such field; did you mean config.train.epochs?"),
        ({"rounds": "three"}, "config.rounds='three': "),
        ({"rounds": 2.5}, "config.rounds=2.5: "),
        ({"train": 3}, "config.train is a group of fields; name one of them"),
        ({"rounds": 0}, "config.rounds=0: must be at least 1"),
        ({"teacher.answers.form": "logit"}, "did you mean 'logits'?"),
        ({"data.held_out": 59}, "config.data.held_out=59: the number of images is 60"),
        ({"n_real": 55, "budget": 60}, "config.n_real=55: memory has only 54 images"),
        (
            {"method": "supervised_real"},
            "config.method='supervised_real': needs a data set by name",
        ),
        (
            {"data.evaluate_on": "train"},
            "config.data.evaluate_on='train': needs a data set by name",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_fields_that_cannot_be(tmp_path, fields, message):
    assert message in complaint(workdir=tmp_path / "run", fields={**QUICK, **fields})
    assert not (tmp_path / "run" / "ledger.sqlite").exists()


@pytest.mark.parametrize("classes", [1, 0, ["cat"], ["cat", "cat"], ["cat", ""], "cat", [1, 2]])
def test_impossible_classes(classes):
    assert "two or more different names" in complaint(classes=classes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"classes": 10.0}, "classes=10.0: must be two or more different names, or their number"),
        ({"classes": None}, "classes=None: must be two or more different names, or their number"),
        ({"fields": ["a"]}, "fields=['a']: must be a mapping from names of fields to values"),
        ({"fields": {3: 1}}, "fields={3: 1}: must be a mapping from names of fields to values"),
        ({"workdir": None}, "workdir=None: must be the path of a folder"),
        ({"workdir": ""}, "workdir='': must be the path of a folder"),
        ({"test": (IMAGES,)}, "test must be a pair (images, labels), not tuple of 1"),
        ({"test": IMAGES}, "test must be a pair (images, labels), not ndarray"),
        ({"answer": "ans"}, "answer must be a function of images or an amkd.Teacher, not str"),
        ({"budget": 80.5}, "budget=80.5: must be a whole number"),
        ({"budget": "80"}, "budget='80': must be a whole number"),
        ({"budget": True}, "budget=True: must be a whole number"),
        ({"budget": -80}, "budget=-80: must be at least 2"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_arguments_of_another_kind(tmp_path, changes, told):
    assert complaint(**{"workdir": tmp_path / "run", **changes}).startswith(told)
    assert not (tmp_path / "run").exists()


def test_numbers_of_numpy_are_whole_numbers():
    assert api_arguments.class_names(np.int64(3)) == api_arguments.class_names(3)
    api_arguments.check_budget(np.int32(80))


@pytest.mark.parametrize("call", [amkd.run_experiment, lambda _, folder: amkd.load_student(folder)])
def test_a_folder_of_another_kind(call):
    with pytest.raises(UserError, match="=None: must be the path of a folder"):
        call(None, None)


def test_fields_of_another_kind():
    with pytest.raises(UserError, match="must be a mapping from names of fields to values"):
        amkd.load_settings("digits", ["rounds"])


# The public names.


def test_public_names_are_found_and_listed():
    assert dir(amkd) == sorted(amkd.__all__) and len(amkd.__all__) == 10
    for name in amkd.__all__:
        assert getattr(amkd, name) is not None
        assert f"``{name}``" in amkd.__doc__
    assert amkd.distill is api.distill and amkd.UserError is UserError
    with pytest.raises(AttributeError, match="has no attribute 'distil'"):
        amkd.distil  # noqa: B018


def test_the_page_of_the_api_lists_the_public_names():
    text = (ROOT / "docs/api.md").read_text()
    assert sorted(re.findall(r"^::: (\S+)$", text, re.M)) == sorted(
        f"{home}.{name}" for name, home in amkd._HOMES.items()
    )
    assert "`amkd.__version__`" in text


@pytest.mark.parametrize("code", ["import amkd", "import amkd; amkd.UserError, amkd.Stopped", HELP])
def test_import_and_help_load_no_jax(code):
    heavy = {
        "jax",
        "jaxlib",
        "flax",
        "optax",
        "orbax",
        "matplotlib",
        "scipy",
        "tensorflow_datasets",
    }
    code += "\nimport sys; print(sorted(sys.modules), file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    loaded = set(ast.literal_eval(ran.stderr.splitlines()[-1]))
    assert "amkd" in loaded and not heavy & loaded


def test_settings_of_a_shipped_configuration_and_of_a_file(tmp_path):
    found = amkd.load_settings("digits:smoke", {"rounds": 1, "train.epochs": "7"})
    assert (found.dataset, found.rounds, found.train.epochs) == ("digits", 1, 7)
    own = tmp_path / "mine.py"
    own.write_text(OWN)
    assert amkd.load_settings(f"{own}:long").rounds == 9
    assert isinstance(found, amkd.Settings)
    for config, fields, message in (
        ("digit", None, "did you mean digits?"),
        ("digits:smokey", None, "smokey"),
        ("digits", {"round": 1}, "did you mean config.rounds?"),
        ("digits", {"rounds": 0}, "config.rounds=0: must be at least 1"),
    ):
        with pytest.raises(UserError, match=re.escape(message)):
            amkd.load_settings(config, fields)


def test_an_experiment_gives_the_student_of_its_workdir(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(experiment, "run", lambda *given: made.append(given))
    monkeypatch.setattr(api, "load_network", lambda folder: folder)
    settings = amkd.load_settings("digits")
    student = tmp_path / "run" / "student"
    student.mkdir(parents=True)
    assert amkd.run_experiment(settings, str(tmp_path / "run")) == student
    assert made[0][:2] == (settings, tmp_path / "run")
    assert amkd.load_student(student) == student


def test_a_lambda_needs_an_identity(tmp_path):
    with pytest.raises(UserError, match="identity is missing: a lambda has no name"):
        api.distill(IMAGES, lambda images: images, 3, budget=40, workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
