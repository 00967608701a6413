"""The demo with several seeds: the paper's choice of mixes against random pairs, on real digits.

Command:  python launch.py --config=configs/tables/demo.py --workdir=runs/demo_table
          the same with --mode=table --output=results; the curves are demo.svg and demo-curves.csv
Cost:     2 ways, 5 seeds; :cpu 3 seeds. Less than a minute for each run on 2 idle CPU cores.
Smoke:    :smoke: a minute.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, row, table

WAYS = {"active": (), "random": ("method=random_mixup",)}


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu`` and ``smoke``."""
    check(preset, "cpu", "smoke")
    title = "The demo: test accuracy on digits from 40 real images"
    config = table("demo", preset, title, WAYS, "random")
    if preset:
        config.seeds = (0, 1, 2)[: 1 if preset == "smoke" else 3]
    config.rows.digits = row("digits.py:smoke" if preset == "smoke" else "digits.py")
    return config
