"""Your own photographs and a paid teacher: a pretrained student that learns in minutes.

Story:    2,000 photographs in a folder, without ground-truth labels, and a vision service. The
          service sees 256 pixels, the student 160. The student's backbone has published weights,
          which are not changed; its features are computed once, and a new last layer learns from
          the service's answers. Each round queries more of the photographs.
Command:  python launch.py --config=configs/photos.py --workdir=runs/photos
          --config.data.folder=FOLDER --config.data.classes=cat,dog
          --config.teacher.function=my_teacher:answer
First:    the same with --mode=plan, which sends no query and shows the queries, the cost and the
            needs of the run.
Service:  --config=configs/photos.py:service, with --config.teacher.profile=google_vision or another
          profile in place of the function (docs/services.md). A service without a profile:
          --config=configs/photos.py:http, with the fields of configs/http.py.
"""

from ml_collections import ConfigDict

from amkd.configs import default, http, service


def get_config(preset: str = "") -> ConfigDict:
    """Returns the configuration. Presets: ``service`` (a service with a profile), ``http`` (any
    service that answers JSON).
    """
    if preset not in ("", "service", "http"):
        raise ValueError(f"preset {preset!r} does not exist; there are: service, http")
    config = default.get_config()
    config.dataset = "folder"
    config.data.folder = "pictures"
    # Names in the teacher's order, their number, or a file with one name on each line.
    config.data.classes = "classes.txt"
    # The side of the images that are sent to the teacher, in pixels: the middle square of each
    # image file. For other proportions see data.width and data.resize.
    config.data.size = 256
    config.data.broken = "skip"
    # Further photographs of yours increased agreement more than mixes: see results/README.md.
    config.method = "active_labelling"
    config.search.acquisition = "random"
    config.n_real = 0  # half of the budget: round 0 queries as many as the round after it
    config.budget = 1000
    config.rounds = 1
    config.student = "efficientnet_lite0"
    config.student_weights = "hf:timm/efficientnet_lite0.ra_in1k"
    config.student_size = 160
    config.teacher.kind = "python"
    config.teacher.function = "my_teacher:answer"
    config.teacher.batch = 64
    config.train.freeze = "backbone"
    # The photograph, and its flip or itself once more.
    config.train.views = 2
    config.train.flip = True
    config.train.mix_share = 0.5
    config.train.epochs = 40
    config.train.min_steps = 1000
    config.train.learning_rate = 1e-3
    config.train.temperature = 2.0
    if preset == "http":
        return http.with_service(config)
    return service.with_profile(config) if preset else config
