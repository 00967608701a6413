"""Fake servers of the services that there are profiles of, on loopback, with faults on order.

The shapes of their replies are those that the services' documentation describes, in our own words::

    with fake_service(SERVICES["gemini"], "429:0.01", "500", "truncated") as server:
        teacher = load("gemini", server)

Each POST takes the next fault; after the last one all is well. A fault is a status with or without
the seconds of a Retry-After, ``truncated`` (half of the body, then the connection ends), ``labels``
(labels that are not classes), or the name of another reply of the service.
"""

import base64
import dataclasses
import email
import io
import json

import numpy as np
from PIL import Image

from amkd.core.stopping import StopSignal
from amkd.data import own_images
from amkd.teachers import loading
from amkd.validation import from_config
from tests.support.configuring import changed
from tests.support.http_services import SHAPE, Canned, dumps

NAMES = ("ant", "bee", "cat")
KEY = "k3y-of-the-service"


@dataclasses.dataclass(frozen=True)
class Service:
    """One service: where it answers what, and what that means."""

    path: str
    good: object  # its reply, as JSON
    labels: object  # a reply with labels that are not classes
    read: tuple  # the probabilities of the good reply, worked by hand
    auth: tuple = ("Authorization", f"Bearer {KEY}")  # the header that carries the key
    env: str = ""
    settings: tuple = ()  # what the user says
    others: tuple = ()  # further replies: (name, status, JSON)


def _chat(label, confidence):
    return json.dumps({"label": label, "confidence": confidence})


def _openai(content, **more):
    message = {"role": "assistant", "content": content, "refusal": None, **more}
    return {"id": "c1", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}


def _gemini(text):
    content = {"role": "model", "parts": [{"text": text}]}
    return {"candidates": [{"content": content, "finishReason": "STOP"}], "modelVersion": "m-1"}


def _vision(*pairs):
    found = [{"mid": "/m/1", "description": name, "score": s, "topicality": s} for name, s in pairs]
    return {"responses": [{"labelAnnotations": found} if pairs else {}]}


def _named(list_, name, score, *pairs):
    return {list_: [{name: label, score: value} for label, value in pairs]}


_THROTTLED = ("throttled", 400, {"__type": "ThrottlingException", "message": "Rate exceeded"})

SERVICES = {
    "google_vision": Service(
        path="/v1/images:annotate",
        # bee and cat see 0.9 and 0.3 of 1.2; Insect is not a class.
        good=_vision(("Insect", 0.95), ("Bee", 0.9), ("Cat", 0.3)),
        labels=_vision(("Insect", 0.95), ("Wing", 0.9)),
        read=(0, 0.75, 0.25),
        auth=("X-Goog-Api-Key", KEY),
        env="GOOGLE_API_KEY",
        others=(
            ("nothing", 200, _vision()),
            ("bad", 200, {"responses": [{"error": {"code": 3, "message": "Bad image data."}}]}),
        ),
    ),
    "rekognition_labels": Service(
        path="/",
        good={
            **_named("Labels", "Name", "Confidence", ("Animal", 99.5), ("Bee", 90), ("Cat", 10)),
            "LabelModelVersion": "3.0",
        },
        labels=_named("Labels", "Name", "Confidence", ("Animal", 99.5)),
        read=(0, 0.9, 0.1),
        auth=("X-Amz-Target", "RekognitionService.DetectLabels"),
        settings=(("http__aws_region", "eu-west-1"),),
        others=(_THROTTLED,),
    ),
    "rekognition_custom_labels": Service(
        path="/",
        good=_named("CustomLabels", "Name", "Confidence", ("bee", 80.0), ("cat", 15), ("ant", 5)),
        labels=_named("CustomLabels", "Name", "Confidence", ("wasp", 80.0)),
        read=(0.05, 0.8, 0.15),
        auth=("X-Amz-Target", "RekognitionService.DetectCustomLabels"),
        settings=(
            ("http__aws_region", "eu-west-1"),
            ("json__model", "arn:aws:rekognition:eu-west-1:1:project/p/version/v/1"),
        ),
        others=(_THROTTLED,),
    ),
    "azure_custom_vision": Service(
        path="/customvision/v3.0/Prediction/p1/classify/iterations/it1/image",
        good={
            **_named(
                "predictions", "tagName", "probability", ("bee", 0.5), ("ant", 0.25), ("cat", 0.25)
            ),
            "project": "p1",
            "iteration": "i1",
        },
        labels=_named("predictions", "tagName", "probability", ("Negative", 1.0)),
        read=(0.25, 0.5, 0.25),
        auth=("Prediction-Key", KEY),
        env="AZURE_PREDICTION_KEY",
    ),
    "openai_chat": Service(
        path="/v1/chat/completions",
        good=_openai(_chat("bee", 0.9)),
        labels=_openai(_chat("wasp", 0.9)),
        read=(0, 1, 0),
        env="OPENAI_API_KEY",
        settings=(("json__model", "gpt-x-2026"),),
        others=(
            ("refused", 200, _openai(None, refusal="I cannot help with that.")),
            ("prose", 200, _openai("It is a bee, I think.")),
        ),
    ),
    "gemini": Service(
        path="/v1beta/models/gem-1:generateContent",
        good=_gemini(_chat("bee", 0.8)),
        labels=_gemini(_chat("wasp", 0.9)),
        read=(0, 1, 0),
        auth=("X-Goog-Api-Key", KEY),
        env="GEMINI_API_KEY",
        settings=(("json__model", "gem-1"),),
        others=(("blocked", 200, {"promptFeedback": {"blockReason": "SAFETY"}}),),
    ),
    "huggingface": Service(
        path="/",
        good=[{"label": "bee", "score": 0.625}, {"label": "cat", "score": 0.25}],
        labels=[{"label": "wasp", "score": 0.625}],
        read=(0.125, 0.625, 0.25),
        env="HF_TOKEN",
    ),
    "roboflow": Service(
        path="/bugs/3",
        good={
            **_named(
                "predictions", "class", "confidence", ("bee", 0.7), ("cat", 0.2), ("ant", 0.1)
            ),
            "top": "bee",
            "confidence": 0.7,
            "time": 0.1,
        },
        labels=_named("predictions", "class", "confidence", ("wasp", 1.0)),
        read=(0.1, 0.7, 0.2),
        env="ROBOFLOW_API_KEY",
        settings=(("json__model", "bugs/3"),),
    ),
    "torchserve": Service(
        path="/predictions/bugs",
        good={"bee": 0.5, "ant": 0.3, "cat": 0.2},
        labels={"wasp": 0.5},
        read=(0.3, 0.5, 0.2),
        auth=(),
        settings=(("json__model", "bugs"),),
    ),
    "bentoml": Service(
        path="/classify",
        good={"ant": 0.25, "bee": 0.75, "cat": 0.0},
        labels={"wasp": 0.5},
        read=(0.25, 0.75, 0),
        auth=(),
    ),
}


class _Script:
    """Replies of a service, one fault after the other; takes the place of a Canned's replies."""

    def __init__(self, service, faults):
        self._service, self._faults = service, list(faults)

    def get(self, name, missing):
        if name != f"POST {self._service.path}":
            return missing
        fault = self._faults.pop(0) if self._faults else "ok"
        status, _, wait = fault.partition(":")
        if status.isdecimal():
            return int(status), {"Retry-After": wait} if wait else {}, b'{"error": {"code": 1}}'
        good = dumps(self._service.good)
        if fault == "truncated":
            return 200, {"Content-Length": len(good), "Connection": "close"}, good[: len(good) // 2]
        if fault == "labels":
            return 200, {}, dumps(self._service.labels)
        for other, code, reply in self._service.others:
            if other == fault:
                return code, {}, dumps(reply)
        return 200, {}, good


def fake_service(service, *faults):
    return Canned(_Script(service, faults))


def settings_for(name, server, **fields):
    """The settings of a user who names the profile, what it needs, and the fake server."""
    service = SERVICES[name]
    path = service.path.replace("gem-1", "$model").replace("bugs/3", "$model")
    path = path.replace("/bugs", "/$model")
    given = {f"teacher__{key}": value for key, value in service.settings}
    return from_config(
        changed(
            teacher__profile=name,
            teacher__http__url=f"{server.url}{path}",
            teacher__http__read_timeout=5.0,
            **{**given, **fields},
        )
    )


def bugs():
    """A data set without images, whose classes are ``NAMES``."""
    return own_images.unlabeled("folder", np.empty((0, *SHAPE), np.uint8), NAMES, key="")


def load(name, server, **fields):
    """The teacher behind a fake server, as a run loads it."""
    return loading.load(settings_for(name, server, **fields), bugs(), StopSignal())


def sent_image(name, headers, body):
    """The image that a request holds, ``uint8[H, W, C]``."""
    kind = headers["Content-Type"]
    if name in ("azure_custom_vision", "torchserve"):
        return _decoded(body)
    if name == "roboflow":
        return _decoded(base64.b64decode(body))
    if name == "bentoml":
        form = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        (part,) = form.get_payload()
        assert part.get_param("name", header="Content-Disposition") == "image"
        return _decoded(part.get_payload(decode=True))
    return _decoded(base64.b64decode(_text_of_image(name, json.loads(body))))


def _text_of_image(name, request):
    if name == "google_vision":
        return request["requests"][0]["image"]["content"]
    if name.startswith("rekognition"):
        return request["Image"]["Bytes"]
    if name == "openai_chat":
        url = request["messages"][0]["content"][1]["image_url"]["url"]
        assert url.startswith("data:image/png;base64,")
        return url.partition(",")[2]
    if name == "gemini":
        image = request["contents"][0]["parts"][0]["inlineData"]
        assert image["mimeType"] == "image/png"
        return image["data"]
    return request["inputs"]


def _decoded(file):
    return np.asarray(Image.open(io.BytesIO(file)))[..., None]
