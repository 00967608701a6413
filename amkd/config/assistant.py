"""The ``assistant.*`` group: a network that answers further images for the student."""

import dataclasses

from amkd.config.fields import field, group
from amkd.config.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class AssistantSettings:
    """A network, usually larger than the student, that learns from all answers of the teacher. It
    then answers fresh images, and the student learns from both.
    """

    model: str = field(
        "",
        "The assistant's network; the same names as student. Empty for no assistant: the student"
        " learns from the teacher's answers alone.",
    )
    weights: str = field(
        "",
        "Source of the assistant's initial weights, as in student_weights. Empty for random"
        " weights.",
        path=True,
    )
    size: int = field(
        0,
        "Height in pixels at which the assistant sees the images, 0 for their own size; the width"
        " keeps the proportions.",
        least=0,
    )
    rounds: str = field(
        "last",
        "Rounds in which it is used: last (the students of earlier rounds only choose images), or"
        " all. A new assistant is trained in each of these rounds, on all answers so far.",
        choices=("last", "all"),
    )
    mixes: int = field(
        10000,
        "Number of fresh mixes that it answers in such a round. Each mixes two images that the"
        " teacher answered unmixed, at a random lambda from search.lam_low to search.lam_high.",
        least=0,
    )
    near: float = field(
        0.0,
        "Share of these mixes whose pair the teacher answered at another lambda. The pairs of the"
        " other mixes were never sent to the teacher.",
        least=0,
        most=1,
        remedy="it is a share",
    )
    real_images: int = field(
        0,
        "active_labelling: number of real images that it answers in such a round, drawn from those"
        " that were not sent to the teacher.",
        least=0,
        was="pictures",
    )
    share: float = field(
        0.5,
        "Share of the assistant's images in each batch of the student. An epoch passes once over"
        " the teacher's answers, so at 0.5 it has twice as many steps.",
        above=0,
        below=1,
        remedy="to learn from the teacher's answers alone, leave assistant.model empty",
    )
    views: int = field(
        1,
        "Its answer to an image is the mean over this many views: the image itself, and"
        " copies that are augmented as set in assistant.train (crop, flip, rotate, zoom).",
        least=1,
    )
    train: Recipe = group(Recipe, "The assistant's recipe, on the teacher's answers.")
