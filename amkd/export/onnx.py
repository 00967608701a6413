"""Converts a network to an ONNX file with jax2onnx: with its weights, and for any batch size."""

import importlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from amkd.core.errors import UserError
from amkd.core.extras import require
from amkd.models import Network, inference
from amkd.models.layers import Variables

INPUT, OUTPUT = "images", "probabilities"
_REMOVALS = ("remove_redundant_transpose_pairs_ir", "remove_redundant_transpose_add_forests_ir")
_OPSET = 21  # supported by runtimes since 2024
_REMEDY = "leave ONNX out: --config.export.formats=stablehlo"


def check_installed() -> None:
    """Checks that the packages of the extra are installed.

    Raises:
      UserError: one of them is missing.
    """
    for name in ("onnx", "onnxruntime", "jax2onnx"):
        with quiet():
            require(name, extra="onnx", field="exporting ONNX", instead=_REMEDY)


def dump(network: Network, variables: Variables, shape: tuple[int, ...]) -> bytes:
    """Converts a network, from ``uint8[B, H, W, C]`` to probabilities ``float32[B, Y]``.

    Args:
      network: a network in float32.
      variables: its variables.
      shape: the shape of one image, ``(H, W, C)``.

    Raises:
      UserError: jax2onnx cannot convert it.
    """
    import jax2onnx
    import onnx

    images = jax.ShapeDtypeStruct(("B", *shape), jnp.uint8)
    names = {"input_names": [INPUT], "output_names": [OUTPUT]}
    try:
        # jax2onnx's own layers promote ranks.
        with quiet(), _transposes_kept(), jax.numpy_rank_promotion("allow"):
            model: Any = jax2onnx.to_onnx(
                partial(inference.predict, network, variables), [images], opset=_OPSET, **names
            )
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # jax2onnx and the checker raise many kinds
        raise UserError(
            f"jax2onnx cannot convert the student ({type(error).__name__}: {error}); {_REMEDY}"
        ) from error
    return bytes(model.SerializeToString(deterministic=True))


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the file as a function of images, on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda images: session.run([OUTPUT], {INPUT: images})[0]


@contextmanager
def quiet() -> Iterator[None]:
    """Silences what jax2onnx prints and logs about its own plugins, and what onnxruntime logs."""
    loggers = [logging.getLogger(name) for name in ("jax2onnx", "onnx_ir", "")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", DeprecationWarning)
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def _transposes_kept() -> Iterator[None]:
    """Switches off jax2onnx's removal of transposes, and nothing else.

    It removes them on one side of a residual sum and leaves them on the other, so that a ResNet or
    an EfficientNet cannot be loaded (seen in jax2onnx 0.13.0). Runtimes remove transposes
    themselves.
    """
    passes = importlib.import_module("jax2onnx.converter.ir_optimizations")
    before = {name: getattr(passes, name) for name in _REMOVALS}
    for name in _REMOVALS:
        setattr(passes, name, lambda graph: None)
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(passes, name, function)
