"""Your own images, and a vision service on the web that is paid for each image.

Story:    a JSON service that answers one image with its five best labels and their scores. The key
          is read from the environment and is never written. Every answer is kept: no answered
          image is queried again.
Command:  VISION_KEY=... python launch.py --config=configs/http.py --workdir=runs/vision
          --config.data.folder=FOLDER --config.data.classes=classes.txt
          --config.teacher.http.url=https://vision.example.com/v1/classify
          --config.teacher.price=0.0015 --config.teacher.max_cost=20
First:    the same with --mode=plan, which sends no query and shows the cost; then with
          --mode=probe, which queries 20 images and shows the answers.
Yours:    the request and the places in the reply below are an example: replace them by those of
          your service. With fewer than five classes, add for example
          --config.teacher.answers.top_k=2.
Photos:   --config=configs/photos.py:http does the same with a pretrained student, which agreed with
          its teacher far more often after the same number of answers (docs/photos.md, one seed).
Servers:  for the Open Inference Protocol add --config.teacher.kind=oip
          --config.teacher.oip.model=NAME, for TensorFlow Serving --config.teacher.kind=tfserving
          --config.teacher.tfserving.model=NAME, and for both
          --config.teacher.answers.form=probabilities (or logits), a larger
          --config.teacher.batch and, if no key is needed, --config.teacher.http.auth_env=
"""

from ml_collections import ConfigDict

from amkd.configs import folder


def get_config(preset: str = "") -> ConfigDict:
    """Returns the configuration. Presets: ``smoke``."""
    return with_service(folder.get_config(preset))


def with_service(config: ConfigDict) -> ConfigDict:
    """Returns a configuration whose teacher is a service that takes and answers JSON."""
    config.teacher.kind = "json"
    config.teacher.function = ""
    config.teacher.http.url = "https://vision.example.com/v1/classify"
    config.teacher.http.auth_env = "VISION_KEY"
    # One image in each request, eight requests at the same time, at most twenty in a second.
    config.teacher.batch = 1
    config.teacher.in_flight = 8
    config.teacher.rate = 20.0
    config.teacher.price = 0.0015
    config.teacher.json.request = '{"image": "$image", "top": 5}'
    # {"predictions": [{"label": "cat", "score": 0.93}, ...]}
    config.teacher.json.scores = "predictions[].score"
    config.teacher.json.labels = "predictions[].label"
    config.teacher.answers.form = "top_k"
    return config
