"""CIFAR-10 at the paper's budget: chosen mixes, random mixes, and the best recipe found here.

Paper:    AlexNet teacher 83.07, 2,000 real images, 40,000 queries: AlexNet student 74.60.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/cifar10.py:cpu
            --workdir=runs/cifar10_cpu
          the same with --mode=table --output=results, after the runs have ended
Cost:     the whole table is for a GPU.
          :cpu, the half student, three seeds: the teacher learns for 20 epochs in place of 50
          (about 75 minutes on 2 CPU cores, once); students learn for 12 epochs in place of 200, by
          AdamW and a cosine; two rounds in place of four, over 60,000 pairs. 25 to 60 minutes for
          each run on one core.
          :smoke, a few minutes.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, row, table

WAYS = {
    "active": ("method=active_mixup",),
    "random": ("method=random_mixup", "search.random_lam=half"),
    "best": (
        *("method=random_mixup", "search.random_lam=grid"),
        *("search.lam_low=0.1", "search.lam_high=0.9", "search.lam_count=17"),
        "train.temperature=4.0",
    ),
}
SHORT = (
    *("teacher.train.epochs=20", "search.max_pairs=60000"),
    *("train.optimizer=adamw", "train.schedule=cosine", "train.learning_rate=0.001"),
    *("train.epochs=6", "last_epochs=12"),
)


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu`` and ``smoke``."""
    check(preset, "cpu", "smoke")
    config = table("cifar10", preset, "CIFAR-10, 40,000 queries", WAYS, "random")
    if preset == "smoke":
        config.title, config.seeds = "CIFAR-10 in small", (0,)
        config.rows.half = row("cifar10.py:smoke")
        return config
    quoted = {"paper": {"active": 74.60}, "best": 78.07, "source": "DivBFKD"}
    config.rows.half = row("cifar10.py", "student=alexnet_half", best=76.97, source="DivBFKD")
    if preset == "cpu":
        config.title += ", on 2 CPU cores: shortened recipes, 60,000 pairs"
        config.seeds, config.set = (0, 1, 2), (*config.set, *SHORT)
        for way in config.ways:
            rounds = 2 if way == "active" else 1  # only "active" lets a student choose
            config.ways[way] = (*WAYS[way], f"rounds={rounds}")
        return config
    config.rows.same = row("cifar10.py", "student=alexnet", **quoted)
    config.rows.vgg16 = row("cifar10.py", "teacher.model=vgg16", "student=vgg16")
    return config
