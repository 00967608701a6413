"""Figure 4: accuracy against queries, active and random, in ten rounds of one run each.

Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/figure4.py --workdir=runs/figure4
Cost:     estimated. CIFAR-10: hours a run on a GPU. :cpu, MNIST and Fashion-MNIST: 8 minutes a run on 2 cores.
"""

from ml_collections import ConfigDict

from configs.tables import table1


def get_config(preset: str = "") -> ConfigDict:
    """Presets: ``cpu`` and ``smoke``."""
    config = table1.get_config(preset)
    config.name = config.name.replace("table1", "figure4")
    config.title = "Figure 4: test accuracy against queries" + (f" ({preset})" if preset else "")
    config.ways = ConfigDict({way: table1.WAYS[way] for way in ("active", "random", "vanilla_al")})
    for row in config.rows.values():
        row.ways = tuple(config.ways)
    config.set = (*config.set, "rounds=3" if preset == "smoke" else "rounds=10")
    return config
