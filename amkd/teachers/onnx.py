"""A teacher in an ONNX file, run on this machine by onnxruntime."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from google.protobuf.message import Message

from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import OnnxSettings
from amkd.core import utf8_path
from amkd.core.errors import UserError
from amkd.core.extras import require
from amkd.teachers import Teacher, Unanswered, outputs, tensors
from amkd.teachers.image_spec import ImageSpec
from amkd.teachers.tensors import FREE, Tensor

_FIELD = "config.teacher.onnx"
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
}  # the others are named as in NumPy


def load(
    model: OnnxSettings,
    *,
    pixels: Pixels,
    images: ImageSpec,
    label_map: Mapping[str, int] | None = None,
    identity: str = "",
    hard_labels: bool = False,
) -> Teacher:
    """Returns the teacher in a file, with its input and output checked.

    Args:
      model: the file, and which of its tensors.
      pixels: what the model expects; ``auto`` layout and dtype are taken from the model.
      images: the images and classes that the model must fit.
      label_map: label of the model to class number.
      identity: identity of the teacher; empty for ``onnx:{name of the file}:{hash of its bytes}``.
      hard_labels: whether one label per image is accepted as an answer.

    Returns:
      A teacher that answers the model's own scores, ``float[B, Y]``, or hard labels ``int64[B]``.

    Raises:
      UserError: the file is not a model, or the model does not fit the images or the classes.
    """
    path = Path(model.path)
    session = _session(path)
    taken = _input(session, model.input)
    pixels = tensors.resolve(pixels, taken, images.shape)
    wanted = outputs.wanted(images, label_map, hard_labels)
    given = _output(session, model.output, wanted, single=tensors.is_single(taken))
    ask = _Ask(session, taken, given, pixels=pixels, wanted=wanted)
    name = f"onnx:{path.stem}:{_file_hash(path)[:16]}{outputs.key(given, images)}"
    return Teacher(identity or name, ask)


class _Ask:
    """Runs a session on images; may be called from several threads."""

    def __init__(
        self, session: Any, taken: Tensor, given: Tensor, *, pixels: Pixels, wanted: outputs.Wanted
    ) -> None:
        self._session, self._input, self._output = session, taken, given
        self._pixels, self._wanted = pixels, wanted
        self._single = tensors.is_single(taken)
        fixed = taken.shape[0] if taken.shape else FREE
        self._batch = 1 if self._single else fixed

    def __call__(self, images: np.ndarray) -> np.ndarray:
        size = len(images) if self._batch == FREE else self._batch
        parts = [self._run(part) for part in _parts(images, size)]
        problem = next((part.problem for part in parts if part.problem), "")
        rows = np.concatenate([part.rows for part in parts])
        return outputs.Answer(rows, problem).first(len(images))

    def _run(self, images: np.ndarray) -> outputs.Answer:
        filled = tensors.fill(images, self._input)
        given = tensors.feed(filled, self._input, self._pixels)
        try:
            (values,) = self._session.run([self._output.name], {self._input.name: given})
        except Exception as error:  # of a type of its own for every kind of failure
            raise UserError(
                f"{_FIELD}.path: the model failed on images of shape {filled.shape}"
                f" ({_first_line(error)})"
            ) from error
        try:
            return outputs.read(
                values,
                self._wanted,
                images=len(filled),
                dtype=self._output.dtype,
                single=self._single,
            )
        except (UserError, Unanswered) as error:
            raise UserError(
                f"{_FIELD}.output={self._output.name!r} has shape {np.shape(values)} for"
                f" {len(filled)} images of {self._wanted.classes} classes; set it to the output"
                f" with one row of scores per image ({error})"
            ) from error


def _parts(images: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(images), size):
        yield images[start : start + size]


def _session(path: Path) -> Any:
    runtime = _package("onnxruntime")
    if not path.is_file():
        raise UserError(f"{_FIELD}.path={str(path)!r} is not a file; give the path of an ONNX file")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors only: warnings are about how the file was written
    providers = runtime.get_available_providers()
    try:
        with utf8_path.named(path.absolute()) as place:
            return runtime.InferenceSession(place, options, providers=providers)
    except Exception as error:  # of a type of its own for every kind of failure
        raise UserError(
            f"{_FIELD}.path={str(path)!r} cannot be read as an ONNX model: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _package(name: str) -> ModuleType:
    return require(
        name, extra="onnx", field="config.teacher.kind='onnx'", instead="choose another kind"
    )


def _input(session: Any, name: str) -> Tensor:
    """Returns the only input, after a check that it has the configured name."""
    found = _tensors(session.get_inputs())
    if len(found) > 1:
        names = ", ".join(repr(tensor.name) for tensor in found)
        raise UserError(
            f"{_FIELD}.path: the model has the inputs {names}, but a teacher only gets images:"
            " choose a model with one input"
        )
    return tensors.choose(found, name, f"{_FIELD}.input")


def _output(session: Any, name: str, wanted: outputs.Wanted, *, single: bool) -> Tensor:
    found = tensors.choose(_tensors(session.get_outputs()), name, f"{_FIELD}.output")
    try:
        outputs.check(found, wanted, single=single)
    except UserError as error:
        raise UserError(f"{_FIELD}.output={name!r}: {error}") from error
    return found


def _tensors(arguments: Sequence[Any]) -> list[Tensor]:
    return [Tensor(value.name, _dtype(value.type), _shape(value.shape)) for value in arguments]


def _dtype(name: str) -> str:
    return _DTYPES.get(name, name.removeprefix("tensor(").removesuffix(")"))


def _shape(sizes: Sequence[Any]) -> tuple[int, ...] | None:
    """Returns the sizes, ``FREE`` for a named or unknown one; None if there is no shape."""
    return tuple(size if isinstance(size, int) and size > 0 else FREE for size in sizes) or None


def _file_hash(path: Path) -> str:
    """Hashes the file, and the files next to it that contain its weights, if there are any."""
    hasher = hashlib.sha256()
    model = _package("onnx").load(path, load_external_data=False)
    for part in (path, *(path.parent / name for name in sorted(set(_weights(model))))):
        with part.open("rb") as handle:
            hashlib.file_digest(handle, lambda: hasher)
    return hasher.hexdigest()


def _weights(message: Message) -> Iterator[str]:
    """Yields the names of the files that contain tensors of a model, or of a part of it."""
    for field, value in message.ListFields():
        if field.name == "external_data":
            yield from (entry.value for entry in value if entry.key == "location")
        elif field.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                yield from _weights(part)
