"""Any service that takes pictures in JSON and answers in JSON."""

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.teachers import PartlyAnswered, Teacher, Unanswered
from amkd.teachers.http import encoding
from amkd.teachers.http import path as paths
from amkd.teachers.http.client import Client
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.entry import EntryReader
from amkd.teachers.http.labels import Labels
from amkd.teachers.http.template import ID, Request

_FIELD = "config.teacher.json"


def load(
    connection: Connection,
    template: Template,
    shape: tuple[int, int, int],
    class_names: Sequence[str],
    labels: Mapping[str, int],
    identity: str,
    hard: bool,
    batch: int = 1,
) -> Teacher:
    """A teacher behind a JSON service; nothing is sent yet.

    Args:
      connection: where it is; ``url`` is the whole address of its endpoint.
      template: how it is asked and read.
      shape: of one image, ``(H, W, C)``.
      class_names: of the data set, Y.
      labels: the service's label to the class number, or to -1 to ignore the label; other labels
        are class names, whatever their case, or class numbers. Scores of several labels of one
        class are summed.
      identity: who answers; empty for ``json:{host}{path}``.
      hard: whether the service answers one label per picture and no scores.
      batch: images per request.

    Raises:
      UserError: naming the field that is at fault.
    """
    ask = _Ask(template, Labels(labels, class_names), len(class_names))
    _check_settings(template, ask.request, hard, batch)
    encoding.check(template.encoding, template.quality, shape[-1])
    client = ask.connect(connection)
    return Teacher(identity or f"json:{client.place}", ask, client.patience)


def _check_settings(template: Template, request: Request, hard: bool, batch: int) -> None:
    if batch > 1 and not request.is_list:
        raise UserError(
            f"config.teacher.batch={batch}, and {_FIELD}.request has no list of pictures: set"
            " config.teacher.batch=1,"
            ' or write the part that holds "$image" as the only element of a list'
        )
    if batch > 1 and not template.entries:
        raise UserError(
            f"{_FIELD}.entries is empty: set it to the path of the reply's list with one entry per"
            " picture"
        )
    if template.id and not request.has_id:
        raise UserError(
            f"{_FIELD}.id={template.id!r}, and {_FIELD}.request has no {ID!r} beside its"
            " picture: add it"
        )
    if hard and (template.scores or not template.labels):
        raise UserError(
            f"{_FIELD}.scores must be empty and {_FIELD}.labels a path for a service that"
            " answers labels"
        )
    if not hard and not template.scores:
        raise UserError(
            f"{_FIELD}.scores is empty: set it to the path of an entry's scores, or say that it"
            " answers labels"
        )
    if not (math.isfinite(template.scale) and template.scale > 0):
        raise UserError(
            f"{_FIELD}.scale={template.scale} must be positive: 1, or 0.01 for percentages"
        )


class _Ask:
    """Asks one service; safe to call from several threads.

    Attributes:
      request: the form of its requests.
    """

    def __init__(self, template: Template, labels: Labels, classes: int) -> None:
        self.request = Request(template.request)
        self._template = template
        self._entries_path, self._id = (
            paths.optional("entries", template.entries),
            paths.optional("id", template.id),
        )
        self._read = EntryReader(template, labels, classes)

    def connect(self, connection: Connection) -> Client:
        """Opens the connections, which ``close`` closes again."""
        self._client = Client(connection)
        self.close = self._client.close
        return self._client

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Scores ``float64[B, Y]`` or labels ``int64[B]`` of ``uint8[B, H, W, C]``."""
        if len(images) > 1 and not self.request.is_list:
            raise UserError(
                f"{len(images)} images at once, and the service takes one: set"
                " config.teacher.batch=1"
            )
        names = [uuid.uuid4().hex for _ in images]
        pictures = [
            encoding.encode(image, self._template.encoding, self._template.quality)
            for image in images
        ]
        reply = self._client.post("", self.request.fill(pictures, names)).json()
        return self._rows(self._in_order(self._entries(reply), names))

    def _rows(self, entries: list[Any]) -> np.ndarray:
        """What the entries say; of those that cannot be read the first is told of, with the others'
        rows.
        """
        rows, problems = [], []
        for entry in entries:
            try:
                rows.append(self._read(entry))
            except UserError as problem:
                rows.append(self._read.nothing)
                problems.append(str(problem))
        if len(problems) == len(rows):
            raise UserError(problems[0])
        if problems:
            raise PartlyAnswered(problems[0], np.stack(rows))
        return np.stack(rows)

    def _entries(self, reply: Any) -> list[Any]:
        """The entries of a reply, as they come."""
        if self._entries_path is None:
            return [reply]
        found = self._entries_path.search(reply)
        if not isinstance(found, list):
            raise self._entries_path.misfit("is no list in", reply)
        return found

    def _in_order(self, entries: list[Any], names: list[str]) -> list[Any]:
        """One entry per picture, in the pictures' order."""
        if self._id is None:
            if len(entries) != len(names):
                raise Unanswered(
                    f"the reply has {len(entries)} entries for {len(names)} pictures",
                    billed=True,
                    whole=True,
                )
            return entries
        found: dict[str, Any] = {}
        for entry in entries:
            name = self._name(entry)
            if name not in names:
                raise Unanswered("the reply has an entry of another request", billed=True)
            if _differ(found.setdefault(name, entry), entry):
                raise Unanswered(
                    "the reply has two entries of one picture that contradict each other",
                    True,
                    whole=True,
                )
        if len(found) != len(names):
            raise Unanswered(
                f"the reply has entries for {len(found)} of {len(names)} pictures", True, whole=True
            )
        return [found[name] for name in names]

    def _name(self, entry: Any) -> str:
        """Which picture an entry is about."""
        assert self._id is not None
        name = self._id.search(entry)
        if not isinstance(name, str):
            raise self._id.misfit("is no text in", entry)
        return name


def _differ(one: Any, other: Any) -> bool:
    """Whether two entries say different things; NaN equals NaN here."""
    return one is not other and json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)
