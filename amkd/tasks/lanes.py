"""Lanes: an answer gives for each lane and row the column of the lane, or that it is not there.

The form is that of Ultra Fast Lane Detection (Qin et al., 2020): L slots for lanes, R fixed rows of
the image ("row anchors"), and for each of the L * R pairs one distribution over C columns and "no
lane". The slots are, from left to right, the lanes next to the car's own lane and those beyond.

Unlike there, a label that lies between two columns is shared between them, so that reading an exact
answer gives back the exact place.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from amkd.core import devices
from amkd.dense_outputs import scores
from amkd.dense_outputs.scores import Lanes
from amkd.reporting import metrics
from amkd.reporting.summary_text import LANE_FIGURES
from amkd.tasks import lane_figures
from amkd.tasks.base import Task

FEWEST = 2  # rows in which a lane must be seen; one point is not a lane
_COLOURS = {"orange": (255, 140, 0), "blue": (40, 120, 255)}
_SIDE = 192  # pixels up to which an image is enlarged before lanes are drawn over it
_READ_AT_ONCE = 16  # answers; a page reads one at a time, and each is padded to this number


@dataclasses.dataclass(frozen=True)
class LaneTask(Task):
    """Up to L lanes at R rows of an image. Labels are columns in pixels, ``float32[M, L, R]``, and
    NaN where there is no lane.

    Attributes:
      slots: lanes, L.
      anchors: the R rows, in pixels from the top, ascending.
      columns: C places in a row, evenly from its left to its right edge.
      height: the height of the images, in pixels.
      width: the width of the images, in pixels.
      near: distance in pixels up to which a point of a lane counts as found (TuSimple).
      drawn: width in pixels at which lanes are drawn to be compared (CULane).
    """

    slots: int
    anchors: tuple[int, ...]
    columns: int
    height: int
    width: int
    near: float
    drawn: float

    names_classes: ClassVar[bool] = False
    labels: ClassVar[str] = "lanes"
    figures: ClassVar[tuple[str, ...]] = tuple(LANE_FIGURES)
    fits: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "method": ("active_labelling", "real_only", "full_kd", "supervised_real"),
        "teacher.kind": ("labels", "flax"),
        "teacher.answers.form": ("probabilities",),
        "search.acquisition": (
            *("random", "lowest", "entropy", "ensemble", "k_center", "acd"),
            *("learning_loss", "distillation_gap"),
        ),
        **{
            f"{group}.{name}": (value,)
            for group in ("train", "teacher.train")
            for name, value in (
                ("loss", "soft"),
                ("weighting", "even"),
                ("mix_share", 0.0),
                ("crop", 0),
                ("flip", False),
                ("rotate", 0.0),
                ("zoom", 0.0),
                ("views", 0),
                ("corrections", 0.0),
            )
        },
        "data.evaluate_on": ("test",),
        "data.real": ("",),
        "student_weights": ("",),
        "assistant.model": ("",),
        "report.cascade_agreement": (0.0,),
    }
    modes: ClassVar[tuple[str, ...] | None] = ("distill", "plan", "train_teacher", "evaluate")
    colours: ClassVar[tuple[str, ...]] = tuple(_COLOURS)

    @property
    def groups(self) -> int:
        return self.slots * len(self.anchors)

    @property
    def length(self) -> int:
        """Returns the length of an answer, Y."""
        return self.groups * (self.columns + 1)

    def answers_of(self, labels: np.ndarray, length: int) -> np.ndarray:
        del length
        seen = ~np.isnan(labels)
        place = np.where(seen, labels, 0) * ((self.columns - 1) / self.width)
        place = np.clip(place, 0, self.columns - 1)
        low = np.minimum(place.astype(np.int64), self.columns - 2)
        share = (place - low)[..., None]
        one = np.eye(self.columns + 1, dtype=np.float32)
        shared = (1 - share) * one[low] + share * one[low + 1]
        answers = np.where(seen[..., None], shared, one[self.columns])
        return answers.reshape(len(labels), -1).astype(np.float32)

    def lanes(self, answer: jax.Array) -> Lanes:
        """Returns the lanes that an answer ``float32[Y]`` describes.

        A lane is seen in a row where "no lane" has less than half of the probability, and must be
        seen in two rows or more. It lies at the mean over the likeliest column and its neighbours.
        """
        p = answer.reshape(self.slots, len(self.anchors), self.columns + 1)
        seen = p[..., -1] < 0.5
        seen &= jnp.sum(seen, -1, keepdims=True) >= FEWEST
        cells, places = p[..., :-1], jnp.arange(self.columns)[None, None]
        best = jnp.argmax(cells, -1, keepdims=True)
        near = jnp.where(jnp.abs(places - best) <= 1, cells, 0)
        at = places.astype(jnp.float32) * (self.width / (self.columns - 1))
        mass = jnp.maximum(near.sum(-1), jnp.finfo(jnp.float32).tiny)
        return Lanes((near * at).sum(-1) / mass, seen)

    def columns_of(self, answers: np.ndarray) -> np.ndarray:
        """Reads answers ``float32[M, Y]`` in the form of labels: ``float32[M, L, R]``."""
        if not len(answers):
            return np.empty((0, self.slots, len(self.anchors)), np.float32)
        return devices.each(self._columns_of_one, answers, _READ_AT_ONCE)

    def _columns_of_one(self, answer: jax.Array) -> jax.Array:
        found = self.lanes(answer)
        return jnp.where(found.seen, found.x, jnp.nan)

    def evaluated(self, answers: np.ndarray, labels: np.ndarray | None) -> dict[str, Any]:
        if labels is None or not metrics.answered(answers):
            none = dict.fromkeys(self.figures)
            return {"student_accuracy": None, "accuracy_images": 0, **none}
        asked = ~np.isnan(answers).all(-1)
        found, truth = self.columns_of(answers[asked]), labels[asked]
        accuracy, false, missed = lane_figures.tusimple(found, truth, self.anchors, self.near)
        overlap = self._overlap(found, truth)
        return {
            "student_accuracy": accuracy,
            "accuracy_images": 0,  # it is not a share of images: Wilson's interval does not hold
            "f1": overlap.f1,
            "precision": overlap.precision,
            "recall": overlap.recall,
            "lane_fp": false,
            "lane_fn": missed,
        }

    def compared(self, student: np.ndarray, teacher: np.ndarray | None) -> dict[str, Any]:
        """Returns as agreement the F1 of the student's lanes against the teacher's."""
        agreement = None
        if teacher is not None and metrics.answered(teacher):
            asked = ~np.isnan(teacher).all(-1)
            sides = (self.columns_of(side[asked]) for side in (student, teacher))
            agreement = self._overlap(*sides).f1
        divergence = metrics.divergence(student, teacher)
        return {"agreement": agreement, "agreement_images": 0, "divergence": divergence}

    def _overlap(self, found: np.ndarray, truth: np.ndarray) -> lane_figures.Overlap:
        return lane_figures.culane(found, truth, self.anchors, width=self.width, drawn=self.drawn)

    def gap(self, one: jax.Array, other: jax.Array) -> jax.Array:
        """Returns the largest distance of a lane of ``one`` to the nearest of ``other``, in pixels
        (Peng et al., 2021); not symmetric.
        """
        return scores.lane_gap(self.lanes(one), self.lanes(other), float(self.width))

    def words(self, answer: np.ndarray, names: Sequence[str], most: int) -> str:
        del names, most
        (lanes,) = self.columns_of(answer[None])
        seen = int((~np.isnan(lanes)).any(-1).sum())
        return f"{seen} {'lane' if seen == 1 else 'lanes'}"

    def draw(self, image: np.ndarray, *answers: np.ndarray) -> np.ndarray:
        """Returns an image, enlarged where it is small, with the lanes of its answers as lines; a
        later answer is drawn thinner, so that an equal one below it is seen.
        """
        from PIL import Image, ImageDraw  # a machine that only searches and trains may lack it

        times = max(_SIDE // max(image.shape[:2]), 1)
        large = np.repeat(np.repeat(image, times, 0), times, 1)
        drawn = Image.fromarray(large if large.shape[-1] == 3 else large[..., 0]).convert("RGB")
        brush = ImageDraw.Draw(drawn)
        for number, (answer, colour) in enumerate(zip(answers, _COLOURS.values(), strict=False)):
            (lanes,) = self.columns_of(answer[None])
            for lane in lanes:
                seen = ~np.isnan(lane)
                ys = (np.array(self.anchors)[seen] + 0.5) * times
                points = list(zip((lane[seen] * times).tolist(), ys.tolist(), strict=True))
                brush.line(points, fill=colour, width=2 * (len(answers) - number))
        return np.asarray(drawn)

    def objectness(self, answer: jax.Array) -> jax.Array:
        """Returns how likely a lane lies in each column of each row, ``float32[R, C]``, given an
        answer ``float32[Y]``.
        """
        p = answer.reshape(self.slots, len(self.anchors), self.columns + 1)
        return jnp.clip(p[..., :-1].sum(0), 0, 1)
