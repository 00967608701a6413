"""What an assistant cannot do is refused before the first query."""

import pytest

from amkd.core.errors import UserError
from tests.support.small import configured

WITH = {"assistant.model": "lenet5"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"assistant.model": "lenet6"}, "config.assistant.model='lenet6'"),
        ({"assistant.weights": "hf:timm/x.y"}, "config.assistant.weights='hf:timm/x.y'"),
        ({"assistant.rounds": "first"}, "config.assistant.rounds='first'"),
        ({"assistant.mixes": -1}, "config.assistant.mixes=-1"),
        ({"assistant.mixes": 0}, "the assistant answers no images"),
        ({"assistant.near": 1.5}, "config.assistant.near=1.5: must be .* it is a share"),
        ({"assistant.share": 1.0}, "config.assistant.share=1.0: must be"),
        ({"assistant.share": 0.001}, "in a batch of 128 images, the assistant and the teacher"),
        ({"assistant.share": 0.999}, "must each have at least one image"),
        ({"assistant.views": 2}, "all views of an image are identical"),
        ({"assistant.real_images": 5}, "method 'active_mixup' has no real images"),
        ({"assistant.train.views": 2}, "config.assistant.train.views=2: an assistant caches no"),
        ({"assistant.train.corrections": 2.0}, "applies to both student and assistant"),
        (
            {"train.corrections": 2.0, "assistant.train.weighting": "softmax"},
            "assistant.train.weighting='softmax' already sets the weights of the records",
        ),
        ({"assistant.train.freeze": "backbone"}, "these layers would keep random weights"),
        (
            {"assistant.train.loss": "pad_l2"},
            "config.assistant.train.loss='pad_l2': this loss needs",
        ),
        ({"assistant.train.loss": "sof"}, "config.assistant.train.loss='sof'"),
        ({"assistant.train.epochs": 0}, "config.assistant.train.epochs=0"),
        ({"train.loss": "pad_l2"}, "config.train.loss='pad_l2': .* an assistant gives only"),
        ({"method": "sskd", "train.loss": "sskd", "budget": 800}, "config.train.loss='sskd'"),
        ({"assistant.near": 0.5, "method": "real_only"}, "does not query pairs"),
        (
            {"assistant.near": 0.5, "search.lam_low": 0.5, "search.lam_high": 0.5},
            "needs another lambda",
        ),
        ({"n_real": 20, "budget": 210, "rounds": 1}, "20 real images have 190 pairs"),
        (
            {
                "assistant.rounds": "all",
                "search.acquisition": "ensemble",
                "search.candidates": 2.0,
            },
            "compares students that do not learn from an assistant",
        ),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(fields, said):
    with pytest.raises(UserError, match=said):
        configured(**{**WITH, **fields})


def test_what_can_work_is_taken():
    for fields in (
        {"assistant.near": 1.0, "n_real": 20, "budget": 210, "rounds": 1},
        {"assistant.rounds": "all", "assistant.views": 2, "assistant.train.crop": 1},
        {"method": "active_labelling", "assistant.real_images": 10, "assistant.mixes": 0},
        {"method": "real_only"},
        {"train.loss": "pad_kl"},
        # Without an assistant, nothing that is said of one matters.
        {
            "assistant.model": "",
            "assistant.near": 0.5,
            "method": "real_only",
            "train.loss": "pad_l2",
        },
    ):
        configured(**{**WITH, **fields})
