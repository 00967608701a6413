"""Which method to choose queries is best? It is answered without the use of test labels.

One budget, one recipe, one teacher. Every run is evaluated by its agreement with the teacher on
10,000 training images that are not drawn (data.evaluate_on). The results: results/experiments.md.

Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/acquisitions.py
            --workdir=runs/acquisitions
          the same with --mode=table --output=results, after the runs have ended
Cost:     300 runs; 2 to 4 minutes for each run on one core of a machine with other work; runs that
          train committees take several times as long (estimated).
          :cpu, some of them at the paper's budgets.
          :few, those that differ in kind, with only 4,000 queries from 1,000 real images: 160 runs
          of a minute on one core, runs with committees 2.5 minutes.
Smoke:    :smoke, on the embedded digits: a minute.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, on_training_images, row, table

_ACTIVE = ("method=active_mixup", "search.minimiser=refined")
_WIDE = ("search.lam_low=0.1", "search.lam_high=0.9", "search.lam_count=17")
# Mixes that look like one of their two images.
_NEAR = ("search.lam_low=0.75", "search.lam_high=0.95", "search.lam_count=9")
_POOLED = ("method=pooled_mixup", "search.random_lam=grid", *_WIDE, "search.candidates=5.0")
_AMONG = (*_ACTIVE, "search.candidates=5.0")
WAYS = {
    "random": ("method=random_mixup",),
    "random_lam": ("method=random_mixup", "search.random_lam=grid"),
    "grid": ("method=active_mixup",),  # the paper's method
    "refined": _ACTIVE,
    "capped": (*_AMONG, "search.acquisition=capped"),
    "balanced": (*_AMONG, "search.acquisition=balanced"),
    "k_center": (*_AMONG, "search.acquisition=k_center"),
    "half_random": (*_ACTIVE, "search.random_share=0.5"),
    "six_rounds": (*_ACTIVE, "rounds=6"),
    "random_wide": ("method=random_mixup", "search.random_lam=grid", *_WIDE),
    "random_near": ("method=random_mixup", "search.random_lam=grid", *_NEAR),
    "near": (*_ACTIVE, *_NEAR),
    "k_center_wide": (*_AMONG, "search.acquisition=k_center", *_WIDE),
    "half_random_wide": (*_ACTIVE, "search.random_share=0.5", "search.random_lam=grid", *_WIDE),
    "pooled_k_center": (*_POOLED, "search.acquisition=k_center"),
    "pooled_lowest": (*_POOLED, "search.acquisition=lowest"),
    "pooled_margin": (*_POOLED, "search.acquisition=margin"),
    "pooled_badge": (*_POOLED, "search.acquisition=badge"),
    "pooled_ensemble": (*_POOLED, "search.acquisition=ensemble"),
    "pooled_learning_loss": (*_POOLED, "search.acquisition=learning_loss"),
    "pooled_variance": (*_POOLED, "search.acquisition=transductive_variance"),
    "pooled_epig": (*_POOLED, "search.acquisition=epig"),
    "pooled_excess_doubt": (*_POOLED, "search.acquisition=excess_doubt"),
    "pooled_herding": (*_POOLED, "search.acquisition=uncertainty_herding"),
    "margin": (*_AMONG, "search.acquisition=margin"),
    "entropy": (*_AMONG, "search.acquisition=entropy"),
    "ensemble": (*_AMONG, "search.acquisition=ensemble"),
    "badge": (*_AMONG, "search.acquisition=badge"),
    "learning_loss": (*_AMONG, "search.acquisition=learning_loss"),
    "distillation_gap": (*_AMONG, "search.acquisition=distillation_gap"),
}
FIRST = (
    "random",
    "random_lam",
    "grid",
    "refined",
    "capped",
    "balanced",
    "k_center",
    "half_random",
    "six_rounds",
)
# Examples of each kind of choice.
KINDS = (
    *(
        "random",
        "random_wide",
        "grid",
        "refined",
        "half_random",
        "balanced",
        "k_center",
        "pooled_k_center",
    ),
    *(
        "pooled_ensemble",
        "pooled_learning_loss",
        "margin",
        "entropy",
        "badge",
        "learning_loss",
        "ensemble",
        "distillation_gap",
    ),
)
# The best recipe of configs/tables/losses.py; before the last round, the student only has to choose
# well.
RECIPE = ("train.temperature=4.0", "train.epochs=20", "train.min_steps=2000", "last_epochs=40")
FEW = (
    *("n_real=1000", "budget=4000", "search.max_pairs=100000", "train.temperature=4.0"),
    *(
        "train.epochs=20",
        "train.min_steps=1000",
        "last_epochs=128",
    ),  # 4,000 steps in the last round
)


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu``, ``few`` and ``smoke``."""
    check(preset, "cpu", "few", "smoke")
    title = "Choosing what to ask: agreement with the teacher on training images that are not drawn"
    config = on_training_images(table("acquisitions", preset, title, WAYS, "random", "grid"))
    if preset == "smoke":
        config.seeds, config.ways.six_rounds = (0,), (*_ACTIVE, "rounds=4")
        config.rows.digits = row(
            "default.py:smoke", "data.test_images=200", "train.min_steps=50", "train.epochs=5"
        )
        return config
    if preset == "few":
        config.title += " (4,000 queries)"
        config.rows.mnist = row("mnist.py", *FEW, ways=KINDS)
        config.rows.fashion = row("fashion_mnist.py", *FEW, "train.learning_rate=6e-3", ways=KINDS)
        return config
    config.set = (*config.set, "search.max_pairs=200000")
    config.rows.mnist = row("mnist.py", *RECIPE)
    config.rows.fashion = row(
        "fashion_mnist.py", *RECIPE, "train.learning_rate=6e-3", "train.epochs=10", "last_epochs=20"
    )
    if preset == "cpu":
        config.rows.mnist.ways = FIRST
        config.rows.fashion.ways = (
            *(
                "random",
                "random_near",
                "random_wide",
                "k_center",
                "pooled_k_center",
                "pooled_margin",
            ),
            *("half_random_wide", "near", "pooled_badge"),
        )
    return config
