"""Your own pictures, and a vision service on the web that is paid by the picture.

Story:    a JSON service that answers one picture with its five best labels and their scores. The
          key comes from the environment and is written nowhere. Every answer is kept: nothing
          that was answered is asked again.
Command:  VISION_KEY=... python launch.py --config=configs/http.py --workdir=runs/vision
          --config.data.folder=PICTURES --config.data.classes=classes.txt
          --config.teacher.http.url=https://vision.example.com/v1/classify
          --config.teacher.price=0.0015 --config.teacher.max_cost=20
First:    the same with --mode=plan, which asks nothing and tells the bill; then with --mode=probe,
          which asks about 20 pictures and shows the answers.
Yours:    the request and the places of the reply below are an example: write your service's there.
          With fewer than five classes, add --config.teacher.answers.top_k=2, say.
Photos:   --config=configs/photos.py:http does the same with a pretrained student, which agreed with
          its teacher far more often after as many answers (docs/photos.md, one seed).
Servers:  for the Open Inference Protocol add --config.teacher.kind=oip
          --config.teacher.oip.model=NAME, for TensorFlow Serving --config.teacher.kind=tfserving
          --config.teacher.tfserving.model=NAME, and with either
          --config.teacher.answers.form=probabilities (or logits), a larger
          --config.teacher.batch and, where no key is needed, --config.teacher.http.auth_env=
"""

from ml_collections import ConfigDict

from amkd.configs import folder


def get_config(preset: str = "") -> ConfigDict:
    """Presets: ``smoke``."""
    return with_service(folder.get_config(preset))


def with_service(config: ConfigDict) -> ConfigDict:
    """Returns a configuration whose teacher is a service that takes and answers JSON."""
    config.teacher.kind = "json"
    config.teacher.function = ""
    config.teacher.http.url = "https://vision.example.com/v1/classify"
    config.teacher.http.auth_env = "VISION_KEY"
    # One picture a request, eight requests under way, at most twenty a second.
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
