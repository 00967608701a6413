"""Amazon Rekognition Custom Labels, DetectCustomLabels."""

from amkd.teachers.profiles.profile import CLOSED, EVERYTHING, Profile, json_service
from amkd.teachers.profiles.rekognition_labels import rekognition

PROFILE = Profile(
    title="Amazon Rekognition Custom Labels, DetectCustomLabels",
    documentation=(
        "https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectCustomLabels.html"
    ),
    fields={
        **json_service(
            json__request='{"ProjectVersionArn": "$model", "Image": {"Bytes": "$image"},'
            ' "MinConfidence": 0}',
            json__scores="CustomLabels[].Confidence",
            json__labels="CustomLabels[].Name",
            json__scale=0.01,
            answers__form="top_k",
            answers__top_k=EVERYTHING,
        ),
        **rekognition("DetectCustomLabels"),
    },
    needs={
        "http.aws_region": "the region, such as eu-west-1",
        "json.model": "the model's ProjectVersionArn",
    },
    labels=CLOSED,
    top_k="every label, because the lowest confidence that is requested is 0",
    rounding="percentages, of three digits after the point in the documentation's examples",
    limits=(
        "a model must be started, and costs by the hour while it runs; image files of at most 4 MB;"
        " needs the extra aws; for a model of several labels per image set answers.form=scores"
    ),
)
