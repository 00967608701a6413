"""Every profile asks and reads its service as that is documented, and survives its faults."""

import json
import sys

import numpy as np
import pytest

from amkd.config.names import field_names
from amkd.config.settings import Settings
from amkd.config.teacher import TeacherSettings
from amkd.core.errors import TeacherFailed, UserError
from amkd.core.stopping import StopSignal
from amkd.ledger import Ledger
from amkd.querying import client
from amkd.querying.request_policy import RequestPolicy
from amkd.teachers import Refused, Unanswered, answers, loading
from amkd.teachers.profiles import PROFILES, applied
from amkd.validation import examine, from_config
from tests.support.configuring import changed, complaint
from tests.support.fake_service import (
    KEY,
    NAMES,
    SERVICES,
    bugs,
    fake_service,
    load,
    sent_image,
    settings_for,
)
from tests.support.http_services import closing, random_images, serve

AWS = [name for name in SERVICES if name.startswith("rekognition")]
QUICK = RequestPolicy(attempts=6, first_wait=0.001, longest_wait=0.01)


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for service in SERVICES.values():
        if service.env:
            monkeypatch.setenv(service.env, KEY)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, f"{name}-of-nobody")


@pytest.fixture(params=list(SERVICES))
def name(request):
    if request.param in AWS:
        pytest.importorskip("botocore")
    return request.param


def probabilities(name, server, rows):
    form = settings_for(name, server).teacher.answers
    raw = answers.raw(rows, images=len(rows), classes=3, form=form, identity=name)
    assert not any(answers.faults(raw, form))
    return answers.probabilities(raw, form)


def test_a_good_reply_is_read_as_probabilities(name):
    images, service = random_images(1), SERVICES[name]
    with fake_service(service) as server, closing(load(name, server)) as teacher:
        read = probabilities(name, server, teacher.ask(images))
        ((request, headers, body),) = server.asked
    np.testing.assert_allclose(read, [service.read], atol=1e-6)
    assert request == f"POST {service.path}"
    np.testing.assert_array_equal(sent_image(name, headers, body), images[0])
    if service.auth:
        header, value = service.auth
        assert headers[header] == value
    assert KEY not in teacher.identity and KEY not in body.decode(errors="replace")


def test_passing_faults_are_outlived_and_every_answer_is_paid_for_once(name, tmp_path):
    images, service = random_images(1), SERVICES[name]
    with fake_service(service, "429:0.01", "500", "truncated") as server:
        with closing(load(name, server)) as teacher:
            book = Ledger(tmp_path / "ledger.sqlite")
            book.begin_run("run", "asks", "nowhere")
            asking = client.QueryClient(
                teacher=teacher,
                ledger=book,
                run="run",
                budget=1,
                classes=3,
                batch=1,
                form=settings_for(name, server).teacher.answers,
                policy=QUICK._replace(price=1.0),
            )
            for _ in range(2):
                read = client.ask(
                    asking, images, client.DISTILL, round_=0, progress=lambda count: None
                )
                np.testing.assert_allclose(read, [service.read], atol=1e-6)
            assert len(server.asked) == 4
            # The 429 was refused; the 500 and the truncated reply may have been billed.
            assert book.spent("run") == 3.0
            book.close()


def test_labels_that_are_no_classes(name):
    with fake_service(SERVICES[name], "labels") as server:
        with closing(load(name, server)) as teacher:
            if PROFILES[name].fields.get("json.unknown") == "ignore":
                np.testing.assert_allclose(teacher.ask(random_images(1)), [[1 / 3] * 3])
                assert (
                    "Animal" in teacher.ask.ignored_labels or "Wing" in teacher.ask.ignored_labels
                )
            else:
                with pytest.raises(UserError, match="is not a class of the data set: map it"):
                    teacher.ask(random_images(1))


@pytest.mark.parametrize(
    "name, reply, error, message",
    [
        ("google_vision", "bad", UserError, "an error for an image: Bad image data"),
        ("openai_chat", "refused", UserError, "an error for an image: I cannot help"),
        ("openai_chat", "prose", Unanswered, "a text of 21 characters that is not JSON"),
        ("gemini", "blocked", UserError, "an error for an image: SAFETY"),
        ("huggingface", "401", Refused, "does not accept the credentials"),
    ],
)
def test_what_a_service_says_of_an_image_is_told(name, reply, error, message):
    with fake_service(SERVICES[name], reply) as server:
        with closing(load(name, server)) as teacher, pytest.raises(error, match=message):
            teacher.ask(random_images(1))


def test_an_image_in_which_a_service_sees_nothing_has_equal_scores():
    with fake_service(SERVICES["google_vision"], "nothing") as server:
        with closing(load("google_vision", server)) as teacher:
            np.testing.assert_allclose(teacher.ask(random_images(1)), [[1 / 3] * 3])


def test_a_chat_is_given_the_classes_and_its_confidence_is_kept():
    with fake_service(SERVICES["openai_chat"]) as server:
        with closing(load("openai_chat", server)) as teacher:
            np.testing.assert_allclose(teacher.ask(random_images(1)), [[np.nan, 0.9, np.nan]])
        request = json.loads(server.asked[0][2])
    assert request["model"] == "gpt-x-2026"
    schema = request["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["label"]["enum"] == list(NAMES)
    assert '"ant", "bee", "cat"' in request["messages"][0]["content"][0]["text"]


def test_other_classes_or_another_model_make_another_teacher():
    with fake_service(SERVICES["gemini"]) as server:
        one = load("gemini", server).identity
        assert one == load("gemini", server).identity
        assert one != load("gemini", server, teacher__json__model="gem-2").identity
    assert "/models/gem-1:generateContent#" in one


def test_google_takes_several_images_in_one_request():
    with fake_service(SERVICES["google_vision"]) as server:
        with closing(load("google_vision", server)) as teacher:
            # The fake answers one entry whatever it is asked: it is refused whole.
            with pytest.raises(Unanswered, match="1 entries for 3 images"):
                teacher.ask(random_images(3))
        assert len(json.loads(server.asked[0][2])["requests"]) == 3


@pytest.mark.parametrize("name", ["triton", "mlserver", "kserve"])
def test_servers_of_the_open_inference_protocol(name):
    with serve("500", "ok") as server:
        settings = from_config(
            changed(
                teacher__profile=name,
                teacher__http__url=server.url,
                teacher__oip__model="digits",
            )
        )
        assert settings.teacher.batch == 16
        with closing(loading.load(settings, bugs(), StopSignal())) as teacher:
            with pytest.raises(Unanswered):
                teacher.ask(random_images(2))
            rows = teacher.ask(np.full((1, 2, 4, 1), 51, np.uint8))  # 51 / 255 = 0.2
    np.testing.assert_allclose(rows, [[0.4, 0.2, 0.4]], atol=1e-6)


# Amazon's signatures.


@pytest.mark.parametrize("name", AWS)
def test_throttling_of_amazon_is_no_refusal(name):
    pytest.importorskip("botocore")
    with fake_service(SERVICES[name], "throttled") as server:
        with closing(load(name, server)) as teacher, pytest.raises(Unanswered) as caught:
            teacher.ask(random_images(1))
    assert not caught.value.billed


def test_requests_to_amazon_are_signed_and_the_secret_stays_here():
    pytest.importorskip("botocore")
    with fake_service(SERVICES["rekognition_labels"]) as server:
        with closing(load("rekognition_labels", server)) as teacher:
            teacher.ask(random_images(1))
        _, headers, body = server.asked[0]
    signed = headers["Authorization"]
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=AWS_ACCESS_KEY_ID-of-nobody/")
    assert "/eu-west-1/rekognition/aws4_request" in signed
    assert "content-type;host;" in signed and "x-amz-target" in signed
    assert headers["Content-Type"] == "application/x-amz-json-1.1"
    assert headers["X-Amz-Security-Token"] == "AWS_SESSION_TOKEN-of-nobody"
    assert "AWS_SECRET_ACCESS_KEY" not in str(headers) + body.decode()


def test_without_botocore_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with fake_service(SERVICES["rekognition_labels"]) as server:
        with pytest.raises(UserError, match=r"pip install 'amkd\[aws\]'"):
            load("rekognition_labels", server)


def test_credentials_of_amazon_never_travel_unencrypted():
    pytest.importorskip("botocore")
    settings = from_config(
        changed(
            teacher__profile="rekognition_labels",
            teacher__http__url="http://rekognition.example.com/",
            teacher__http__aws_region="eu-west-1",
        )
    )
    with pytest.raises(UserError, match="unencrypted over the network: use https"):
        loading.load(settings, bugs(), StopSignal())


# What a profile sets.


def test_every_profile_sets_fields_that_exist_and_is_named_in_the_help():
    fields = {name.removeprefix("teacher.") for name in field_names()}
    told = next(
        member.metadata["declaration"].help
        for member in TeacherSettings.__dataclass_fields__.values()
        if member.name == "profile"
    )
    for name, profile in PROFILES.items():
        assert {*profile.fields, *profile.needs} <= fields, name
        assert f" {name}" in told
        assert profile.documentation.startswith("https://")
    assert not set(SERVICES) - set(PROFILES)


def test_fields_of_the_user_win():
    given = changed(
        teacher__profile="google_vision",
        teacher__batch=8,
        teacher__json__quality=80,
        teacher__answers__form="top_k",
    )
    found = from_config(given).teacher
    assert (found.kind, found.batch, found.answers.form) == ("json", 8, "top_k")
    assert found.json.entries == "responses" and found.http.auth_env == "GOOGLE_API_KEY"
    # A field that is given its default on the command line is the user's, too.
    explicit = from_config(given, explicit={"teacher.http.auth_env"}).teacher
    assert explicit.http.auth_env == "" and explicit.http.auth_header == "X-Goog-Api-Key"


def test_a_configuration_without_a_profile_is_left_alone():
    config = changed(teacher__kind="labels")
    assert applied(config) is config
    assert applied({"teacher": 3}) == {"teacher": 3}
    assert examine({"teacher": {"profile": "gemini", "json": 3}})[1]  # a type; no crash


def test_what_a_profile_lacks_is_told():
    text = complaint(teacher__profile="gemini")
    assert "config.teacher.json.model='': teacher.profile 'gemini' needs it" in text
    text = complaint(teacher__profile="huggingface")
    assert "config.teacher.http.url='': teacher.kind 'json' needs it: the address of the" in text
    text = complaint(teacher__profile="gemni")
    assert "must be one of azure_custom_vision, bentoml" in text
    assert "did you mean 'gemini'?" in text
    text = complaint(teacher__profile="gemini", teacher__kind="onnx")
    assert "config.teacher.kind='onnx': teacher.profile 'gemini' is of kind 'json'" in text
    text = complaint(teacher__profile="google_vision", teacher__answers__form="label")
    assert "set answers.form to scores or top_k" in text


def test_answers_that_were_paid_for_keep_their_identity():
    """An earlier version made this one; its answers must be found again."""
    settings = from_config(
        changed(
            teacher__kind="json",
            teacher__http__url="https://vision.example.com/v1/classify",
            teacher__json__labels="labels",
            teacher__batch=1,
        )
    )
    assert isinstance(settings, Settings)
    teacher = loading.load(settings, bugs(), StopSignal())
    assert teacher.identity == "json:vision.example.com/v1/classify#9fa615dc"


@pytest.mark.parametrize(
    "headers, message",
    [
        ("x", "must be a JSON object"),
        ('{"a": 1}', "must be a JSON object"),
        ('{"X-Api-Key": "s3cret"}', "'X-Api-Key', which looks like a secret"),
        ('{"a b": "c"}', "no header can carry"),
    ],
)
def test_further_headers_hold_no_secret(headers, message):
    with fake_service(SERVICES["torchserve"]) as server:
        with pytest.raises(UserError, match=message) as caught:
            load("torchserve", server, teacher__http__headers=headers)
    assert "s3cret" not in str(caught.value)


def test_a_teacher_that_fails_names_no_key(tmp_path):
    with fake_service(SERVICES["huggingface"], "403") as server:
        with closing(load("huggingface", server)) as teacher:
            with pytest.raises(TeacherFailed) as caught:
                teacher.ask(random_images(1))
    assert KEY not in str(caught.value)
