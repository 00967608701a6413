"""What a profile is: the fields that one well-known service needs, and what is known of it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

TERMS = (
    "Check the service's terms before you train a model with its answers: some forbid it. The"
    " price and the licence are yours to find out."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile:
    """How one service is asked and read. It was written from documentation alone.

    Attributes:
      title: the service, for people.
      documentation: the page that the profile was written from.
      fields: values of fields by dotted name below ``teacher``, such as ``json.scores``.
      needs: fields below ``teacher`` that only the user knows, and what each one is.
      labels: how the service's labels become classes.
      top_k: for how many classes it tells a score.
      rounding: to how many digits its scores are rounded, as far as that is known.
      limits: what else to know: sizes, batches, keys.
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
    """Returns the fields of a JSON service that takes one picture a request; ``__`` is a dot."""
    return {
        "kind": "json",
        "batch": 1,
        **{name.replace("__", "."): fields[name] for name in fields},
    }


def oip_server(url: str) -> dict[str, Any]:
    """Returns the fields of a server of the Open Inference Protocol at an address."""
    return {"kind": "oip", "batch": 16, "http.url": url} if url else {"kind": "oip", "batch": 16}


OIP_LABELS = "none: the scores stand in the order of the classes, which must be the model's"
OIP_ROUNDING = "none: they are the model's numbers, often logits (answers.form=logits)"
EVERYTHING = 0  # top_k: every score that the service tells counts
CLOSED = "its labels must be the names of the classes, in any case; map others by teacher.labels"
OPEN = (
    "it knows thousands of words: those that are names of classes count, or are mapped to them by"
    " teacher.labels (scores of one class add up); all others are ignored"
)
