"""A teacher behind any service that takes images in JSON and answers in JSON."""

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.teachers import ImageRefused, PartlyAnswered, Teacher, Unanswered
from amkd.teachers.http import encoding
from amkd.teachers.http import reply_path as paths
from amkd.teachers.http.client import Asked, Client
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.reply_entry import EntryReader
from amkd.teachers.http.request_body import Body
from amkd.teachers.http.request_key import image_names, request_key
from amkd.teachers.http.service_labels import Labels
from amkd.teachers.http.template import ID
from amkd.teachers.image_spec import ImageSpec

_FIELD = "config.teacher.json"


def load(
    template: Template,
    *,
    connection: Connection,
    images: ImageSpec,
    label_map: Mapping[str, int],
    identity: str = "",
    hard_labels: bool = False,
    batch: int = 1,
) -> Teacher:
    """Returns the teacher; nothing is sent yet.

    Args:
      template: the form of the request, and the paths of the parts of the reply.
      connection: where the service is; ``url`` is the whole address of its endpoint.
      images: the images and classes that the service must fit.
      label_map: label of the service to class number, or to -1 to ignore the label. Other labels
        are class names, in any case, or class numbers. Scores of several labels of one class are
        added up.
      identity: identity of the teacher; empty for ``json:{host}{path}``.
      hard_labels: whether the service answers one label per image and no scores.
      batch: images per request.

    Raises:
      UserError: a setting is wrong; the message names it.
    """
    labels = Labels(label_map, images.class_names, ignore_unknown=template.unknown == "ignore")
    ask = _Ask(template, labels, images.classes, images.class_names)
    _check_settings(template, ask.request, hard_labels=hard_labels, batch=batch)
    encoding.check(template.encoding, template.quality, images.shape[-1])
    client = ask.connect(connection)
    return Teacher(identity or f"json:{client.place}", ask, client.patience)


def _check_settings(template: Template, request: Body, *, hard_labels: bool, batch: int) -> None:
    if batch > 1 and not request.is_list:
        raise UserError(
            f"config.teacher.batch={batch}, but {_FIELD}.request has no list of images: set"
            " config.teacher.batch=1,"
            ' or write the part that contains "$image" as the only element of a list'
        )
    if batch > 1 and not template.entries:
        raise UserError(
            f"{_FIELD}.entries is empty: set it to the path of the reply's list with one entry per"
            " image"
        )
    if template.id and not request.has_id:
        raise UserError(
            f"{_FIELD}.id={template.id!r}, but {_FIELD}.request has no {ID!r} next to its image:"
            " add it"
        )
    if hard_labels and (template.scores or not template.labels):
        raise UserError(
            f"{_FIELD}.scores must be empty, and {_FIELD}.labels must be a path, for a service"
            " that answers hard labels"
        )
    if not hard_labels and not template.scores:
        raise UserError(
            f"{_FIELD}.scores is empty: set it to the path of an entry's scores, or declare that"
            " the service answers hard labels"
        )
    if not (math.isfinite(template.scale) and template.scale > 0):
        raise UserError(
            f"{_FIELD}.scale={template.scale} must be positive: 1, or 0.01 for percentages"
        )


class _Ask:
    """Asks one service; may be called from several threads.

    Attributes:
      request: the form of the requests.
    """

    def __init__(
        self, template: Template, labels: Labels, classes: int, names: Sequence[str] = ()
    ) -> None:
        self.request = Body(template, names)
        self._classes, self._labels = classes, labels
        self._entries_path, self._id = (
            paths.optional("entries", template.entries),
            paths.optional("id", template.id),
        )
        self._read = EntryReader(template, labels, classes)

    @property
    def ignored_labels(self) -> frozenset[str]:
        """Labels of the replies so far that are not classes, if such labels are ignored."""
        return frozenset(self._labels.ignored)

    def connect(self, connection: Connection) -> Client:
        """Opens the connections; ``close`` closes them."""
        self._client = Client(connection)
        self.close = self._client.close
        return self._client

    def of_run(self, run: str) -> Callable[[np.ndarray], np.ndarray]:
        """Returns this function for the requests of one run."""
        return functools.partial(self, run=run)

    def __call__(self, images: np.ndarray, run: str = "") -> np.ndarray:
        """Answers ``uint8[B, H, W, C]`` by scores ``float64[B, Y]`` or labels ``int64[B]``."""
        if len(images) > 1 and not self.request.is_list:
            raise UserError(
                f"{len(images)} images at once, but the service takes one: set"
                " config.teacher.batch=1"
            )
        asked = Asked(len(images), self._classes, request_key(run, images))
        names = image_names(asked.key, len(images))
        content, headers = self.request.fill(images, names)
        reply = self._client.post("", content, headers, asked=asked).json()
        return self._rows(self._in_order(self._entries(reply), names))

    def _rows(self, entries: list[Any]) -> np.ndarray:
        """Reads the entries; if some cannot be read, the error about the first has all rows."""
        rows, problems, refusals = [], [], []
        for place, entry in enumerate(entries):
            try:
                rows.append(self._read(entry))
            except UserError as problem:
                rows.append(self._read.useless)
                problems.append(str(problem))
                refusals += [place] if isinstance(problem, ImageRefused) else []
        if len(problems) == len(rows):
            kind = ImageRefused if len(refusals) == len(rows) else UserError
            raise kind(problems[0])
        if problems:
            # Unless all problems are refusals, something else is wrong, and must be repaired first.
            only = tuple(refusals) if len(refusals) == len(problems) else ()
            raise PartlyAnswered(problems[0], np.stack(rows), only)
        return np.stack(rows)

    def _entries(self, reply: Any) -> list[Any]:
        """Returns the entries of a reply, in the order of the reply."""
        if self._entries_path is None:
            return [reply]
        found = self._entries_path.search(reply)
        if not isinstance(found, list):
            raise self._entries_path.misfit("is not a list in", reply)
        return found

    def _in_order(self, entries: list[Any], names: list[str]) -> list[Any]:
        """Returns one entry per image, in the order of the images."""
        if self._id is None:
            if len(entries) != len(names):
                raise Unanswered(
                    f"the reply has {len(entries)} entries for {len(names)} images",
                    billed=True,
                    whole=True,
                )
            return entries
        found: dict[str, Any] = {}
        if None in entries:
            raise Unanswered("the reply has a null entry", billed=True, whole=True)
        for entry in entries:
            name = self._name(entry)
            if name not in names:
                raise Unanswered(
                    "the reply has an entry of another request", billed=True, whole=True
                )
            if _differ(found.setdefault(name, entry), entry):
                raise Unanswered(
                    "the reply has two entries of one image that contradict each other",
                    billed=True,
                    whole=True,
                )
        if len(found) != len(names):
            raise Unanswered(
                f"the reply has entries for {len(found)} of {len(names)} images",
                billed=True,
                whole=True,
            )
        return [found[name] for name in names]

    def _name(self, entry: Any) -> str:
        """Returns the name of the image that an entry is about."""
        assert self._id is not None
        name = self._id.search(entry)
        if not isinstance(name, str):
            raise self._id.misfit("is not text in", entry)
        return name


def _differ(one: Any, other: Any) -> bool:
    """Returns whether two entries differ; NaN equals NaN here."""
    return one is not other and json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)
