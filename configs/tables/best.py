"""The best recipes found here (configs/best/), compared with random pairs and the same recipe.

Paper:    LeNet-5 teacher and student: MNIST 98.74, Fashion-MNIST 80.90.
Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/best.py:cpu
            --workdir=runs/best_cpu
          the same with --mode=table --output=results, after the runs have ended
Cost:     :cpu, a pool of 200,000 pairs, on one core of a machine with other work: with the half
          student 4 minutes for each run of MNIST and 3 of Fashion-MNIST, with LeNet-5 13 and 7.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, row, table

WAYS = {
    "best": (),
    "random": ("method=random_mixup", "search.random_lam=half"),
}


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu`` and ``smoke``."""
    check(preset, "cpu", "smoke")
    title = "The best recipes found here, at the paper's budgets and a quarter of them"
    config = table("best", preset, title, WAYS, "random")
    if preset == "smoke":
        config.seeds = (0,)
        fields = ("search.acquisition=k_center", "search.candidates=2.0", "train.min_steps=100")
        config.rows.digits = row("default.py:smoke", *fields)
        return config
    same, half, own = "student=lenet5", "student=lenet5_half", ("best", "random")
    mnist, fashion = "best/mnist.py", "best/fashion_mnist.py"
    config.rows.mnist_half = row(mnist, half, best=98.58, source="DivBFKD", ways=own)
    config.rows.fashion_half = row(fashion, half, best=86.50, source="DivBFKD", ways=own)
    config.rows.mnist = row(
        mnist, same, paper={"best": 98.74}, best=98.97, source="DivBFKD", ways=own
    )
    config.rows.fashion = row(
        fashion, same, paper={"best": 80.90}, best=87.65, source="DivBFKD", ways=own
    )
    config.rows.mnist_quarter = row(mnist, same, "budget=6000", "last_epochs=200", ways=("best",))
    config.rows.fashion_quarter = row(
        fashion, same, "budget=12000", "last_epochs=120", ways=("best",)
    )
    if preset == "cpu":
        config.title += ", on 2 CPU cores: a pool of 200,000 pairs"
        config.set = (*config.set, "search.max_pairs=200000")
        for name in ("mnist", "fashion"):
            config.rows[name].ways = ("best",)
    return config
