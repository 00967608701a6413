"""Loads a student's initial variables from a file, from the Hugging Face hub, or with a function of
the user's own.
"""

import dataclasses
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from amkd import models
from amkd.core import checkpoint, plugins
from amkd.core.errors import UserError
from amkd.models import prediction
from amkd.models.layers import Network, Variables
from amkd.models.pretrained import hub, weights
from amkd.models.pretrained.base import PretrainedNetwork
from amkd.models.pretrained.weights import Place

STUDENTS = "student_weights"  # the field of a student's initial variables


@dataclasses.dataclass(frozen=True, eq=False)
class Weights:
    """Initial variables of a student.

    Attributes:
      place: puts the weights into fresh variables, and leaves the last layer fresh. A function of
        the user's own returns all variables itself.
      source: where they come from, without a path on this machine.
      sha256: the hash of the file, or of the variables that a function of the user's own returns.
      license: the license of the weights; empty if it is not known.
      with_head: whether they include the last layer.
    """

    place: Place
    source: str
    sha256: str
    license: str = ""
    with_head: bool = False

    @property
    def card_entry(self) -> dict[str, Any]:
        """Returns the entries for a card."""
        return {"source": self.source, "sha256": self.sha256, "license": self.license or None}


def is_own(spec: str) -> bool:
    """Returns whether a value names a function of the user's own, ``module:load``."""
    return plugins.is_own(spec) and not hub.is_name(spec) and not spec.endswith(".safetensors")


def problems(spec: str, student: str, name: str = STUDENTS) -> list[str]:
    """Returns the problems of initial variables that can be found without reading a file.

    Args:
      spec: the value of their field; empty for none.
      student: the network.
      name: the name of their field.
    """
    field, role = f"config.{name}={spec!r}", "student" if name == STUDENTS else "assistant"
    if not spec or is_own(spec):
        return []
    if student not in models.MODELS:
        return [f"{field}: a network of your own takes weights only from a function, module:load"]
    if not models.MODELS[student].timm:
        having = ", ".join(other for other, entry in models.MODELS.items() if entry.timm)
        return [
            f"{field}: there are no published weights for {role} {student!r}; choose one of"
            f" {having}, or give a function module:load"
        ]
    if hub.is_name(spec):
        problem = hub.problem(spec, name)
        return [problem] if problem else []
    if not spec.endswith(".safetensors"):
        return [f"{field}: must be a file *.safetensors, hf:OWNER/NAME, or a function module:load"]
    if not Path(spec).is_file():
        return [f"{field}: there is no such file; check the path"]
    return []


@lru_cache(maxsize=2)
def load(
    spec: str, student: str, classes: int, shape: tuple[int, ...], name: str = STUDENTS
) -> Weights | None:
    """Returns initial variables; None if the field is empty.

    Args:
      spec: the value of their field, such as ``student_weights``; empty for none.
      student: the network.
      classes: number of classes Y.
      shape: ``(H, W, C)`` of its images.
      name: the name of their field.

    Raises:
      UserError: they cannot be loaded, or belong to another network.
    """
    if not spec:
        return None
    for problem in problems(spec, student, name):
        raise UserError(problem)
    network = models.build(student, classes, shape)
    if is_own(spec):
        return _own(spec, network, shape, name)
    assert isinstance(network, PretrainedNetwork)
    if hub.is_name(spec):
        found = hub.fetch(spec, name)
        file, config, source, stated = found.weights, found.config, found.source, found.license
    else:
        file = Path(spec)
        config, source, stated = file.with_name("config.json"), file.name, ""
    facts = weights.read_facts(config)
    backbone = weights.to_variables(
        weights.read(file), network, shape, source=f"config.{name}={spec!r}", facts=facts
    )
    return Weights(
        partial(weights.placed, backbone), source, weights.digest(file), facts.license or stated
    )


def _own(spec: str, network: Network, shape: tuple[int, ...], name: str) -> Weights:
    """Returns the initial variables from ``load(variables)``, a function that takes fresh variables
    and returns others.
    """
    field = f"config.{name}={spec!r}"
    function: Any = plugins.resolve(spec, {}, name)
    if not callable(function):
        raise UserError(f"{field}: must name a function of variables, not {function!r}")

    def place(fresh: Variables) -> Variables:
        fresh = jax.device_get(fresh)
        try:
            found = function(fresh)
        except Exception as error:
            raise UserError(f"{field}: load(variables) failed: {error!r}") from error
        return _checked(field, found, fresh)

    usual = place(prediction.init(network, tuple(shape), jax.random.key(0)))
    return Weights(place, spec, checkpoint.sha256(usual), with_head=True)


def _checked(field: str, found: Variables, fresh: Variables) -> Variables:
    """Returns variables as NumPy arrays with the data types of fresh ones.

    Raises:
      UserError: they have another structure or other shapes, or are not finite.
    """
    theirs, own = str(jax.tree.structure(found)), str(jax.tree.structure(fresh))
    if theirs != own:
        raise UserError(
            f"{field}: must return variables with the same structure as its argument, {own}; it"
            f" returned {theirs}"
        )

    def one(path: Any, value: Any, like: Any) -> np.ndarray:
        name, array = jax.tree_util.keystr(path), np.asarray(value)
        if array.shape != like.shape:
            raise UserError(
                f"{field}: variable {name} must have shape {like.shape}, but has {array.shape}"
            )
        array = array.astype(like.dtype)
        if not np.isfinite(array).all():
            raise UserError(f"{field}: variable {name} has values that are not finite")
        return array

    return jax.tree_util.tree_map_with_path(one, found, fresh)
