"""The ``teacher.answers.*`` and ``teacher.pixels.*`` groups: a teacher's answers and inputs."""

import dataclasses
import math

from amkd.config.fields import field


@dataclasses.dataclass(frozen=True)
class Form:
    """What the rows of a teacher's answers are, and how they are read."""

    form: str = field(
        "probabilities",
        "What the teacher answers: probabilities, logits, top_k (probabilities of some classes),"
        " scores (independent for each class: several may be high, and they are divided by their"
        " sum), percentages (rounded), or label (a hard label: one class). A richer answer is"
        " reduced to this form.",
        choices=("probabilities", "logits", "top_k", "scores", "percentages", "label"),
    )
    temperature: float = field(
        1.0, "logits: divided by this before the softmax.", above=0, below=math.inf
    )
    top_k: int = field(
        5,
        "top_k: number of scores that are used, 0 for all. The rest of the probability, 1 minus"
        " their sum, is spread evenly over the other classes.",
        least=0,
    )


@dataclasses.dataclass(frozen=True)
class Pixels:
    """What a model expects of its input: ``(images / divide - mean) / std``, then the layout."""

    layout: str = field(
        "auto",
        "onnx, oip, tfserving: order of the axes of the model's input: nhwc, nchw, or auto (from"
        " its metadata). For an input of flattened images, the order of their values.",
        choices=("auto", "nhwc", "nchw"),
    )
    dtype: str = field(
        "auto",
        "Type of the model's input: uint8 (passes the bytes on unchanged), float16, float32,"
        " float64, or auto (from its metadata).",
        choices=("auto", "uint8", "float16", "float32", "float64"),
    )
    divide: float = field(
        1.0,
        "8-bit values are divided by this; then mean is subtracted; then the result is divided by"
        " std.",
        above=0,
        below=math.inf,
    )
    mean: tuple[float, ...] = field((), "No number, one, or one per channel.")
    std: tuple[float, ...] = field((), "No number, one, or one per channel.")
