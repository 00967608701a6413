"""What does not fit a data set of lanes is refused before it costs anything."""

import pytest

from amkd.core.errors import UserError
from amkd.validation import from_config
from amkd.validation.tasks import refuse_mode
from tests.support.configuring import changed, complaint

FITS = {
    "dataset": "roads",
    "method": "active_labelling",
    "teacher__kind": "labels",
    "student": "row_anchor_half",
}
MISFITS = {
    "mixes": ({"method": "active_mixup", "teacher__kind": "flax"}, "config.method='active_mixup'"),
    "a service": ({"teacher__kind": "oip"}, "config.teacher.kind='oip'"),
    "last layers": ({"search__acquisition": "badge"}, "config.search.acquisition='badge'"),
    "mixed batches": ({"train__mix_share": 0.5}, "config.train.mix_share=0.5"),
    "moved images": ({"train__flip": True}, "config.train.flip=True"),
    "corrections": ({"train__corrections": 2.0}, "config.train.corrections=2.0"),
    "weights": ({"train__weighting": "softmax"}, "config.train.weighting='softmax'"),
    "no test labels": ({"data__evaluate_on": "train"}, "config.data.evaluate_on='train'"),
    "no folder": (
        {"dataset": "culane", "data__size": 64, "data__resize": "stretch"},
        "config.data.folder=''",
    ),
    "cropped images": (
        {"dataset": "tusimple", "data__folder": "x", "data__size": 64},
        "config.data.resize='crop'",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_misfits_are_named(case):
    fields, wanted = MISFITS[case]
    found = complaint(**{**FITS, **fields})
    assert (wanted in found and "set it to" in found) or "needs it" in found


def test_what_fits():
    settings = from_config(changed(**FITS))
    refuse_mode(settings, "distill")
    with pytest.raises(UserError, match="--mode=export: needs classes"):
        refuse_mode(settings, "export")
    refuse_mode(from_config(changed()), "export")


def test_what_is_for_lanes_or_labels_alone():
    assert "config.search.acquisition='acd'" in complaint(search__acquisition="acd")
    gap = {"search__gap_teacher": "network", "search__acquisition": "distillation_gap"}
    assert "config.search.gap_teacher='network'" in complaint(**gap)
    from_config(changed(search__gap_teacher="network"))  # another acquisition does not use it


def test_rules_of_the_users_own_are_taken_to_fit():
    own = "tests.support.wrong_choices:TWICE"
    found = from_config(changed(**{**FITS, "search__acquisition": own}))
    assert found.search.acquisition == own
    method = "tests.support.wrong_choices:OF_IMAGES"
    assert from_config(changed(**{**FITS, "method": method})).method == method
    for name, value in (("student_weights", "hf:timm/some"), ("data__real", "hf:some/images")):
        field = name.replace("__", ".")
        assert f"config.{field}={value!r}: does not fit" in complaint(**{**FITS, name: value})
