"""The groups that describe a teacher made by somebody else: a service, or an ONNX file."""

import dataclasses
import math

from amkd.config.fields import field


@dataclasses.dataclass(frozen=True)
class HttpSettings:
    """The ``teacher.http.*`` group: how a service is reached."""

    url: str = field(
        "",
        "oip, tfserving: the server, https://host:port. json: the full address of the endpoint."
        " It is stored on disk without user, query and fragment.",
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
        "Environment variable that holds the secret. Empty for none. Never write the secret into"
        " a configuration.",
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
        "File with further certificate authorities. Empty for the system's. TLS is always"
        " verified.",
        identity=False,
        path=True,
    )
    idempotency_header: str = field(
        "Idempotency-Key",
        "Header with the key of a request. The key is the same on every attempt and after a"
        " restart: a service that honours it bills a request only once, even if its reply is lost."
        " Empty for none.",
        identity=False,
    )
    fresh_connections: bool = field(
        False,
        "Use a new connection for every request: slower, but no reply can reach the next request.",
        identity=False,
    )
    max_reply_mib: float = field(
        0.0,
        "Maximum size of a reply in MiB, compressed or decompressed. 0 for a limit that depends on"
        " the request: 4 MiB, plus 64 KiB and 1 KiB per class for each image.",
        least=0,
        below=math.inf,
        identity=False,
    )
    headers: str = field(
        "",
        'Further headers of every request, as a JSON object: {"X-Version": "2"}. Never a secret:'
        " configurations are stored on disk.",
    )
    busy: str = field(
        "",
        "Words, separated by commas: a reply of status 4xx whose body contains one of them means"
        " that the service is busy, and the request is sent again. Empty for none.",
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
        'The region of aws_service, such as eu-west-1. It replaces "$region" in http.url.',
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
    """The ``teacher.json.*`` group: the requests to a JSON service, and how its replies are read.

    Paths are JMESPath.
    """

    request: str = field(
        '{"image": "$image"}',
        'The request as JSON. "$image" is replaced by an image file in base64, "$id" by the number'
        ' of the image, "$model" by json.model, and "$mime" by the type of the image file. A list'
        ' whose only element contains "$image" gets that element once per image of a batch.'
        ' "$classes" alone is replaced by the list of the class names, and inside a text by the'
        " names in quotes.",
    )
    body: str = field(
        "json",
        "What the request's body is: json (json.request), form (the fields of json.request as"
        ' multipart/form-data, with the image file in place of "$image"), file (only the image'
        " file), or base64 (only the image file, in base64).",
        choices=("json", "form", "file", "base64"),
    )
    model: str = field(
        "",
        'Name of the model: it replaces "$model" in json.request and http.url.',
    )
    encoding: str = field("png", "How images are encoded: png or jpeg.", choices=("png", "jpeg"))
    quality: int = field(95, "jpeg: quality, 1 to 100.", least=1, most=100)
    entries: str = field(
        "",
        "Path to the reply's list with one entry per image. Empty if the reply is about one image.",
    )
    scores: str = field(
        "scores",
        "Path inside an entry to a list of scores, or to an object of scores by label. Empty if the"
        " service returns only a hard label.",
    )
    labels: str = field(
        "",
        "Path inside an entry to the labels that belong to the scores, or to the hard label. Empty"
        " if there are none.",
    )
    id: str = field(
        "",
        'Path inside an entry to the "$id" that it answers. Empty if entries are in the order of'
        " the images.",
    )
    text: str = field(
        "",
        "Path inside an entry to a text that contains JSON, such as the answer of a chat: scores"
        " and labels are read from this JSON. Empty if the entry itself contains them.",
    )
    error: str = field(
        "",
        "Path inside an entry to the service's message about an image that it could not process."
        " Empty if there is none.",
    )
    unknown: str = field(
        "refuse",
        "Labels that are neither classes nor in teacher.labels: refuse (the run stops), or ignore"
        " (for a service with thousands of labels; an image for which it names no class gets equal"
        " scores).",
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
