"""Lanes: road images with up to four lanes, made by the package; it downloads nothing.

Data:     2,000 images of 48x80 pixels to choose from and 500 test images; the ground-truth labels
          are lanes at 12 rows. The annotator is the data set itself.
Command:  python launch.py --config=configs/roads.py --workdir=runs/roads
          with --config.teacher.kind=flax and --config.search.gap_teacher=committee, a row-anchor
          network is trained on all images first, and the student learns its soft answers.
Cost:     about three minutes on 2 idle CPU cores (estimated).
Smoke:    python launch.py --config=configs/roads.py:smoke --workdir=runs/roads_smoke
"""

from ml_collections import ConfigDict

from amkd.configs import default


def get_config(preset: str = "") -> ConfigDict:
    """Returns the configuration. Presets: ``smoke``."""
    config = default.get_config(preset)
    config.dataset = "roads"
    config.method = "active_labelling"
    config.student = "row_anchor_half"
    config.n_real, config.budget, config.rounds = 100, 500, 4
    config.teacher.kind = "labels"
    config.teacher.model = "row_anchor"
    config.search.acquisition = "distillation_gap"
    config.search.gap_teacher = "network"
    steps = 400
    if preset == "smoke":
        config.n_real, config.budget, config.rounds = 20, 40, 1
        config.data.test_images = 20
        steps = 20
    for recipe in (config.train, config.teacher.train):
        recipe.epochs, recipe.min_steps, recipe.batch_size = 1, steps, 32
        recipe.learning_rate, recipe.weight_decay = 5e-3, 5e-2
    return config
