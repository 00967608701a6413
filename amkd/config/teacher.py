"""The ``teacher.*`` group: who answers, and how the teacher is treated."""

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
    """The black box, what it costs, and how often it may be asked."""

    kind: str = field(
        "flax",
        "flax (a local network, trained at first use), python (a function of yours), onnx (a"
        " file), labels (the data set's own, as a reference), or a service: oip (Open Inference"
        " Protocol v2: Triton, MLServer, KServe, ...), tfserving, json.",
        choices=("flax", "labels", "python", "onnx", "oip", "tfserving", "json"),
    )
    profile: str = field(
        "",
        "A well-known service or server, whose fields are then set by its profile:"
        " azure_custom_vision bentoml gemini google_vision huggingface kserve mlserver openai_chat"
        " rekognition_custom_labels rekognition_labels roboflow torchserve triton. Fields that you"
        " set yourself win. --mode=plan prints what it sets. Empty for none.",
        identity=False,
    )
    model: str = field("lenet5", "flax: the network; the same names as student.")
    seed: int = field(
        0,
        "flax: seed of the teacher's training. It is apart from config.seed so that runs of many"
        " seeds share a teacher.",
        least=0,
        below=2**32,
    )
    validation: int = field(
        100, "flax: labeled images held out of its training, to validate it.", least=1
    )
    images: int = field(
        0,
        "flax: train it on this many labeled images only; 0 for all that are not held out.",
        least=0,
    )
    min_accuracy: float = field(
        0.0,
        "flax: lowest validation accuracy accepted, a share; 0 asks for twice chance. Checked"
        " before the first query.",
        least=0,
        most=1,
        remedy="it is a share",
    )
    function: str = field(
        "", "python: 'module:function', from uint8[B, H, W, C] to answers [B, Y]."
    )
    identity: str = field(
        "",
        "Who answers, for the ledger. Empty for the name of the function, file or service. Change"
        " it when the model behind it changes: answers of one identity are never asked for twice.",
    )
    labels: str = field(
        "",
        "json, onnx, oip, tfserving: file with a JSON object from the service's labels to class"
        " names or numbers (-1: ignore). Empty where its labels are the class names (in any case)"
        " or, if no class has a number as its name, the numbers of the classes, counted from 0.",
        identity=False,
        path=True,
    )
    evaluate: str = field(
        "auto",
        "Ask the teacher about the images on which the student is evaluated, for its accuracy and"
        " the agreement (counted apart from the budget): yes, no, or auto (for a flax teacher,"
        " and wherever there are no labels).",
        choices=("auto", "yes", "no"),
    )
    batch: int = field(
        256, "Images in one call of the teacher, or in one request.", least=1, identity=False
    )
    in_flight: int = field(1, "Calls under way at once.", least=1, identity=False)
    rate: float = field(
        0.0,
        "Calls a second at most; 0 for no limit.",
        least=0,
        below=math.inf,
        remedy=_NO_LIMIT,
        identity=False,
    )
    attempts: int = field(
        6,
        "How often a batch is tried when the service is busy, broken or out of reach.",
        least=1,
        identity=False,
    )
    first_wait: float = field(
        1.0,
        "Seconds before the second try. They double from try to try, with jitter.",
        least=0,
        below=math.inf,
        identity=False,
    )
    longest_wait: float = field(
        60.0,
        "Most seconds between two tries, unless the service asks for more (Retry-After).",
        least=0,
        below=math.inf,
        identity=False,
    )
    longest_retry_after: float = field(
        3600.0,
        "Most seconds that the run waits because the service asks it to (Retry-After). If it asks"
        " for more, the run stops, and the same command goes on later.",
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
        "Most that the run may spend, evaluation and lost requests included; 0 for no limit.",
        least=0,
        below=math.inf,
        remedy=_NO_LIMIT,
        identity=False,
    )
    max_lost: int = field(
        0,
        "Most images that may be sent in vain: lost on the way, or answered with nothing usable,"
        " and perhaps billed. The run stops before it. 0 for a fifth of the budget, and at least 20"
        " and twice what may be in flight; no limit for the kinds flax, labels and onnx, and for a"
        " python function without a price.",
        least=0,
        identity=False,
    )
    sentinel: int = field(
        0,
        "After this many batches, and at the end of every round, one image is asked about again,"
        " and its answer compared with the stored one; 0 for never. Another answer stops the run:"
        " replies may have been swapped on the way. These queries come on top of the budget, and"
        " count in max_cost.",
        least=0,
        identity=False,
    )
    probe_images: int = field(
        20,
        "--mode=probe: images that it asks about, before the real spending.",
        least=1,
        identity=False,
    )
    answers: Form = group(Form, "What the teacher answers.")
    pixels: Pixels = group(Pixels, "What the teacher's model expects of its input.")
    http: HttpSettings = group(HttpSettings, "oip, tfserving, json: how the service is reached.")
    oip: OipSettings = group(OipSettings, "oip: the model.")
    tfserving: TfservingSettings = group(TfservingSettings, "tfserving: the model.")
    json: Template = group(
        Template, "json: the request, and where the reply holds what. Paths are JMESPath."
    )
    onnx: OnnxSettings = group(OnnxSettings, "onnx: the file.")
    train: Recipe = group(Recipe, "flax: the teacher's recipe, on true labels.")
