"""Which method to learn from the answers is best? It is answered without the use of test labels.

All runs use the same random mixes and change one thing in the recipe of configs/mnist.py.
``features``, ``features4`` and ``related_views`` see more of the teacher than its answers, ``top3``
and ``label`` see less. ``views`` and ``related_views`` query real images and their rotations in
place of mixes, with four queries for each image, for any budget. Every run is evaluated by its
agreement with the teacher on 10,000 training images that are not drawn (data.evaluate_on). The
results: results/experiments.md.

Command:  TFDS_DATA_DIR=... python launch.py --config=configs/tables/losses.py --workdir=runs/losses
          python launch.py --config=configs/tables/losses.py --workdir=runs/losses --mode=table
            --output=results
Cost:     two minutes for each run of MNIST on 2 cores, four of Fashion-MNIST (estimated).
          :cpu, MNIST with 12,000 queries, two seeds: 1.5 minutes for each run on one core.
          :few, only 4,000 queries from 1,000 real images: 210 runs of half a minute on one core.
Smoke:    :smoke, on the embedded digits: a minute.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, on_training_images, row, table

_VIEWS = ("method=sskd", "train.temperature=4.0")
# The part of the same answers that a service which returns only its best classes would show.
_TOP3 = ("teacher.answers.form=top_k", "teacher.answers.top_k=3")
WAYS = {
    "as_paper": (),
    "temperature4": ("train.temperature=4.0",),
    "temperature20": ("train.temperature=20.0",),
    "standardised": ("train.loss=standardised",),
    "remixed": ("train.mix_share=0.5",),
    "remixed_as_released": ("train.mix_share=0.1", "train.mix_as_released=True"),
    "without_hard": ("train.weighting=discard_hard",),
    "easy_softmax": ("train.weighting=softmax",),
    "easy_polynomial": ("train.weighting=polynomial",),
    "fidelity": ("train.weighting=fidelity",),
    "adaptive": ("train.loss=pad_kl",),
    "features": ("train.loss=pad_l2",),
    "features4": ("train.loss=pad_l2", "train.temperature=4.0"),
    "views": _VIEWS,
    "related_views": (*_VIEWS, "train.loss=sskd"),
    "averaged": ("train.average=0.999",),
    "still": ("train.crop=0",),
    "turned": ("train.rotate=10.0", "train.zoom=0.1"),
    "top3": _TOP3,
    "top3_temperature4": (*_TOP3, "train.temperature=4.0"),
    "label": ("teacher.answers.form=label",),
}


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu``, ``few`` and ``smoke``."""
    check(preset, "cpu", "few", "smoke")
    title = (
        "Learning from the answers: agreement with the teacher on training images that are not"
        " drawn"
    )
    config = on_training_images(table("losses", preset, title, WAYS, "as_paper"))
    config.set = (*config.set, "method=random_mixup", "rounds=1")
    if preset == "smoke":
        config.seeds = (0,)
        config.rows.digits = row(
            "default.py:smoke",
            "budget=200",
            "data.test_images=200",
            "train.min_steps=50",
            "train.epochs=5",
        )
        return config
    if preset == "few":
        config.title += " (4,000 queries)"
        few = (
            "n_real=1000",
            "budget=4000",
            "search.max_pairs=100000",
            "train.epochs=96",
            "train.min_steps=500",
        )
        config.rows.mnist = row("mnist.py", *few)
        config.rows.fashion = row("fashion_mnist.py", *few, "train.learning_rate=6e-3")
        return config
    # The same number of steps as the others, with fewer images.
    for way in ("views", "related_views"):
        config.ways[way] = (*WAYS[way], "train.min_steps=6000")
    config.rows.mnist = row("mnist.py", "train.epochs=40")
    config.rows.fashion = row("fashion_mnist.py")
    if preset == "cpu":
        config.title += " (12,000 queries)"
        config.seeds = (0, 1)
        few = (
            "search.max_pairs=200000",
            "budget=12000",
            "train.epochs=20",
            "train.min_steps=500",
            "last_epochs=64",
        )
        config.rows = ConfigDict({"mnist": row("mnist.py", *few)})
    return config
