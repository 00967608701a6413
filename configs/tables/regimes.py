"""When does a choice of queries help? With labels, with probabilities, of mixes, of real images.

The comparisons, the number of seeds and the test are described in results/protocol.md, which was
written before the runs. The comparisons planned there are ``blocks`` here, the primary one first.

Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/regimes.py:labels
            --workdir=runs/regimes
          for one block; all presets share the workdir. Then, for all blocks in one table,
          python launch.py --config=configs/tables/regimes.py --mode=table --workdir=runs/regimes
            --output=results
Presets:  labels (A), labels_real (B), probabilities (C), other_domain (D), more_real (E) and
          assistant (G); without a preset, all of these. photos (F) is a separate table: ``python
          -m benchmarks.trash_set`` makes the photographs. follow_up is also a separate table: the
          best two ways of block A on Fashion-MNIST with 2,000 real images, chosen after the
          results of that block were known.
Cost:     a minute and a half for each run on one core, four minutes with committees: 10 hours on
          two cores (estimated).
Smoke:    :smoke, on the embedded digits: two minutes.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ml_collections import ConfigDict

from amkd.configs.tables import check, photos, row, table

_WIDE = ("search.lam_low=0.1", "search.lam_high=0.9", "search.lam_count=17")
_POOLED = ("method=pooled_mixup", "search.random_lam=grid", *_WIDE, "search.candidates=5.0")
_LONG = ("method=random_mixup", "search.random_lam=half", "last_epochs=256")
_REFINED = ("method=active_mixup", "search.minimiser=refined")
_CHOICES = (
    *("random", "entropy", "k_center", "badge", "learning_loss", "balanced"),
    *("transductive_variance", "epig", "excess_doubt", "uncertainty_herding"),
)
_REAL_CHOICES = (
    *("random", "margin", "k_center", "badge", "learning_loss"),
    *("transductive_variance", "epig", "excess_doubt", "uncertainty_herding"),
)
WAYS = {
    "random_pairs": ("method=random_mixup", "search.random_lam=half"),
    "c2": ("method=active_mixup",),
    "c2_refined": _REFINED,
    "half_random": (*_REFINED, "search.random_share=0.5"),
    "random_pairs_long": _LONG,
    # Labels are also learned at the temperature of the assistant's answers.
    "random_pairs_long_temperature_4": (*_LONG, "train.temperature=4.0"),
    "assistant": (
        *("method=random_mixup", "search.random_lam=half"),
        *("assistant.model=lenet5", "assistant.mixes=20000", "assistant.share=0.5"),
        *("assistant.train.epochs=128", "assistant.train.learning_rate=6e-3"),
        *("train.temperature=4.0", "assistant.train.temperature=4.0"),
    ),
    **{f"pooled_{way}": (*_POOLED, f"search.acquisition={way}") for way in _CHOICES},
    **{
        f"real_{way}": ("method=active_labelling", f"search.acquisition={way}")
        for way in _REAL_CHOICES
    },
}


class Block(NamedTuple):
    """Comparisons that form one family of tests.

    Attributes:
      title: the title of the block.
      baseline: the way with which the others are compared.
      ways: the other ways, by row; those of the first row begin with the primary one.
      first: the primary comparison, if it has another baseline.
      last: comparisons with other baselines, as ``ROW: WAY - BASELINE``.
    """

    title: str
    baseline: str
    ways: Mapping[str, tuple[str, ...]]
    first: str = ""
    last: tuple[str, ...] = ()

    def planned(self) -> tuple[str, ...]:
        """Returns the planned comparisons, the primary one first."""
        own = (f"{row}: {way} - {self.baseline}" for row, ways in self.ways.items() for way in ways)
        return (*((self.first,) if self.first else ()), *own, *self.last)


_MIXES = (
    *("pooled_epig", "pooled_random", "c2", "c2_refined", "half_random", "pooled_k_center"),
    *("pooled_badge", "pooled_learning_loss", "pooled_transductive_variance"),
    "pooled_uncertainty_herding",
)
_SOFT_MIXES = (
    *("pooled_random", "pooled_k_center", "pooled_learning_loss"),
    *("pooled_transductive_variance", "pooled_excess_doubt", "pooled_uncertainty_herding"),
)
_FAR_MIXES = (
    *("pooled_badge", "pooled_random", "pooled_balanced"),
    *("pooled_k_center", "pooled_epig", "pooled_learning_loss"),
)
_REAL = (
    *("real_margin", "real_k_center", "real_badge", "real_learning_loss"),
    *("real_transductive_variance", "real_epig", "real_uncertainty_herding"),
)
_FEW_REAL = ("real_margin", "real_badge", "real_transductive_variance", "real_epig")
_PHOTOS = (
    *("real_transductive_variance", "real_k_center", "real_margin"),
    *("real_uncertainty_herding", "real_excess_doubt", "random_pairs"),
)
_SETS = ("fashion_probabilities", "mnist_probabilities", "fashion_labels", "mnist_labels")
_ASSISTED = ("fashion_labels", "mnist_labels", "fashion_probabilities")
BLOCKS = {
    "labels": Block(
        "A: labels, and mixes",
        "random_pairs",
        {"fashion_labels": _MIXES, "mnist_labels": _MIXES},
    ),
    "labels_real": Block(
        "B: labels, and real images",
        "real_random",
        {"fashion_labels": _REAL, "mnist_labels": _FEW_REAL},
    ),
    "probabilities": Block(
        "C: probabilities",
        "random_pairs",
        {"fashion_probabilities": _SOFT_MIXES, "mnist_probabilities": _SOFT_MIXES},
        "fashion_probabilities: pooled_excess_doubt - pooled_entropy",
    ),
    "other_domain": Block(
        "D: images of another domain", "random_pairs", {"mnist_from_fashion": _FAR_MIXES}
    ),
    "more_real": Block(
        "E: mixes, or more real images; changed after the first run",
        "random_pairs",
        {row: ("real_random",) for row in _SETS},
    ),
    "assistant": Block(
        "G: an assistant; changed after the first run",
        "random_pairs_long",
        {row: ("assistant",) for row in _ASSISTED},
        last=(
            "fashion_labels: assistant - random_pairs_long_temperature_4",
            "mnist_labels: assistant - random_pairs_long_temperature_4",
        ),
    ),
    "photos": Block("F: photographs and a frozen backbone", "real_random", {"trashnet": _PHOTOS}),
}
_FOLLOW_UP = ("random_pairs", "pooled_random", "pooled_badge", "pooled_epig")
_SIZE = (
    *("n_real=500", "budget=4000", "rounds=3", "data.evaluate_on=train"),
    *("train.epochs=20", "train.min_steps=1000", "last_epochs=128"),
)
_LABELS = (*_SIZE, "teacher.answers.form=label")
_SOFT = (*_SIZE, "train.temperature=4.0")
# An assistant sees the student's views.
_FASHION = ("train.learning_rate=6e-3", "assistant.train.flip=True")
_MNIST = ("assistant.train.crop=1",)


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: the blocks, ``follow_up`` and ``smoke``."""
    check(preset, *BLOCKS, "follow_up", "smoke")
    config = table("regimes", "", "Where choosing pays: agreement with the teacher", WAYS)
    config.measure = "agreement"  # only the planned comparisons are made
    if preset == "smoke":
        config.name, config.seeds = "regimes_smoke", (0, 1)
        config.rows.digits = row(
            *("default.py:smoke", "data.test_images=200", "train.min_steps=50", "train.epochs=5"),
            *("data.evaluate_on=train", "teacher.answers.form=label"),
            ways=("random_pairs", "real_random", "pooled_transductive_variance"),
        )
        config.blocks.smoke = ("digits: pooled_transductive_variance - random_pairs",)
        return config
    config.seeds = tuple(range(10))
    if preset == "follow_up":
        config.name = "regimes_follow_up"
        config.title = "Labels, and mixes of 2,000 real images: agreement with the teacher"
        more = row("fashion_mnist.py", *_LABELS, *_FASHION, "n_real=2000", ways=_FOLLOW_UP)
        config.rows.fashion_labels_2000 = more
        baseline, *others = _FOLLOW_UP
        planned = tuple(f"fashion_labels_2000: {way} - {baseline}" for way in others)
        config.blocks = ConfigDict({"Follow-up of A, without a claim": planned})
        return config
    rows = {
        "fashion_labels": row("fashion_mnist.py", *_LABELS, *_FASHION),
        "mnist_labels": row("mnist.py", *_LABELS, *_MNIST),
        "fashion_probabilities": row("fashion_mnist.py", *_SOFT, *_FASHION),
        "mnist_probabilities": row("mnist.py", *_SOFT, *_MNIST),
        "mnist_from_fashion": row("mnist.py", *_LABELS, "data.real=fashion_mnist"),
        "trashnet": photos.photo_row("photos/trashnet", 256, "n_real=300", "budget=600"),
    }
    if preset:  # a separate table, which does not replace the files of the whole table
        config.name = f"regimes_{preset}"
    blocks = [BLOCKS[preset]] if preset else [BLOCKS[one] for one in BLOCKS if one != "photos"]
    config.blocks = ConfigDict({block.title: block.planned() for block in blocks})
    for name, one in rows.items():
        if ways := _ways(blocks, name):
            config.rows[name] = ConfigDict({**one, "ways": ways})
    return config


def _ways(blocks: list[Block], row: str) -> tuple[str, ...]:
    """Returns the ways that blocks compare on a row, without repetition."""
    own = [(block.baseline, *block.ways[row]) for block in blocks if row in block.ways]
    others = [
        one.removeprefix(f"{row}: ").split(" - ")
        for block in blocks
        for one in (block.first, *block.last)
        if one.startswith(f"{row}: ")
    ]
    return tuple(dict.fromkeys(way for ways in (*own, *others) for way in ways))
