"""The form of a request to a JSON service."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from amkd.core.errors import UserError

IMAGE = "$image"
ID = "$id"
CLASSES, MIME = "$classes", "$mime"
Words = Mapping[str, str | list[str]]  # placeholders that do not depend on the image
_FIELD = "config.teacher.json"
_SECRET = re.compile(r"(key|token|secret|password|passwd|pwd|credentials?)$", re.IGNORECASE)


class Request:
    """The form of a request, to be filled with images.

    Attributes:
      is_list: whether one request takes any number of images.
      has_id: whether the request names the images.
    """

    def __init__(self, text: str, words: Words | None = None) -> None:
        """Reads the form.

        Args:
          text: ``config.teacher.json.request``.
          words: the value of each further placeholder. A list replaces a string that is only the
            placeholder; inside a longer string, its texts are written in quotes. The
            placeholders are replaced in this order.

        Raises:
          UserError: the text is not JSON, contains a secret, or has no place for images.
        """
        self._words = words or {}
        try:
            self._form = json.loads(text)
        except ValueError as error:
            raise UserError(
                f"{_FIELD}.request is not JSON ({error}): write it as one JSON value"
            ) from None
        if (name := _secret(self._form)) is not None:
            raise UserError(
                f"{_FIELD}.request contains something under {name!r} that looks like a secret, but"
                " configurations are stored on disk: send it as a header with"
                " config.teacher.http.auth_header and auth_env"
            )
        self._path = _list_path(self._form)
        self.is_list = self._path is not None
        inside = self._form if self._path is None else [_at(self._form, self._path)[0]]
        self.has_id = _holds(inside, ID)
        if not _holds(self._form, IMAGE):
            raise UserError(
                f"{_FIELD}.request has no {IMAGE!r} in any of its strings: put it where the image"
                " belongs"
            )
        if self._path is not None and _count(self._form, IMAGE) != _count(inside, IMAGE):
            raise UserError(
                f"{_FIELD}.request has {IMAGE!r} both inside a list and outside it: keep one of"
                " the two"
            )

    @property
    def form(self) -> Any:
        """The form itself, with its placeholders."""
        return self._form

    def fill(self, images: Sequence[str], names: Sequence[str]) -> bytes:
        """Returns the JSON of a request with images.

        Args:
          images: in base64; only one unless ``is_list``.
          names: the names of the images.
        """
        if self._path is None:
            return json.dumps(self.filled(self._form, images[0], names[0])).encode()
        element = _at(self._form, self._path)[0]
        entries = [
            self.filled(element, image, name) for image, name in zip(images, names, strict=True)
        ]
        # Outside the list, the first name is the name of the whole request.
        outside = self.filled(self._form, "", names[0])
        return json.dumps(_replace(outside, self._path, entries)).encode()

    def filled(self, form: Any, image: str, name: str) -> Any:
        """Returns a copy of a part of the form with its placeholders replaced."""
        if isinstance(form, dict):
            return {key: self.filled(child, image, name) for key, child in form.items()}
        if isinstance(form, list):
            return [self.filled(child, image, name) for child in form]
        if not isinstance(form, str):
            return form
        if form in self._words:
            return self._words[form]
        # Words are replaced last, so that a class name that contains a placeholder is not changed.
        text = form.replace(ID, name).replace(IMAGE, image)
        for word, meaning in self._words.items():
            text = text.replace(word, meaning if isinstance(meaning, str) else _quoted(meaning))
        return text


def _secret(form: Any) -> str | None:
    """Returns the first key whose text looks like a secret; None if no key does."""
    for key, child in form.items() if isinstance(form, dict) else ():
        if isinstance(child, str) and child and "$" not in child and _SECRET.search(key):
            return key
    children = form.values() if isinstance(form, dict) else form if isinstance(form, list) else ()
    return next((name for child in children if (name := _secret(child)) is not None), None)


def _list_path(form: Any) -> tuple[Any, ...] | None:
    """Returns the keys to the outermost list of one element that contains an image, or None."""
    if isinstance(form, list) and len(form) == 1 and _holds(form, IMAGE):
        return ()
    children = (
        form.items()
        if isinstance(form, dict)
        else enumerate(form)
        if isinstance(form, list)
        else ()
    )
    for key, child in children:
        if (below := _list_path(child)) is not None:
            return (key, *below)
    return None


def _at(form: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        form = form[key]
    return form


def _replace(form: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Returns a copy of a form with another value at a path."""
    if not path:
        return value
    copy = dict(form) if isinstance(form, dict) else list(form)
    copy[path[0]] = _replace(form[path[0]], path[1:], value)
    return copy


def _quoted(texts: list[str]) -> str:
    return ", ".join(json.dumps(text, ensure_ascii=False) for text in texts)


def _count(form: Any, word: str) -> int:
    """Counts the strings of a form that contain a word."""
    if isinstance(form, dict | list):
        return sum(
            _count(child, word) for child in (form.values() if isinstance(form, dict) else form)
        )
    return int(isinstance(form, str) and word in form)


def _holds(form: Any, word: str) -> bool:
    return _count(form, word) > 0
