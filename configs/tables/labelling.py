"""Active labelling without mixes: accuracy against annotations, for the acquisitions that need no
dropout.

Peng et al. (2021), Algorithm 1, on whole images: a few images are annotated at first, and some of
the remaining ones in every round. The annotator is the data set itself, so that no teacher is
trained; with --config.set a teacher annotates.

Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/labelling.py
            --workdir=runs/labelling
          the same with --mode=table --output=results; the curves are labelling.svg and
            labelling-curves.csv
Cost:     2 data sets, 9 ways, 5 seeds; :cpu, 600 annotations, a minute for each run on one core;
          ways that train committees take several minutes, and distillation_gap takes longest,
          because it compares 60,000 images with each other in every round.
Smoke:    :smoke, on the embedded digits: a minute.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, row, table

_WAYS = (
    "random",
    "lowest",
    "margin",
    "entropy",
    "ensemble",
    "k_center",
    "badge",
    "learning_loss",
    "distillation_gap",
)
WAYS = {way: (f"search.acquisition={way}",) for way in _WAYS}
# Ground-truth labels are certain, and the students' networks are small: they need neither a
# temperature nor long training.
_RECIPE = ("method=active_labelling", "teacher.kind=labels", "train.epochs=20")


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu`` and ``smoke``."""
    check(preset, "cpu", "smoke")
    config = table(
        "labelling", preset, "Active labelling: test accuracy at equal annotations", WAYS, "random"
    )
    config.set = (*config.set, *_RECIPE)
    if preset == "smoke":
        config.seeds = (0,)
        config.rows.digits = row(
            "default.py:smoke", "data.test_images=200", "train.min_steps=50", "rounds=2"
        )
        return config
    size = ("n_real=100", "budget=2100", "rounds=10", "train.min_steps=1000")
    if preset == "cpu":
        config.title += ", on 2 CPU cores"
        size = ("n_real=100", "budget=600", "rounds=5", "train.min_steps=500")
    config.rows.mnist = row("mnist.py", *size)
    config.rows.fashion = row("fashion_mnist.py", *size)
    return config
