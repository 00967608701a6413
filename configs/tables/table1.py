"""Table 1: every method at the budget of the paper, on MNIST, Fashion-MNIST, CIFAR-10 and Places365.

Paper:    MNIST 98.74, Fashion-MNIST 80.90, CIFAR-10 74.60; Places365 85.14% of its teacher (a second-hand figure).
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/table1.py:cpu --workdir=runs/table1_cpu
          python launch.py --config=configs/tables/table1.py:cpu --workdir=runs/table1_cpu --mode=table --output=results
Cost:     all of it: days on a GPU (estimated; CIFAR-10 and Places365 most of all).
          :cpu, MNIST and Fashion-MNIST with shortened recipes, 200,000 pairs: 2 minutes a run of MNIST on 2 cores,
          about twice that of Fashion-MNIST (estimated).
          :smoke, all methods on the embedded digits, too short to tell them apart: a minute.
"""

from ml_collections import ConfigDict

# Way: fields. The budgets of full_kd and supervised_full are all training images.
WAYS = {
    "active": ("method=active_mixup",),
    "active_refined": ("method=active_mixup", "search.minimiser=refined"),
    "random": ("method=random_mixup",),
    "random_lam": ("method=random_mixup", "search.random_lam=grid"),
    "active_variants": ("method=active_mixup", "search.minimiser=refined", "search.variants=8"),
    "random_variants": ("method=random_mixup", "search.random_lam=grid", "search.variants=8"),
    "vanilla_al": ("method=vanilla_al",),
    "real_only": ("method=real_only",),
    "sskd": ("method=sskd", "train.temperature=4.0"),
    "full_kd": ("method=full_kd", "budget=60000"),
    "supervised_real": ("method=supervised_real",),
    "supervised_full": ("method=supervised_full", "budget=60000"),
}
CHEAP = (
    *("active", "active_refined", "active_variants", "random", "random_lam", "random_variants"),
    *("real_only", "supervised_real"),
)
SHORT = ("search.max_pairs=200000", "train.epochs=40", "train.min_steps=3000")


def row(config: str, *fields: str, **quoted: object) -> ConfigDict:
    """A row: a file of ``configs/``, fields as on the command line, and what others have published."""
    return ConfigDict({"config": f"configs/{config}", "set": fields, **quoted})


def get_config(preset: str = "") -> ConfigDict:
    """Presets: ``cpu`` and ``smoke``."""
    config = ConfigDict()
    config.name = "table1"
    config.title = "Table 1: test accuracy at the paper's budgets"
    config.seeds = (0, 1, 2, 3, 4)
    config.against = "random"
    # Names of the rows to run; () for all.
    config.only = ()
    config.set = ("report.tensorboard=False", "report.plots=False")
    config.ways = ConfigDict(WAYS)
    same, half = "student=lenet5", "student=lenet5_half"
    config.rows = ConfigDict()
    config.rows.mnist = row("mnist.py", same, paper=98.74, best=98.97, source="DivBFKD")
    config.rows.mnist_half = row("mnist.py", half, best=98.58, source="DivBFKD")
    config.rows.fashion = row("fashion_mnist.py", same, paper=80.90, best=87.65, source="DivBFKD")
    config.rows.fashion_half = row("fashion_mnist.py", half, best=86.50, source="DivBFKD")
    config.rows.cifar10 = row("cifar10.py", "student=alexnet", paper=74.60, best=76.17, source="FS-BBT")
    config.rows.places365 = row(
        *("cifar10.py", "dataset=places365_small", "data.size=32", "n_real=80000", "budget=480000"),
        *("student=vgg16", "teacher.model=vgg16", "search.max_pairs=10000000"),
        ways=("active", "random", "real_only"),
    )
    if preset == "cpu":
        config.name, config.title = "table1_cpu", "Table 1 on 2 CPU cores: shortened recipes, 200,000 pairs"
        config.seeds, config.set = (0, 1, 2), (*config.set, *SHORT)
        del config.rows.cifar10, config.rows.places365
        for one in config.rows.values():
            one.ways = CHEAP
    elif preset == "smoke":
        config.name, config.title = "table1_smoke", "Table 1 in small, on the embedded digits"
        config.seeds, config.rows = (0, 1), ConfigDict()
        config.rows.digits = row("default.py:smoke", "train.min_steps=100")
        config.ways.full_kd = ("method=full_kd", "budget=400")
        config.ways.supervised_full = ("method=supervised_full", "budget=400")
    elif preset:
        raise ValueError(f"preset {preset!r} does not exist; there are: cpu, smoke")
    return config
