"""Azure AI Custom Vision, classification."""

from amkd.teachers.profiles.profile import CLOSED, EVERYTHING, Profile, json_service

PROFILE = Profile(
    title="Azure AI Custom Vision, classification",
    documentation=(
        "https://learn.microsoft.com/azure/ai-services/custom-vision-service/use-prediction-api"
    ),
    fields=json_service(
        http__auth_header="Prediction-Key",
        http__auth_scheme="",
        http__auth_env="AZURE_PREDICTION_KEY",
        http__headers='{"Content-Type": "application/octet-stream"}',
        json__body="file",
        json__scores="predictions[].probability",
        json__labels="predictions[].tagName",
        answers__form="top_k",
        answers__top_k=EVERYTHING,
    ),
    needs={"http.url": "the prediction URL for image files; it ends in /image"},
    labels=CLOSED + '; map the tag "Negative" to -1',
    top_k="every tag of the project",
    rounding="none: floats; for a multiclass project they sum to 1",
    limits=(
        "an image file has at most 4 MB; a URL with /image/nostore keeps your images out of the"
        " project; for a multilabel project set answers.form=scores"
    ),
)
