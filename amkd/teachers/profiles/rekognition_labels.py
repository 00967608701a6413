"""Amazon Rekognition, DetectLabels."""

from amkd.teachers.profiles.profile import OPEN, Profile, json_service

# A service of AWS has one address for many operations; a header names the operation.
THROTTLED = (
    "ThrottlingException,ProvisionedThroughputExceededException,LimitExceededException,"
    "TooManyRequestsException"
)


def rekognition(operation: str) -> dict[str, object]:
    """Returns the fields that all operations of Rekognition share."""
    return {
        "http.url": "https://rekognition.$region.amazonaws.com/",
        "http.headers": '{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target":'
        f' "RekognitionService.{operation}"}}',
        "http.busy": THROTTLED,
        "http.aws_service": "rekognition",
    }


PROFILE = Profile(
    title="Amazon Rekognition, DetectLabels",
    documentation="https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html",
    fields={
        **json_service(
            json__request='{"Image": {"Bytes": "$image"}, "MaxLabels": 100, "MinConfidence": 0}',
            json__scores="Labels[].Confidence",
            json__labels="Labels[].Name",
            json__scale=0.01,
            json__unknown="ignore",
            answers__form="scores",
        ),
        **rekognition("DetectLabels"),
    },
    needs={"http.aws_region": "the region, such as eu-west-1"},
    labels=OPEN,
    top_k="at most 100 labels of any confidence; none for a class that it does not detect",
    rounding="none: percentages as floats of single precision",
    limits=(
        "images of at least 80 x 80 pixels (data.size) and at most 5 MB; needs the extra aws;"
        " confidences of different labels are independent, so that answers.form is scores"
    ),
)
