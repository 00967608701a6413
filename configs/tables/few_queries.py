"""MNIST with 2,000 queries, a twelfth of the paper's 24,000: the effect of an assistant.

Paper:    24,000 queries: LeNet-5 98.74.
Here:     the recipe of configs/best/mnist.py. `real_only` trains only on 2,000 real images and
          their answers. `assistant_mixes` adds 20,000 mixes of them that a LeNet-5 answers.
          `assistant_real_images` queries 1,000 images and then 1,000 others, and the LeNet-5
          answers 10,000 mixes, and 20,000 images that are not sent to the teacher: these are more
          images than the paper allows, but not more queries.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/few_queries.py:cpu
            --workdir=runs/few_queries
Cost:     two to eight minutes for each run on one CPU core. There is one size: ``:cpu`` is the
          same.
          :smoke, on few images.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, row, table

_ASSISTANT = (
    *("assistant.model=lenet5", "assistant.train.epochs=300"),
    *("assistant.train.learning_rate=6e-3", "assistant.train.temperature=4.0"),
    "assistant.train.crop=1",
)
WAYS = {
    "real_only": ("method=real_only", "last_epochs=600"),
    "assistant_mixes": (
        *("method=real_only", "last_epochs=600"),
        *(*_ASSISTANT, "assistant.mixes=20000"),
    ),
    "assistant_real_images": (
        *("method=active_labelling", "search.acquisition=random", "n_real=1000", "rounds=1"),
        *("last_epochs=400", *_ASSISTANT),
        *("assistant.mixes=10000", "assistant.real_images=20000"),
    ),
}
_SMALL = (
    *("n_real=20", "last_epochs=1", "assistant.train.epochs=1"),
    *("train.min_steps=2", "train.epochs=1"),
)
_FEW_FRESH = {
    "assistant_mixes": ("assistant.mixes=40",),
    "assistant_real_images": ("assistant.mixes=40", "assistant.real_images=40"),
}


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu`` and ``smoke``."""
    check(preset, "cpu", "smoke")
    config = table("few_queries", preset, "MNIST with 2,000 queries", WAYS, "real_only")
    if preset == "smoke":
        config.title, config.seeds = "MNIST with 40 queries", (0,)
        config.rows.half = row("best/mnist.py:smoke", "budget=40")
        for way, fields in WAYS.items():
            config.ways[way] = (*fields, *_SMALL, *_FEW_FRESH.get(way, ()))
        return config
    config.rows.half = row("best/mnist.py", "n_real=2000", "budget=2000")
    return config
