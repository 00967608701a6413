"""Tables 2 and 3: real images against selected images. One run gives all columns of its row, one
for each round.

Paper:    CIFAR-10, VGG-16, 500 to 2,000 real images, 5,000 to 160,000 selected; Places365 likewise.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/table2.py --workdir=runs/table2
          The second table in table2.md is the paper's: its rows are real images, its columns
          selected images.
Cost:     estimated: days on a GPU; :cpu, MNIST with 1,000 to 8,000 selected: 2 to 3 minutes for
          each run on one core.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import row, table1

REAL = (500, 1000, 1500, 2000)
_REAL = {"cpu": (500, 1000, 2000), "smoke": (20, 50)}


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu`` and ``smoke``."""
    config = table1.get_config(preset)
    config.name = config.name.replace("table1", "table2")
    config.title = "Tables 2 and 3: real against selected images" + (
        f" ({preset})" if preset else ""
    )
    config.ways = ConfigDict({way: table1.WAYS[way] for way in ("active", "random")})
    config.grid = True
    config.rows = ConfigDict()
    for n in _REAL.get(preset, REAL):
        config.rows[f"real_{n}"] = _row(preset, n)
    return config


def _row(preset: str, n: int) -> ConfigDict:
    if preset == "smoke":
        return row(
            "default.py:smoke",
            f"n_real={n}",
            f"budget={n + 100}",
            "rounds=2",
            "train.epochs=5",
            "train.min_steps=0",
        )
    if preset == "cpu":
        schedule = "search.schedule='1000,1000,2000,4000'"
        return row("mnist.py", f"n_real={n}", f"budget={n + 8000}", "rounds=4", schedule)
    ks = (5000, 5000, 10000, 20000, 40000, 80000)[
        : 5 if n == 500 else 6
    ]  # 500 images have 124,750 pairs
    fields = (
        f"rounds={len(ks)}",
        f"search.schedule={','.join(map(str, ks))!r}",
        f"budget={n + sum(ks)}",
    )
    return row("cifar10.py", f"n_real={n}", *fields, "student=vgg16", "teacher.model=vgg16")
