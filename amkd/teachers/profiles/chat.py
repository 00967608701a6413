"""The parts that profiles of multimodal chats share: the question, and how the answer is read."""

from typing import Any

QUESTION = (
    "Which of these labels describes the picture best: $classes? Answer with that label, exactly"
    " as it is written here, and with your confidence that it is right, from 0.01 to 1."
)
LABELS = (
    "the request lists the names of the classes, and its schema allows no others; give your"
    " classes descriptive names"
)
TOP_K = "one label with a confidence; answers.form=label reads only the label, top_k both"
ROUNDING = "confidences are what the model writes, often steps of .05, and are not calibrated"


def answer() -> dict[str, Any]:
    """Returns the fields that read ``{"label": ..., "confidence": ...}``.

    The ledger keeps the confidence, too, so later use of it costs no query.
    """
    return {
        "json.scores": "[confidence]",
        "json.labels": "[label]",
        "answers.form": "label",
        "answers.top_k": 1,
    }
