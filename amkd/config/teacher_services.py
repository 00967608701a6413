"""The groups that say where a teacher is that somebody else made: a service, or an ONNX file."""

import dataclasses
import math

from amkd.config.fields import field


@dataclasses.dataclass(frozen=True)
class HttpSettings:
    """The ``teacher.http.*`` group: how a service is reached."""

    url: str = field(
        "",
        "oip, tfserving: the server, https://host:port. json: the whole address of the endpoint."
        " Kept on disk without user, query and fragment.",
        identity=False,
        private=True,
    )
    connect_timeout: float = field(
        10.0, "Seconds to wait for a connection.", above=0, below=math.inf, identity=False
    )
    read_timeout: float = field(
        60.0, "Seconds to wait for a reply.", above=0, below=math.inf, identity=False
    )
    auth_header: str = field(
        "Authorization", "Header that carries the secret.", identity=False, private=True
    )
    auth_scheme: str = field(
        "Bearer",
        "The word before the secret: Bearer, Basic (the secret is user:password), or empty.",
        identity=False,
        private=True,
    )
    auth_env: str = field(
        "",
        "Environment variable that holds the secret. Empty for none. Never write the secret in a"
        " configuration.",
        identity=False,
        private=True,
    )
    auth_file: str = field(
        "",
        "File that holds the secret. Empty for none.",
        identity=False,
        private=True,
        path=True,
    )
    ca_file: str = field(
        "",
        "File of further certificate authorities. Empty for the system's. TLS is always verified.",
        identity=False,
        path=True,
    )
    idempotency_header: str = field(
        "Idempotency-Key",
        "Header with a request's key, the same on every attempt and after a restart: a service"
        " that honours it bills a lost reply once. Empty for none.",
        identity=False,
    )
    fresh_connections: bool = field(
        False,
        "Use a connection for one request only: slower, but no reply can reach the next request.",
        identity=False,
    )
    max_reply_mib: float = field(
        0.0,
        "Most MiB of a reply, packed or unpacked. 0 for a limit from what was asked: 4 MiB, and for"
        " each image 64 KiB and 1 KiB for each class.",
        least=0,
        below=math.inf,
        identity=False,
    )
    headers: str = field(
        "",
        'Further headers of every request, as a JSON object: {"X-Version": "2"}. Never a secret:'
        " configurations are kept on disk.",
    )
    busy: str = field(
        "",
        "Words, with commas between them: a reply of status 4xx whose body has one of them says"
        " that the service is busy, and the request is tried again. Empty for none.",
        identity=False,
    )
    aws_service: str = field(
        "",
        "Sign every request by AWS Signature 4 for this service, such as rekognition, with the"
        " credentials that botocore finds (extra aws). Empty for no signature.",
        identity=False,
    )
    aws_region: str = field(
        "",
        'The region of aws_service, such as eu-west-1. It stands where http.url has "$region".',
        identity=False,
    )


@dataclasses.dataclass(frozen=True)
class OipSettings:
    """The ``teacher.oip.*`` group: a model behind the Open Inference Protocol."""

    model: str = field("", "Name of the model.")
    version: str = field("", "Version of the model. Empty for the only one.")
    input: str = field("", "Name of the input tensor. Empty for the only one.")
    output: str = field("", "Name of the output tensor. Empty for the only one.")
    binary: str = field(
        "auto",
        "Send tensors as bytes instead of JSON: yes, no, or auto (where the server offers it).",
        choices=("auto", "yes", "no"),
        identity=False,
    )


@dataclasses.dataclass(frozen=True)
class TfservingSettings:
    """The ``teacher.tfserving.*`` group: a model behind TensorFlow Serving."""

    model: str = field("", "Name of the model.")
    version: str = field("", "Version of the model. Empty for the newest.")
    signature: str = field("", "Signature of the model. Empty for serving_default.")
    input: str = field("", "Name of the signature's input. Empty for the only one.")
    output: str = field("", "Name of the signature's output. Empty for the only one.")


@dataclasses.dataclass(frozen=True)
class Template:
    """The ``teacher.json.*`` group: how a JSON service is asked and read.

    Paths are JMESPath.
    """

    request: str = field(
        '{"image": "$image"}',
        'The request as JSON, with "$image" where a picture goes in base64 and "$id" where its'
        ' number goes. A list whose only element holds "$image" gets that element once per'
        ' picture of a batch. "$model" is json.model, "$mime" the type of the picture\'s file;'
        ' "$classes" alone is the list of the names of the classes, and inside of a text their'
        " names in quotes.",
    )
    body: str = field(
        "json",
        "What the request's body is: json (json.request), form (the fields of json.request as"
        ' multipart/form-data, with the picture as a file where "$image" stands), file (the'
        " picture's file alone), or base64 (the file in base64 alone).",
        choices=("json", "form", "file", "base64"),
    )
    model: str = field(
        "",
        'Name of the model: it stands where json.request and http.url have "$model".',
    )
    encoding: str = field("png", "How pictures are encoded: png or jpeg.", choices=("png", "jpeg"))
    quality: int = field(95, "jpeg: quality, 1 to 100.", least=1, most=100)
    entries: str = field(
        "",
        "Path to the reply's list with one entry per picture. Empty if the reply is about one"
        " picture.",
    )
    scores: str = field(
        "scores",
        "Path inside an entry to a list of scores, or to an object of scores by label. Empty if"
        " the service answers a label only.",
    )
    labels: str = field(
        "",
        "Path inside an entry to the labels that belong to the scores, or to the one label. Empty"
        " if there are none.",
    )
    id: str = field(
        "",
        'Path inside an entry to the "$id" that it answers. Empty if entries come in the order of'
        " the pictures.",
    )
    text: str = field(
        "",
        "Path inside an entry to a text that holds JSON, as the answer of a chat: scores and"
        " labels are looked for in there. Empty if the entry itself holds them.",
    )
    error: str = field(
        "",
        "Path inside an entry to what the service says of a picture that it could not work on."
        " Empty if it says nothing.",
    )
    unknown: str = field(
        "refuse",
        "Labels that are neither classes nor in teacher.labels: refuse (the run stops), or ignore"
        " (for a service that knows thousands of words; a picture for which it names no class gets"
        " equal scores).",
        choices=("refuse", "ignore"),
    )
    scale: float = field(
        1.0,
        "Scores are multiplied by this: 0.01 for the percentages of a top_k list.",
        above=0,
        below=math.inf,
    )


@dataclasses.dataclass(frozen=True)
class OnnxSettings:
    """The ``teacher.onnx.*`` group: a model in an ONNX file."""

    path: str = field("", "File of the model, *.onnx.", identity=False, path=True)
    input: str = field("", "Name of the model's input. Empty for the only one.")
    output: str = field("", "Name of the model's output. Empty for the only one.")
