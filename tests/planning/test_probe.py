"""A probe asks about a few images, tells what their answers are, and spends nothing twice."""

import dataclasses
import re

import numpy as np
import pytest

from amkd.cli import ledger as ledger_command
from amkd.cli import modes
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.planning import probe as probes
from amkd.planning import probe_page, report
from amkd.planning.probe_lines import probe_lines
from amkd.run import importing, inputs
from amkd.teachers import loading
from tests.support import command, counting_teacher, page_checks
from tests.support.fake_service import KEY, SERVICES, fake_service
from tests.support.small import configured

STOP = StopSignal()
HERE = "tests.planning.test_probe"


@pytest.fixture
def log(tmp_path, monkeypatch):
    path = tmp_path / "asked.txt"
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(path))
    return path


def settings_of(**fields):
    return configured(**{**command.PRICED, "teacher.rate": 0.0, **fields})


def said(found):
    """The text of every line, by the words before it."""
    text = "\n".join(probe_lines(found))
    joined = re.sub(r"\n {21}", " ", text)
    return {line[:21].strip(): line[21:] for line in joined.splitlines()}


def logits(images):
    """A teacher that answers logits, and says nothing of it."""
    return np.stack([images.mean((1, 2, 3)) - 40 * digit for digit in range(10)], -1)


def wrong_shape(images):
    return np.zeros((len(images), 3))


def labels(images):
    return np.zeros(len(images), int) + 3


def test_answers_of_a_probe_are_not_used_in_another_order_of_the_classes(
    tmp_path, log, monkeypatch
):
    """It is the probe that shows a wrong order, and the user then corrects it."""
    told = importing.description_with_classes
    monkeypatch.setattr(
        importing,
        "description_with_classes",
        lambda about, settings, data: told(about, as_labels(settings), data),
    )
    probes.probe(settings_of(), tmp_path / "run", STOP)
    path = tmp_path / "run" / "ledger.sqlite"
    data = inputs.load_data(settings_of())
    teacher = loading.load(settings_of(), data, STOP)
    importing.check_classes(data, teacher, path)
    turned = dataclasses.replace(data, class_names=tuple("9876543210"))
    with pytest.raises(
        UserError, match=r"\(probe of digits, 20 images\) that were read with other"
    ):
        importing.check_classes(turned, teacher, path)


def as_labels(settings):
    """The settings, as if the teacher named its classes."""
    template = dataclasses.replace(settings.teacher.json, labels="label")
    teacher = dataclasses.replace(settings.teacher, kind="json", json=template)
    return dataclasses.replace(settings, teacher=teacher)


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_sent(tmp_path, log):
    (tmp_path / "mine.html").write_text("<html>mine</html>")
    for name, told in (
        ("mine.html", "is not an earlier page of amkd"),
        ("no/page.html", "create it first"),
        ("page.txt", "name a file that ends in .html"),
    ):
        given = {"network": None, "images": None, "stop": STOP, "workdir": tmp_path / "run"}
        wanted = modes.Command(config=settings_of(), output=tmp_path / name, **given)
        with pytest.raises(UserError, match=told):
            modes.probe(wanted)
    assert not log.exists() and (tmp_path / "mine.html").read_text() == "<html>mine</html>"


def test_a_probe_asks_so_many_images_and_the_run_does_not_ask_again(tmp_path, log):
    """One run of the command; the rest is the same from Python."""
    folder = tmp_path / "run"
    arguments = [*command.arguments(folder, **command.PRICED), "--mode=probe"]
    done = command.run(arguments, command.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    assert len(counting_teacher.asked(log)) == 20
    assert re.search(r"spent +5\.00 USD \(0\.25 an image\)", done.stdout)
    assert re.search(r"answers\.form +probabilities fits all 20 answers", done.stdout)
    assert re.search(r"rate +[\d.,]+ images a second", done.stdout)
    # 90 queries and 60 evaluation images, of which 20 are answered: 130 at .25.
    assert re.search(r"the run will send +130 more images, 32\.50 USD", done.stdout)
    page = (folder / "probe.html").read_text()
    page_checks.check(page)
    assert page.count("<figure>") == 20
    # A second probe spends nothing.
    settings = settings_of()
    again = probes.probe(settings, folder, STOP)
    assert (again.held, again.spent, again.calls) == (20, 0.0, ())
    assert len(counting_teacher.asked(log)) == 20
    assert said(again)["rate"].startswith("not measured")
    # The run that comes finds the answers, and its folder is free.
    plan = report.make_plan(settings, folder, STOP)
    assert plan.cost.held.images == 20 and plan.cost.to_send == 130
    # A larger probe asks about the further images only.
    more = probes.probe(settings_of(**{"teacher.probe_images": 25}), folder, STOP)
    assert (more.held, more.spent) == (20, 1.25)
    assert len(set(counting_teacher.asked(log))) == len(counting_teacher.asked(log)) == 25
    assert ledger_command.main(["verify", str(folder / "ledger.sqlite")]) in (0, None)


def test_answers_of_another_form_are_kept_and_the_form_is_named(tmp_path):
    settings = settings_of(**{"teacher.function": f"{HERE}:logits"})
    found = probes.probe(settings, tmp_path / "run", STOP)
    lines = said(found)
    assert found.problem is None and found.answered.all()
    assert lines["form"].startswith("logits")
    assert "probabilities does NOT fit" in lines["answers.form"]
    assert lines["answers.form"].endswith("set --config.teacher.answers.form=logits")
    fitting = settings_of(
        **{"teacher.function": f"{HERE}:logits", "teacher.answers.form": "logits"}
    )
    again = probes.probe(fitting, tmp_path / "run", STOP)
    assert again.spent == 0 and "fits all 20" in said(again)["answers.form"]


def test_labels_alone_are_told(tmp_path):
    settings = settings_of(
        **{"teacher.function": f"{HERE}:labels", "teacher.answers.form": "label"}
    )
    lines = said(probes.probe(settings, tmp_path / "run", STOP))
    assert lines["form"].startswith("a hard label only")
    assert lines["answers.form"] == "label fits all 20 answers"
    # A run refuses class numbers under another form, and the answers are in the ledger.
    other = settings_of(**{"teacher.function": f"{HERE}:labels"})
    lines = said(probes.probe(other, tmp_path / "run", STOP))
    assert lines["answers.form"].endswith("set --config.teacher.answers.form=label")
    assert lines["likeliest classes"] == "3 20"
    assert lines["never the likeliest"].startswith("9 of 10 classes: 0, 1, 2, 4")


def test_a_useless_teacher_costs_one_image(tmp_path):
    settings = settings_of(**{"teacher.function": f"{HERE}:wrong_shape"})
    found = probes.probe(settings, tmp_path / "run", STOP)
    assert isinstance(found.problem, UserError) and "(1, 3) instead of (1, 10)" in str(
        found.problem
    )
    assert found.spent == 0.25 and not found.answered.any()
    assert "no answer" in probe_page.page(found, probe_lines(found))


def test_money_is_a_hard_stop(tmp_path, log):
    found = probes.probe(settings_of(**{"teacher.max_cost": 1.1}), tmp_path / "run", STOP)
    assert found.spent == 1.0 and found.answered.sum() == 4
    assert "config.teacher.max_cost=1.1" in str(found.problem)


@pytest.mark.parametrize("kind", ["labels", "flax"])
def test_teachers_of_this_machine_are_probed_too(kind, tmp_path):
    fields = {"teacher.kind": kind, "teacher.function": "", "teacher.price": 0.0}
    quick = {
        "teacher.model": "lenet5_half",
        "teacher.train.epochs": 1,
        "teacher.min_accuracy": 0.01,
    }
    quick |= {"method": "real_only", "budget": 30}  # labels answer no mixes
    settings = settings_of(**fields, **quick, cache_dir=str(tmp_path / "cache"))
    found = probes.probe(settings, tmp_path / "run", STOP)
    assert found.problem is None and found.answered.all()
    assert said(found)["form"].split()[0] in ("a", "probabilities")
    assert said(found)["spent"].startswith("nothing")


def test_a_service_is_probed_and_its_labels_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    with fake_service(SERVICES["google_vision"]) as server:
        fields = {
            "teacher.kind": "flax",
            "teacher.function": "",
            "teacher.profile": "google_vision",
            "teacher.batch": 1,
            "teacher.json.entries": "responses",
            "teacher.http.url": f"{server.url}/v1/images:annotate",
        }
        found = probes.probe(settings_of(**fields), tmp_path / "run", STOP)
        assert len(server.asked) == 20
    lines = said(found)
    assert lines["profile"].startswith("google_vision: Google Cloud Vision")
    # The classes are digits, and the service says Bee and Cat.
    assert lines["ignored labels"].endswith("Bee, Cat, Insect")
    assert lines["without a class"].startswith("20 answers")
    assert lines["form"] == "no answer names a class"


def test_labels_of_no_class_stop_a_probe_after_one_image(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBOFLOW_API_KEY", KEY)
    with fake_service(SERVICES["roboflow"]) as server:
        fields = {
            "teacher.kind": "flax",
            "teacher.function": "",
            "teacher.profile": "roboflow",
            "teacher.batch": 1,
            "teacher.json.model": "bugs/3",
            "teacher.http.url": f"{server.url}/$model",
        }
        found = probes.probe(settings_of(**fields), tmp_path / "run", STOP)
    assert found.spent == 0.25 and len(server.asked) == 1
    assert "the labels 'bee', 'cat', 'ant', which are not classes" in said(found)["problem"]
