"""amkd: Active Mixup knowledge distillation from a black-box image classifier.

    import amkd

    student = amkd.distill(images, answer, classes=10, budget=1000, workdir="runs/mine")
    probabilities = student.predict(more_images)

What users may rely on; everything else is private and may change:

==============================  ================================================================
``distill``                     images and a function in, a student out
``load_settings``               a shipped configuration, or a file of yours, as ``Settings``
``run_experiment``              the run of ``Settings``, as the command line does it
``load_student``                the student of a finished run, or any saved network
``Settings``                    a whole configuration, checked and frozen
``Teacher``                     a black box: a function of images, and who answers
``SavedNetwork``                a student or a teacher: ``predict(images)``, ``card``
``UserError``                   a mistake that the user can fix; the message says how
``Stopped``                     the run was asked to stop, and has saved its state
``__version__``                 the version of this package
==============================  ================================================================

They are imported when they are first used, so ``import amkd`` loads neither JAX nor Flax.

Shape letters, used in every docstring of the package:

====  =======================================  =======  ===========================
 N    real (unlabeled) images                   K       pairs chosen in this round
 P    pairs scored in one chunk                 Q       images answered so far
 L    values in the lambda grid                 Y       classes
 B    images in one batch                       H W C   height, width, channels
 M    images in general                         T       evaluation images
 E    members of a committee, or passes         D       devices
 V    views of an image                         d       features
====  =======================================  =======  ===========================

Images are ``uint8[..., H, W, C]`` everywhere outside a network. ``lam`` is the
weight of image ``i`` in the mix of images ``i`` and ``j``; ``w`` is the same weight
in whole units of 1/65536 (see :mod:`amkd.data.mixing`). "Paper" is Wang et al.,
*Neural Networks Are More Productive Teachers Than Human Raters: Active Mixup for
Data-Efficient Knowledge Distillation from a Blackbox Model*, CVPR 2020.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see; at run time __getattr__ imports these
    from amkd.api import distill as distill
    from amkd.api import load_settings as load_settings
    from amkd.api import load_student as load_student
    from amkd.api import run_experiment as run_experiment
    from amkd.config.settings import Settings as Settings
    from amkd.core.errors import UserError as UserError
    from amkd.core.stopping import Stopped as Stopped
    from amkd.models.saved_network import SavedNetwork as SavedNetwork
    from amkd.teachers import Teacher as Teacher

__version__ = "0.2.0.dev0"

_HOMES = {
    "distill": "amkd.api",
    "load_settings": "amkd.api",
    "load_student": "amkd.api",
    "run_experiment": "amkd.api",
    "SavedNetwork": "amkd.models.saved_network",
    "Settings": "amkd.config.settings",
    "Stopped": "amkd.core.stopping",
    "Teacher": "amkd.teachers",
    "UserError": "amkd.core.errors",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'amkd' has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    """Lists the public names."""
    return sorted(__all__)
