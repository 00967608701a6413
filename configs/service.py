"""Your own pictures, and a well-known service or server that is the teacher (docs/services.md).

Story:    teacher.profile sets how the service is asked and read; you say what only you know: a
          model, a region, an address, the price. The key comes from the environment and is
          written nowhere. Every answer is kept: nothing that was answered is asked again.
Command:  GOOGLE_API_KEY=... python launch.py --config=configs/service.py --workdir=runs/vision
          --config.teacher.profile=google_vision --config.data.folder=PICTURES
          --config.data.classes=classes.txt --config.teacher.price=0.0015
          --config.teacher.max_cost=20
First:    the same with --mode=plan, which asks nothing and tells the bill; then with --mode=probe,
          which asks about 20 pictures and shows the answers.
"""

from ml_collections import ConfigDict

from amkd.configs import folder


def get_config(preset: str = "") -> ConfigDict:
    """Presets: ``smoke``."""
    return with_profile(folder.get_config(preset))


def with_profile(config: ConfigDict) -> ConfigDict:
    """Returns a configuration whose teacher is a service that ``teacher.profile`` names."""
    # The profile sets the kind, the size of a batch and how the service is asked.
    config.teacher.kind = "flax"
    config.teacher.function = ""
    config.teacher.batch = 256
    config.teacher.profile = "google_vision"
    # Eight requests under way, at most ten a second.
    config.teacher.in_flight = 8
    config.teacher.rate = 10.0
    return config
