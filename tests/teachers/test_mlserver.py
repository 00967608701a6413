"""The Open Inference Protocol against a real MLServer that serves a trained classifier."""

import concurrent.futures
import contextlib
import importlib.util

import numpy as np
import pytest

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.run import experiment
from amkd.teachers import Refused, Unanswered
from amkd.teachers.http import oip
from amkd.teachers.http.connection import Connection
from amkd.teachers.image_spec import ImageSpec
from tests.support import http_services, model_server, small

if importlib.util.find_spec("mlserver") is None:
    pytest.skip("mlserver is not installed: pip install -e '.[test]'", allow_module_level=True)

AUTO = Pixels(layout="auto", dtype="auto")
IMAGES, LABELS = model_server.digits()
WEIGHTS = model_server.train()
EXPECTED = model_server.predict(*WEIGHTS, IMAGES)


@pytest.fixture(scope="session")
def url(tmp_path_factory):
    with model_server.serving(tmp_path_factory.mktemp("mlserver"), *WEIGHTS) as found:
        yield found


@contextlib.contextmanager
def asking(url, *, pixels=AUTO, shape=(8, 8, 1), classes=10, batch=64, hard_labels=False, **fields):
    teacher = oip.load(
        http_services.oip_settings(**{"output": "scores", **fields}),
        connection=Connection(url, in_flight=4),
        pixels=pixels,
        images=ImageSpec(shape, classes),
        hard_labels=hard_labels,
        batch=batch,
    )
    try:
        yield teacher
    finally:
        teacher.ask.close()


@pytest.mark.parametrize("count", [1, 3, 64])
def test_scores_are_the_model_s(url, count):
    with asking(url) as teacher:
        np.testing.assert_allclose(teacher.ask(IMAGES[:count]), EXPECTED[:count], atol=1e-6)
        assert teacher.identity == f"oip:{url.removeprefix('http://')}/digits:v1.0"


def test_it_is_right_about_digits(url):
    with asking(url) as teacher:
        found = np.concatenate(
            [teacher.ask(IMAGES[start : start + 256]) for start in range(0, len(IMAGES), 256)]
        )
    assert (found.argmax(-1) == LABELS).mean() > 0.9
    np.testing.assert_allclose(found, EXPECTED, atol=1e-6)


def test_labels(url):
    with asking(url, output="label", hard_labels=True, version=model_server.VERSION) as teacher:
        found = teacher.ask(IMAGES[:50])
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, EXPECTED[:50].argmax(-1))


def test_a_model_without_metadata_is_asked_by_the_settings(url):
    with asking(url, model="silent", input="images", pixels=Pixels("nhwc", "uint8")) as teacher:
        np.testing.assert_allclose(teacher.ask(IMAGES[:5]), EXPECTED[:5], atol=1e-6)
        assert teacher.identity.endswith("/silent")
    # The server converts nothing: it hands on the type that the settings name.
    with asking(url, model="silent", input="images", pixels=Pixels("nhwc", "float32")) as teacher:
        np.testing.assert_allclose(teacher.ask(IMAGES[:5]), EXPECTED[:5], atol=1e-6)
    with (
        pytest.raises(UserError, match=r"does not describe the model's inputs"),
        asking(url, model="silent"),
    ):
        pass


def test_threads_get_their_own_answers(url):
    with asking(url) as teacher, concurrent.futures.ThreadPoolExecutor(4) as pool:
        batches = [IMAGES[start : start + 16] for start in range(0, 512, 16)]
        np.testing.assert_allclose(
            np.concatenate(list(pool.map(teacher.ask, batches))), EXPECTED[:512], atol=1e-6
        )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "unknown"}, r"404 .*unknown not found"),
        ({"version": "v2.0"}, r"404"),
        ({"output": ""}, r"config\.teacher\.oip\.output is empty.* 'scores', 'label'"),
        ({"output": "label"}, r"contains int64, but scores must be floating point"),
        (
            {"shape": (28, 28, 1)},
            r"shape \[-1, 8, 8, 1\], which does not fit images of \(28, 28, 1\)",
        ),
        ({"classes": 100}, r"shape \[-1, 10\], but 100 classes"),
        (
            {"pixels": Pixels("auto", "float32")},
            r"dtype='float32', but the model's input 'images' takes uint8",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_any_image(url, fields, message):
    with pytest.raises(UserError, match=message), asking(url, **fields):
        pass


def test_this_server_takes_no_binary_tensors(url):
    """It announces no such extension, so ``auto`` keeps to JSON; who insists gets its error,
    whichever it chooses.
    """
    with asking(url, binary="auto") as teacher:
        teacher.ask(IMAGES[:1])
    with (
        asking(url, binary="yes") as teacher,
        pytest.raises((Refused, Unanswered), match=r"status (422|500)"),
    ):
        teacher.ask(IMAGES[:1])


def test_a_whole_run_distils_from_it(url, tmp_path):
    """400 paid answers of a softmax regression make a student that agrees with it."""
    config = small.configured(
        n_real=200,
        budget=400,
        rounds=1,
        cache_dir=str(tmp_path / "cache"),
        **{
            "teacher.kind": "oip",
            "teacher.http.url": url,
            "teacher.oip.model": "digits",
            "teacher.oip.output": "scores",
            "teacher.batch": 32,
            "teacher.in_flight": 4,
            "teacher.evaluate": "yes",
            "teacher.price": 0.5,
            "train.epochs": 10,
            "train.batch_size": 32,
            "search.max_pairs": 1000,
            "search.lam_count": 3,
            "report.progress": False,
            "report.tensorboard": False,
            "report.plots": False,
        },
    )
    summary = experiment.run(config, tmp_path / "run", StopSignal())
    assert summary["teacher"].startswith(f"oip:{url.removeprefix('http://')}/digits:v1.0#")
    assert (summary["queries"], summary["queries_paid"], summary["evaluation_queries"]) == (
        400,
        400,
        497,
    )
    assert (summary["cost"], summary["lost"]) == (448.5, 0)
    assert summary["teacher_accuracy"] > 0.9
    assert summary["agreement"] > 0.8
