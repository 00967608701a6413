"""The ``assistant.*`` group: a network that answers further images for the student, at no query."""

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
        "Where the assistant's first values come from, as in student_weights. Empty for random"
        " values.",
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
        "In which rounds it helps: last (the students of earlier rounds only choose images), or"
        " all. A new one is trained in each of these rounds, on all answers so far.",
        choices=("last", "all"),
    )
    mixes: int = field(
        10000,
        "Fresh mixes that it answers in such a round: of two images that the teacher answered as"
        " they are, at a random lambda from search.lam_low to search.lam_high.",
        least=0,
    )
    near: float = field(
        0.0,
        "Share of these mixes that are of pairs which the teacher answered at another lambda. The"
        " others are of pairs that it was never asked about.",
        least=0,
        most=1,
        remedy="it is a share",
    )
    pictures: int = field(
        0,
        "active_labelling: real pictures that it answers in such a round, drawn from those that"
        " the teacher was not asked about.",
        least=0,
    )
    share: float = field(
        0.5,
        "Share of each of the student's batches that the assistant's images fill. An epoch"
        " goes once over the teacher's answers, so at 0.5 it has twice as many steps.",
        above=0,
        below=1,
        remedy="without assistant.model the teacher's answers fill all of it",
    )
    views: int = field(
        1,
        "Its answer to an image is the mean over this many views: the image itself, and others"
        " that are moved as assistant.train says (crop, flip, rotate, zoom).",
        least=1,
    )
    train: Recipe = group(Recipe, "The assistant's recipe, on the teacher's answers.")
