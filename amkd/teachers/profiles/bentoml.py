"""A BentoML service with one picture in and scores by label out."""

from amkd.teachers.profiles.profile import CLOSED, EVERYTHING, Profile, json_service

PROFILE = Profile(
    title="BentoML service: classify(image) that returns scores by label",
    documentation="https://docs.bentoml.com/en/latest/build-with-bentoml/iotypes.html",
    fields=json_service(
        http__url="http://localhost:3000/classify",
        json__body="form",
        json__request='{"image": "$image"}',
        json__scores="@",
        answers__form="top_k",
        answers__top_k=EVERYTHING,
    ),
    labels=CLOSED,
    top_k="what the service's code returns",
    rounding="what the service's code does",
    limits=(
        "a BentoML service is code of yours: this profile fits a method classify(self, image:"
        " PIL.Image.Image) -> dict[str, float]; name another route in http.url, another argument in"
        " json.request, another reply in json.scores"
    ),
)
