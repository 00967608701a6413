"""Images per second in the training of a student, compared with a loop in eager PyTorch that does
the same work.

Ours is a round's real training: records of two images each, mixed (and cropped and flipped) on the
device, in whole epochs after a first one that compiles. Theirs draws the same batches with the same
soft answers, optimizer and augmentation. It reads mixes that are ready as floats or mixes each
batch, in either memory format, with or without the fused optimizer, whichever is fastest here; this
is determined first. Before the measurement both must reach the same loss, with a relative
difference below 1e-4: in the first step, and over the first two, between which the optimizer makes
its first update. (The learning rate is a tenth of the usual one in this comparison: next to a kink
of ReLU or a tie in a pooling window, rounding decides the gradient.)

The recipes are those of the configurations: MNIST's for LeNet-5, CIFAR-10's for the others. Each
side runs in its own process, on the same cores, and they take turns.

Run it from the repository's root, with nothing else running: ``python -m benchmarks.train``.
"""

import argparse
import dataclasses

import jax
import numpy as np

import amkd.config.recipe
from amkd.data import mixing
from amkd.reporting import provenance
from benchmarks import operations, options, our_side, students, turns, worker
from benchmarks.recipe import Recipe

# Records of an epoch: an epoch takes about as long for one network as for another.
RECORDS = {"lenet5": 12_800, "lenet5_half": 12_800, "alexnet": 2_048, "alexnet_half": 2_560}
LARGE = 256  # records for a larger network


def main() -> None:
    """Measures every requested model, without and with augmentation."""
    parser = options.parser(__doc__, models="lenet5_half,alexnet_half")
    parser.add_argument("--batch", type=int, default=128, help="B (default: %(default)s)")
    parser.add_argument("--images", type=int, default=2000, help="N (default: %(default)s)")
    parser.add_argument("--records", type=int, default=0, help="Q; 0 chooses by model")
    parser.add_argument(
        "--tune", type=float, default=1.0, help="seconds to try one setting of PyTorch"
    )
    flags = parser.parse_args()
    rows: list[turns.Measurement] = []
    with worker.Worker("benchmarks.torch_train:TorchTrain", provenance.cores()) as theirs:
        where = {**our_side.describe(), **theirs.call("describe")}
        for model in options.models(flags):
            for augmented in (False, True):
                rows.append(measure(model, flags, theirs, augmented=augmented))
                turns.show(rows[-1])
                turns.write(flags.json, rows, where)


def measure(
    model: str, flags: argparse.Namespace, theirs: worker.Worker | None, *, augmented: bool
) -> turns.Measurement:
    """Compares, tunes and times one model; only our side if there is no PyTorch."""
    count = flags.records or RECORDS.get(model, LARGE)
    # No batch is partly filled on either side.
    count = max(round(count / flags.batch), 2) * flags.batch
    images = flags.images if model != "resnet18_224" else min(flags.images, 100)
    lesson = our_side.lesson(model, images, count, batch=flags.batch, augmented=augmented)
    details = {
        "augmentation": f"crop {lesson.plan.crop}, flip {lesson.plan.flip}"
        if augmented
        else "none",
        "batch": flags.batch,
        "records": count,
        "optimizer": lesson.plan.optimizer,
        "precision": precision_of(lesson.plan),
        # A step also computes the derivatives by inputs and by weights, each as much work as the
        # evaluation.
        "mflop_an_image": 3 * operations.of_student(lesson.of)[0] / 1e6,
    }

    def our_rate() -> float:
        done, took = our_side.epochs(lesson, flags.seconds)
        return done / took

    if theirs is None:
        return turns.alone("train", model, "images/s", our_rate, turns=flags.turns, **details)
    plain = our_side.lesson(model, images, count, batch=flags.batch, augmented=False)
    slow = dataclasses.replace(plain.plan, learning_rate=plain.plan.learning_rate / 10)
    difference = compare(dataclasses.replace(plain, plan=slow), theirs)
    ways = theirs.call("tune", recipe_of(lesson.plan), flags.tune, lesson.plan.learning_rate)

    def their_rate() -> float:
        done, took = theirs.call("epochs", flags.seconds, lesson.plan.learning_rate)
        return done / took

    rates = turns.alternate(our_rate, their_rate, turns=flags.turns)
    return turns.compared(
        "train",
        model,
        "images/s",
        rates=rates,
        **details,
        loss_difference=turns.rounded(difference),
        pytorch=f"{ways[0][1]}, mixes {ways[0][0]}, {'fused' if ways[0][2] else 'default'}"
        " optimizer",
    )


def recipe_of(plan: amkd.config.recipe.Recipe) -> Recipe:
    """Returns the part of a recipe that PyTorch needs."""
    return Recipe(
        plan.batch_size,
        plan.optimizer,
        plan.momentum,
        plan.weight_decay,
        plan.crop,
        plan.flip,
        precision_of(plan),
    )


def precision_of(plan: amkd.config.recipe.Recipe) -> str:
    """Returns the precision of a recipe on this backend: by default it is TF32 on a GPU, and
    bfloat16 on a TPU.
    """
    backend = jax.default_backend()
    if plan.dtype == "bfloat16":
        return "bfloat16"
    if backend == "cpu" or plan.precision == "float32":
        return "float32"
    return "bfloat16" if backend == "tpu" else "tensorfloat32"


def compare(lesson: our_side.Lesson, theirs: worker.Worker) -> float:
    """Gives PyTorch the lesson and checks that both sides learn the same.

    Returns:
      The largest relative difference of their losses.

    Raises:
      AssertionError: their losses differ.
    """
    i, j, w = lesson.records.i, lesson.records.j, lesson.records.w
    records = (i.astype(np.int64), j.astype(np.int64), mixing.lam_of(w))
    of = lesson.of
    theirs.call(
        "setup",
        of.model,
        students.CLASSES,
        of.images,
        variables=of.variables,
        records=records,
        mixes=lesson.mixes(),
        answers=lesson.answers,
    )
    # TF32 and bfloat16 keep 11 and 8 bits of every factor.
    tolerance = 1e-4 if precision_of(lesson.plan) == "float32" else 1e-2
    differences = []
    for feed, steps in (("mixed", 1), ("ready", 1), ("ready", 2)):
        theirs.call("restart", recipe_of(lesson.plan), feed=feed, dropout=False)
        batches = our_side.batches(lesson, steps * lesson.plan.batch_size)
        expected = float(np.mean(theirs.call("losses", batches, lesson.plan.learning_rate)))
        found = our_side.first_loss(lesson, steps)
        differences.append(abs(found / expected - 1))
        assert differences[-1] < tolerance, (
            f"mean loss of {steps} steps: {found}, but PyTorch's is {expected}"
        )
    return max(differences)


if __name__ == "__main__":
    main()
