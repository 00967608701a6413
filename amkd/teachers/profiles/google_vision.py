"""Google Cloud Vision, label detection."""

from amkd.teachers.profiles.profile import OPEN, Profile, json_service

PROFILE = Profile(
    title="Google Cloud Vision, label detection",
    documentation="https://cloud.google.com/vision/docs/reference/rest/v1/images/annotate",
    fields={
        **json_service(
            http__url="https://vision.googleapis.com/v1/images:annotate",
            http__auth_header="X-Goog-Api-Key",
            http__auth_scheme="",
            http__auth_env="GOOGLE_API_KEY",
            json__request='{"requests": [{"image": {"content": "$image"}, "features": [{"type":'
            ' "LABEL_DETECTION", "maxResults": 50}]}]}',
            json__entries="responses",
            json__scores="labelAnnotations[].score || `[]`",
            json__labels="labelAnnotations[].description || `[]`",
            json__error="error.message",
            json__unknown="ignore",
            answers__form="scores",
        ),
        "batch": 4,
    },
    labels=OPEN,
    top_k="at most 50 labels, fewer if it is unsure; none for a class that it does not detect",
    rounding="none: floats of single precision",
    limits=(
        "a request takes at most 16 images and 10 MB; scores of different labels are independent,"
        " so that answers.form is scores"
    ),
)
