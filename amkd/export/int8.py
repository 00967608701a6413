"""Quantises an ONNX student to 8 bits by onnxruntime, calibrated on real images."""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amkd.core.errors import UserError
from amkd.core.extras import require
from amkd.export import onnx
from amkd.export.onnx import INPUT

MOST_IMAGES = 200  # more images hardly change the ranges, and take time
# Operators that hold weights, and operators that a runtime fuses with them. Softmax stays in full
# precision: in 8 bits the smallest probability other than 0 is 0.004.
_OPERATORS = ["Conv", "Gemm", "MatMul", "Relu", "Clip", "MaxPool", "Add"]


class Quantization(NamedTuple):
    """The images with which a quantised file is made and evaluated.

    Attributes:
      calibration: ``uint8[M, H, W, C]``, real images that determine the ranges; at least one.
      held_out: ``uint8[T, H, W, C]``, other images, on which both students are compared; at least
        one.
      labels: ``int32[T]``, their ground-truth classes; None if there are none.
      most_loss: points of agreement that may be lost without a warning.
      fresh: whether the held-out images differ from the images for calibration.
    """

    calibration: np.ndarray
    held_out: np.ndarray
    labels: np.ndarray | None
    most_loss: float
    fresh: bool = True


def check_installed() -> None:
    """Checks that onnxruntime can quantise.

    Raises:
      UserError: a package is missing.
    """
    require(
        "onnxruntime.quantization",
        extra="onnx",
        field="config.export.formats=onnx_int8",
        instead="leave it out: --config.export.formats=stablehlo,onnx",
    )


def dump(model: bytes, calibration: np.ndarray) -> bytes:
    """Returns an ONNX model with activations in 8 bits and weights in 7 (QDQ, static).

    Args:
      model: a model in float32, made by :func:`amkd.export.onnx.dump`.
      calibration: ``uint8[M, H, W, C]``; the first ``MOST_IMAGES`` are used.

    Raises:
      UserError: onnxruntime cannot quantise it.
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as scratch, onnx.quiet():
        given, ready, made = (Path(scratch) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        given.write_bytes(model)
        try:
            quant_pre_process(str(given), str(ready), skip_symbolic_shape=True)
            quantization.quantize_static(
                str(ready),
                str(made),
                _reader(calibration[:MOST_IMAGES]),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=_OPERATORS,
                per_channel=True,
                # Signed activations are changed for x86 when a file is loaded, and some files are
                # refused then (onnxruntime 1.31.1). Products of unsigned ones and weights of 8 bits
                # overflow on CPUs without VNNI; with 7 bits every CPU gives the same answers.
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                reduce_range=True,
            )
        except Exception as error:  # onnxruntime raises many kinds
            raise UserError(
                "onnxruntime cannot quantise the student"
                f" ({type(error).__name__}: {error}); leave the format out:"
                " --config.export.formats=stablehlo,onnx"
            ) from error
        return made.read_bytes()


def _reader(images: np.ndarray) -> Any:
    """Returns a reader that gives onnxruntime one image after the other."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self._left, None)
            return None if image is None else {INPUT: image[None]}

    return Reader()
