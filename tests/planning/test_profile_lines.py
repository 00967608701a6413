"""What a plan says of the profile of a service."""

import pytest

from amkd.planning.profile_lines import profile_lines
from amkd.validation import from_config
from tests.support.configuring import changed


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"profile": "google_vision"}, False),
        ({"profile": "google_vision", "http__url": "https://vision.example.com/v1"}, True),
        ({"profile": "rekognition_labels", "http__aws_region": "eu-west-1"}, False),
        # Each has a server of its own.
        ({"profile": "torchserve", "http__url": "https://host:8080/m", "json__model": "m"}, False),
        ({"profile": "huggingface", "http__url": "https://host/models/m"}, False),
    ],
)
def test_a_profile_with_another_address_keeps_its_form(fields, told):
    """A user who changes only the address of a profile still sends what the profile sends."""
    named = {f"teacher__{name}": value for name, value in fields.items()}
    text = " ".join(" ".join(profile_lines(from_config(changed(**named)).teacher)).split())
    assert ("still follow the profile; for another service use" in text) == told
