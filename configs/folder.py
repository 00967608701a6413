"""Your own pictures, and a teacher that is a Python function, an ONNX file or a local server.

Story:    2,000 photos in a folder, no labels; a model that you may only ask. The student is
          judged by its agreement with the teacher on 200 pictures that are held out.
Command:  python launch.py --config=configs/folder.py --workdir=runs/photos
          --config.data.folder=PICTURES --config.data.classes=cat,dog
          --config.teacher.function=my_teacher:answer
First:    the same with --mode=plan, which asks nothing and tells what the run will ask, cost and
            need.
Many:     with more pictures than money for questions, as many as the budget allows are drawn by
          seed. --config.method=active_labelling --config.search.acquisition=k_center chooses them
          in rounds.
"""

from ml_collections import ConfigDict

from amkd.configs import default


def get_config(preset: str = "") -> ConfigDict:
    """Presets: ``smoke``."""
    config = default.get_config()
    config.dataset = "folder"
    config.data.folder = "pictures"
    # Names in the teacher's order, their number, or a file with one name a line.
    config.data.classes = "classes.txt"
    # The side of the student's pictures, in pixels; the teacher is shown the same ones.
    config.data.size = 64
    config.data.broken = "skip"
    config.method = "auto"  # what was measured to hold; active_mixup is the paper's
    config.n_real = 0  # all, or as many as the budget allows; the rest of it is for mixes
    config.budget = 10000
    config.rounds = 4
    config.student = "alexnet_half"
    config.teacher.kind = "python"
    config.teacher.function = "my_teacher:answer"
    config.teacher.batch = 64
    # A sample of the pairs, for CPUs; 0 takes them all.
    config.search.max_pairs = 100000
    config.train.epochs = 60
    config.train.min_steps = 3000
    # Softer answers tell more; of a label alone there is nothing to soften (results/README.md).
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
