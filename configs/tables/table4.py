"""Tables 4 and 5: real images from another domain than the teacher's.

Paper:    CIFAR-10's teacher, real images from another data set (it is not known from which one):
          40,000 queries reach 77.89.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/table4.py:cpu
            --workdir=runs/table4_cpu
Cost:     CIFAR-100 images for CIFAR-10: hours for each run on a GPU. :cpu, MNIST images for
          Fashion-MNIST and the other way round, with the short recipe of table1.py:cpu and 8,000
          queries: a minute for each run on one core (MNIST; Fashion-MNIST was not run).
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, row, table1


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Preset: ``cpu``."""
    check(preset, "cpu")
    config = table1.get_config(preset)
    config.name = config.name.replace("table1", "table4")
    config.title = "Tables 4 and 5: real images of another domain" + (
        f" ({preset})" if preset else ""
    )
    config.ways = ConfigDict({way: table1.WAYS[way] for way in ("active", "random", "real_only")})
    config.rows = ConfigDict()
    if preset == "cpu":
        few = ("budget=8000", "rounds=2")
        for own, other, name in (
            ("mnist", "fashion_mnist", "mnist"),
            ("fashion_mnist", "mnist", "fashion"),
        ):
            config.rows[f"{name}_own"] = row(f"{own}.py", *few)
            config.rows[f"{name}_from_{other}"] = row(f"{own}.py", *few, f"data.real={other}")
    else:
        config.rows.cifar10_own = row("cifar10.py", "student=alexnet")
        config.rows.cifar10_from_cifar100 = row(
            "cifar10.py", "student=alexnet", "data.real=cifar100"
        )
    return config
