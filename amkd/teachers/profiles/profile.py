"""A profile: the fields that one well-known service needs, and facts about the service."""

import dataclasses
from collections.abc import Mapping
from typing import Any

TERMS = (
    "Check the service's terms before you train a model with its answers: some forbid it."
    " Check its price and licence, too."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile:
    """How one service is queried and read. It was written only from documentation.

    Attributes:
      title: the service's name, for messages.
      documentation: the page that the profile was written from.
      fields: values of fields by dotted name below ``teacher``, such as ``json.scores``.
      needs: fields below ``teacher`` that only the user knows, and what each one is.
      labels: how the service's labels become classes.
      top_k: number of classes for which it reports a score.
      rounding: to how many digits its scores are rounded, as far as that is known.
      limits: further facts: sizes, batches, keys.
    """

    title: str
    documentation: str
    fields: Mapping[str, Any]
    needs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    labels: str
    top_k: str
    rounding: str
    limits: str


def json_service(**fields: Any) -> dict[str, Any]:
    """Returns the fields of a JSON service that takes one image per request; ``__`` is a dot."""
    return {
        "kind": "json",
        "batch": 1,
        **{name.replace("__", "."): fields[name] for name in fields},
    }


def oip_server(url: str) -> dict[str, Any]:
    """Returns the fields of a server of the Open Inference Protocol at an address."""
    return {"kind": "oip", "batch": 16, "http.url": url} if url else {"kind": "oip", "batch": 16}


OIP_LABELS = "none: the scores are in the order of the classes, which must be the model's"
OIP_ROUNDING = "none: they are the model's numbers, often logits (answers.form=logits)"
EVERYTHING = 0  # top_k: every score that the service reports counts
CLOSED = "its labels must be the names of the classes, in any case; map others with teacher.labels"
OPEN = (
    "it has thousands of labels: those that are names of classes count, or that are mapped to them"
    " with teacher.labels (scores of one class are added up); all others are ignored"
)
