"""Roboflow, hosted single-label classification."""

from amkd.teachers.profiles.profile import CLOSED, EVERYTHING, Profile, json_service

PROFILE = Profile(
    title="Roboflow, hosted single-label classification",
    documentation="https://docs.roboflow.com/deployment/legacy/legacy-serverless/classification",
    fields=json_service(
        http__url="https://classify.roboflow.com/$model",
        http__auth_env="ROBOFLOW_API_KEY",
        json__body="base64",
        json__scores="predictions[].confidence",
        json__labels="predictions[].class",
        answers__form="top_k",
        answers__top_k=EVERYTHING,
    ),
    needs={"json.model": "project and version, such as my-project/3"},
    labels=CLOSED,
    top_k="every class of the model",
    rounding="four decimal digits in the documentation's examples",
    limits=(
        "the key is sent as a header, never in the address; for a multi-label model the reply is an"
        " object: set json.scores='predictions.*.confidence', json.labels='keys(predictions)' and"
        " answers.form=scores"
    ),
)
