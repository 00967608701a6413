"""Your own images, and a well-known service or server as the teacher (docs/services.md).

Story:    teacher.profile sets how requests are written and replies are read; you set what only you
          know: a model, a region, an address, the price. The key is read from the environment and
          is never written. Every answer is kept: no answered image is queried again.
Command:  GOOGLE_API_KEY=... python launch.py --config=configs/service.py --workdir=runs/vision
          --config.teacher.profile=google_vision --config.data.folder=FOLDER
          --config.data.classes=classes.txt --config.teacher.price=0.0015
          --config.teacher.max_cost=20
First:    the same with --mode=plan, which sends no query and shows the cost; then with
          --mode=probe, which queries 20 images and shows the answers.
"""

from ml_collections import ConfigDict

from amkd.configs import folder


def get_config(preset: str = "") -> ConfigDict:
    """Returns the configuration. Presets: ``smoke``."""
    return with_profile(folder.get_config(preset))


def with_profile(config: ConfigDict) -> ConfigDict:
    """Returns a configuration whose teacher is a service that ``teacher.profile`` names."""
    # The profile sets the kind, the size of a batch and the form of the requests.
    config.teacher.kind = "flax"
    config.teacher.function = ""
    config.teacher.batch = 256
    config.teacher.profile = "google_vision"
    # Eight requests at the same time, at most ten in a second.
    config.teacher.in_flight = 8
    config.teacher.rate = 10.0
    return config
