"""Figure 4: accuracy against queries, for active and random; each curve is one run's rounds.

Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/figure4.py
            --workdir=runs/figure4
Cost:     estimated. CIFAR-10: hours for each run on a GPU. :cpu, the half students of MNIST and
          Fashion-MNIST from 2,000 to 14,000 queries: 3 minutes for each run on one core.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import table1, without_quotes


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu`` and ``smoke``."""
    config = table1.get_config(preset)
    config.name = config.name.replace("table1", "figure4")
    config.title = "Figure 4: test accuracy against queries" + (f" ({preset})" if preset else "")
    ways = ("active", "random") if preset == "cpu" else ("active", "random", "vanilla_al")
    config.ways = ConfigDict({way: table1.WAYS[way] for way in ways})
    for row in config.rows.values():
        row.ways = ways
    rounds = {"smoke": ("rounds=3",), "cpu": ("rounds=6", "budget=14000")}
    config.set = (*config.set, *rounds.get(preset, ("rounds=10",)))
    return without_quotes(config) if preset == "cpu" else config
