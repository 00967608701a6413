"""Ablations of Active Mixup: changes one field at a time, each compared with the default method.

Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/ablations.py:cpu
            --workdir=runs/ablations_cpu
Cost:     as table1.py; :cpu, 8,000 queries for the half students of MNIST and Fashion-MNIST: 1 to
          3 minutes for each run on one core of a machine with other work.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import table1, without_quotes

ACTIVE = ("method=active_mixup",)
WAYS = {
    "active": ACTIVE,
    "refined": (*ACTIVE, "search.minimiser=refined"),
    "wide": (*ACTIVE, "search.lam_low=0.05", "search.lam_high=0.95", "search.lam_count=19"),
    "hard_answers": (*ACTIVE, "teacher.answers.form=label"),
    "warm_start": (*ACTIVE, "warm_start=True"),
    "as_released": (*ACTIVE, "search.as_released=True"),
    "no_augmentation": (*ACTIVE, "train.crop=0", "train.flip=False"),
}


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu`` and ``smoke``."""
    config = table1.get_config(preset)
    config.name = config.name.replace("table1", "ablations")
    config.title = "Ablations of Active Mixup" + (f" ({preset})" if preset else "")
    config.against, config.ways = ("active",), ConfigDict(WAYS)
    if not preset:
        del config.rows.mnist, config.rows.fashion, config.rows.places365
    if preset == "cpu":
        config.set = (*config.set, "budget=8000", "rounds=2")
    for row in config.rows.values():
        row.ways = tuple(WAYS)
    return without_quotes(config) if preset == "cpu" else config
