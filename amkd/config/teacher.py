"""The ``teacher.*`` group: which teacher answers, and how it is queried."""

import dataclasses
import math

from amkd.config.fields import field, group
from amkd.config.recipe import Recipe
from amkd.config.teacher_answers import Form, Pixels
from amkd.config.teacher_services import (
    HttpSettings,
    OipSettings,
    OnnxSettings,
    Template,
    TfservingSettings,
)

_NO_LIMIT = "0 for no limit"


@dataclasses.dataclass(frozen=True)
class TeacherSettings:
    """The black box, what it costs, and how often it may be queried."""

    kind: str = field(
        "flax",
        "flax (a local network, trained at first use), python (your own function), onnx (a file),"
        " labels (the ground-truth labels of the data set, as a reference), or a service: oip"
        " (Open Inference Protocol v2: Triton, MLServer, KServe, ...), tfserving, json.",
        choices=("flax", "labels", "python", "onnx", "oip", "tfserving", "json"),
    )
    profile: str = field(
        "",
        "A well-known service or server, whose fields are then set by its profile:"
        " azure_custom_vision bentoml gemini google_vision huggingface kserve mlserver openai_chat"
        " rekognition_custom_labels rekognition_labels roboflow torchserve triton. Fields that you"
        " set yourself take precedence. --mode=plan prints what the profile sets. Empty for none.",
        identity=False,
    )
    model: str = field("lenet5", "flax: the network; the same names as student.")
    seed: int = field(
        0,
        "flax: seed of the teacher's training. It is separate from config.seed so that runs of many"
        " seeds share a teacher.",
        least=0,
        below=2**32,
    )
    validation: int = field(
        100, "flax: number of labeled images held out of its training for validation.", least=1
    )
    images: int = field(
        0,
        "flax: train it on this many labeled images only; 0 for all that are not held out.",
        least=0,
    )
    min_accuracy: float = field(
        0.0,
        "flax: lowest accepted validation accuracy, as a share; 0 requires twice the accuracy of"
        " chance. Checked before the first query.",
        least=0,
        most=1,
        remedy="it is a share",
    )
    function: str = field(
        "", "python: 'module:function', from uint8[B, H, W, C] to answers [B, Y]."
    )
    identity: str = field(
        "",
        "Name of the teacher in the ledger. Empty for the name of the function, file or service."
        " Change it when the model behind it changes: an image whose answer is stored under an"
        " identity is not sent again.",
    )
    labels: str = field(
        "",
        "json, onnx, oip, tfserving: file with a JSON object that maps the service's labels to"
        " class names or numbers (-1: ignore). Empty if its labels are the class names (in upper"
        " or lower case) or, if no class has a number as its name, the numbers of the classes,"
        " counted from 0.",
        identity=False,
        path=True,
    )
    evaluate: str = field(
        "auto",
        "Send the evaluation images to the teacher, for its accuracy and the agreement (counted"
        " separately from the budget): yes, no, or auto (for a flax teacher, and wherever there are"
        " no ground-truth labels).",
        choices=("auto", "yes", "no"),
    )
    batch: int = field(
        256, "Images in one call of the teacher, or in one request.", least=1, identity=False
    )
    in_flight: int = field(1, "Number of simultaneous calls.", least=1, identity=False)
    rate: float = field(
        0.0,
        "Maximum number of calls per second; 0 for no limit.",
        least=0,
        below=math.inf,
        remedy=_NO_LIMIT,
        identity=False,
    )
    attempts: int = field(
        6,
        "How often a batch is sent when the service is busy, fails or cannot be reached.",
        least=1,
        identity=False,
    )
    first_wait: float = field(
        1.0,
        "Seconds before the second attempt. They double with every attempt, with jitter.",
        least=0,
        below=math.inf,
        identity=False,
    )
    longest_wait: float = field(
        60.0,
        "Maximum seconds between two attempts, unless the service asks for more (Retry-After).",
        least=0,
        below=math.inf,
        identity=False,
    )
    longest_retry_after: float = field(
        3600.0,
        "Maximum seconds that the run waits because the service asks it to (Retry-After). If the"
        " service asks for more, the run stops; run the same command later to resume.",
        least=0,
        below=math.inf,
        identity=False,
    )
    price: float = field(
        0.0,
        "Price of one image, for the plan, the ledger and max_cost.",
        least=0,
        below=math.inf,
        identity=False,
    )
    currency: str = field("USD", "Currency of the price.", identity=False)
    max_cost: float = field(
        0.0,
        "Maximum that the run may spend, including evaluation and lost requests; 0 for no limit.",
        least=0,
        below=math.inf,
        remedy=_NO_LIMIT,
        identity=False,
    )
    max_lost: int = field(
        0,
        "Maximum number of images that may be sent without a usable answer: the replies were lost"
        " in transit or could not be used, and the service may have billed them. The run stops"
        " before it exceeds this. 0 for a fifth of the budget, and at least 20 and twice what may"
        " be in flight; no limit for the kinds flax, labels and onnx, and for a python function"
        " without a price.",
        least=0,
        identity=False,
    )
    sentinel: int = field(
        0,
        "After this many batches, and at the end of every round, one image is queried again, and"
        " its answer is compared with the stored one; 0 for never. A different answer stops the"
        " run: replies may have been swapped in transit. These queries are in addition to the"
        " budget, and count towards max_cost.",
        least=0,
        identity=False,
    )
    probe_images: int = field(
        20,
        "--mode=probe: number of images that it queries before the real spending.",
        least=1,
        identity=False,
    )
    answers: Form = group(Form, "What the teacher answers.")
    pixels: Pixels = group(Pixels, "What the teacher's model expects of its input.")
    http: HttpSettings = group(HttpSettings, "oip, tfserving, json: how the service is reached.")
    oip: OipSettings = group(OipSettings, "oip: the model.")
    tfserving: TfservingSettings = group(TfservingSettings, "tfserving: the model.")
    json: Template = group(
        Template, "json: the request, and where to find the parts of the reply. Paths are JMESPath."
    )
    onnx: OnnxSettings = group(OnnxSettings, "onnx: the file.")
    train: Recipe = group(Recipe, "flax: the teacher's recipe, on ground-truth labels.")
