"""A BentoML service that takes one image and returns scores by label."""

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
    top_k="depends on the service's code",
    rounding="depends on the service's code",
    limits=(
        "you write the code of a BentoML service: this profile fits a method classify(self, image:"
        " PIL.Image.Image) -> dict[str, float]; set another route in http.url, another argument in"
        " json.request, another reply in json.scores"
    ),
)
