"""The body of a request to a JSON service, and its type: JSON, a form, or an image file."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.teachers.http import encoding
from amkd.teachers.http.placeholders import MODEL
from amkd.teachers.http.template import CLASSES, IMAGE, MIME, Request

_FIELD = "config.teacher.json"


class Body:
    """Builds the bodies of requests.

    Attributes:
      is_list: whether one request takes any number of images.
      has_id: whether the request names the images.
    """

    def __init__(self, template: Template, class_names: Sequence[str]) -> None:
        """Reads the form.

        Raises:
          UserError: the form is not JSON, contains a secret, or has no place for images; or it
            needs names of classes, but there are none.
        """
        self._template = template
        words = {MODEL: template.model, MIME: encoding.mime(template.encoding)}
        self._request = Request(template.request, {**words, CLASSES: list(class_names)})
        if CLASSES in template.request and not class_names:
            raise UserError(
                f"{_FIELD}.request has {CLASSES!r}, but the classes have no names: set them"
                " with config.data.classes"
            )
        is_json = template.body == "json"
        self.is_list = is_json and self._request.is_list
        self.has_id = self._request.has_id and template.body in ("json", "form")
        if template.body == "form":
            self._check_form()

    def _check_form(self) -> None:
        form = self._request.form
        texts = list(form.values()) if isinstance(form, dict) else [None]
        if not all(isinstance(text, str) for text in texts) or texts.count(IMAGE) != 1:
            raise UserError(
                f"{_FIELD}.body='form': {_FIELD}.request must be an object of texts, one of which"
                f" is only {IMAGE!r}"
            )

    def fill(self, images: np.ndarray, names: Sequence[str]) -> tuple[bytes, dict[str, str]]:
        """Returns the body of a request with images, and the headers that state its type.

        Args:
          images: ``uint8[B, H, W, C]``; one image unless ``is_list``.
          names: the names of the images.
        """
        kind, quality = self._template.encoding, self._template.quality
        files = [encoding.file_of(image, kind, quality) for image in images]
        if self._template.body == "file":
            return files[0], {"Content-Type": encoding.mime(kind)}
        if self._template.body == "base64":
            text = encoding.as_text(files[0])
            return text.encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        if self._template.body == "form":
            return self._filled_form(files[0], names[0])
        return self._request.fill([encoding.as_text(file) for file in files], names), {}

    def _filled_form(self, file: bytes, name: str) -> tuple[bytes, dict[str, str]]:
        """Returns a form of several parts; the image's name is its boundary."""
        kind, parts = self._template.encoding, []
        for key, text in self._request.form.items():
            head = f"Content-Disposition: form-data; name={_quoted(key)}"
            if text == IMAGE:
                head += f'; filename="{name}.{kind}"\r\nContent-Type: {encoding.mime(kind)}'
                content = file
            else:
                content = _text(self._request.filled(text, "", name)).encode()
            parts.append(f"--{name}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
        end = f"--{name}--\r\n".encode()
        return b"".join([*parts, end]), {"Content-Type": f"multipart/form-data; boundary={name}"}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _quoted(name: str) -> str:
    """Returns the name of a field as forms quote it."""
    return '"' + name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A") + '"'
