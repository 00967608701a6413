"""Published weights and parts of a network, as far as a configuration alone tells."""

import pytest

from amkd.core.errors import UserError
from amkd.validation import from_config

_FROZEN_AND_SLOWER = {"freeze": "backbone", "backbone_rate": 0.5}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"student_weights": "hf:timm/resnet18.a1_in1k"}, "no published weights for student"),
        (
            {"student": "efficientnet_lite0", "student_weights": "nothing.safetensors"},
            "there is no such file",
        ),
        ({"train": {"freeze": "backbone"}}, "would keep random weights"),
        (
            {"train": {"freeze": "backbone", "layer_decay": 0.5}},
            r"config\.train\.layer_decay=0\.5: has no effect",
        ),
        (
            {
                "assistant": {
                    "model": "lenet5",
                    "train": {"freeze": "backbone", "backbone_rate": 0.5},
                }
            },
            r"config\.assistant\.train\.backbone_rate=0\.5: has no effect",
        ),
        ({"train": {"backbone_rate": 0.0}}, r"positive and finite; train\.freeze=backbone"),
        (
            {"teacher": {"train": {"backbone_rate": 0.5}}},
            "a teacher is trained from random weights",
        ),
    ],
)
def test_what_cannot_work_is_refused(fields, said):
    with pytest.raises(UserError, match=said):
        from_config(fields)


def test_published_weights_and_a_frozen_backbone_are_taken():
    settings = from_config(
        {
            "student": "efficientnet_lite0",
            "student_weights": "hf:timm/efficientnet_lite0.ra_in1k",
            "train": {"freeze": "backbone"},
        }
    )
    assert settings.student_weights == "hf:timm/efficientnet_lite0.ra_in1k"
