"""The ``zskd.*`` and ``fskd.*`` groups: images made with the teacher's own network."""

import dataclasses
import math

from amkd.config.fields import field


@dataclasses.dataclass(frozen=True)
class ZskdSettings:
    """Data impressions: images made from noise (method zskd)."""

    steps: int = field(1500, "Steps of gradient descent that make an image from noise.", least=1)
    batch: int = field(
        100, "Images made at a time; all of them are scaled to [0, 1] together.", least=1
    )
    learning_rate: float = field(
        1e-3, "Learning rate of Adam, on pixels in [0, 1].", above=0, below=math.inf
    )
    temperature: float = field(
        20.0,
        "Temperature of the teacher's answers while images are made; the student's is"
        " train.temperature.",
        above=0,
        below=math.inf,
    )
    betas: tuple[float, ...] = field(
        (1.0, 0.1),
        "Scales of the Dirichlet concentrations, used in turn.",
        above=0,
        below=math.inf,
    )
    copies: int = field(
        3,
        "Number of views of each image that are also queried: budget / (1 + copies) images are"
        " made.",
        least=0,
    )
    as_released: bool = field(False, "As in the released code: all scales are 1.")


@dataclasses.dataclass(frozen=True)
class FskdSettings:
    """Pseudo-examples: images made from n_real others (method fskd)."""

    doublings: int = field(
        3,
        "How often the pseudo-examples are doubled, up to the budget. Before each doubling, a"
        " target network like the student is trained on all images so far. 0: only the first"
        " pseudo-examples, each of which lies between two real images.",
        least=0,
    )
    epochs: int = field(
        25,
        "Epochs of the target network's training before a doubling. Everything else is as in the"
        " train recipe, except its loss and min_steps.",
        least=1,
    )
    ascent: str = field(
        "adam",
        "How an image is changed to increase the divergence of the target network from the teacher:"
        " adam (every pixel by about the same amount), or gradient (each pixel in proportion to its"
        " gradient; steps below half a grey level are lost).",
        choices=("gradient", "adam"),
    )
    rate: float = field(
        0.02, "Learning rate of this ascent, on pixels in [0, 1].", above=0, below=math.inf
    )
    steps: int = field(1, "Steps of this ascent in a doubling.", least=1)
    real_weight: float = field(
        1.0,
        "Training of the target network: weight of the real images' mean loss; the mean loss of the"
        " pseudo-examples has weight 1.",
        least=0,
        below=math.inf,
    )
    most_weight: float = field(
        1.0,
        "Training of the target network: weight of a pseudo-example of which the teacher is certain"
        " (its fidelity).",
        above=0,
        below=math.inf,
    )
    mean_weight: float = field(
        0.5,
        "Training of the target network: weight of a pseudo-example whose answer has the mean"
        " entropy. If it equals most_weight, all have the same weight.",
        above=0,
        below=math.inf,
    )
