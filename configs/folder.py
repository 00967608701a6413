"""Your own images, and a teacher that is a Python function, an ONNX file or a local server.

Story:    2,000 photographs in a folder, without ground-truth labels; a model that you may only
          query. The student is evaluated by its agreement with the teacher on 200 images that are
          held out.
Command:  python launch.py --config=configs/folder.py --workdir=runs/photos
          --config.data.folder=FOLDER --config.data.classes=cat,dog
          --config.teacher.function=my_teacher:answer
First:    the same with --mode=plan, which sends no query and shows the queries, the cost and the
            needs of the run.
Many:     if you have more images than the budget allows, as many as it allows are drawn with the
          seed. --config.method=active_labelling --config.search.acquisition=k_center chooses them
          in rounds.
"""

from ml_collections import ConfigDict

from amkd.configs import default


def get_config(preset: str = "") -> ConfigDict:
    """Returns the configuration. Presets: ``smoke``."""
    config = default.get_config()
    config.dataset = "folder"
    config.data.folder = "pictures"
    # Names in the teacher's order, their number, or a file with one name on each line.
    config.data.classes = "classes.txt"
    # The side of the student's images, in pixels; the teacher sees the same images.
    config.data.size = 64
    config.data.broken = "skip"
    config.method = "auto"  # the method that the measurements support; active_mixup is the paper's
    config.n_real = 0  # all, or as many as the budget allows; the rest of the budget is for mixes
    config.budget = 10000
    config.rounds = 4
    config.student = "alexnet_half"
    config.teacher.kind = "python"
    config.teacher.function = "my_teacher:answer"
    config.teacher.batch = 64
    # A sample of the pairs, for CPUs; 0 takes all pairs.
    config.search.max_pairs = 100000
    config.train.epochs = 60
    config.train.min_steps = 3000
    # Softened answers contain more information; a hard label cannot be softened
    # (results/README.md).
    config.train.temperature = 4.0
    config.train.crop = 4
    config.train.flip = True
    if preset == "smoke":
        config.n_real, config.budget, config.rounds = 60, 180, 2
        config.data.size, config.data.held_out = 32, 20
        config.search.max_pairs = 500
        config.train.epochs, config.train.min_steps = 5, 100
    elif preset:
        raise ValueError(f"preset {preset!r} does not exist; there is: smoke")
    return config
